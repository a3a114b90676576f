"""Two syntheses -> what differs between them: numbers, a signed picture and a map for the viewer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radui.records import ByteArray, Synthesis
from radui.render.evidence import halves
from radui.render.synthesis import SCALE, mark_bar, synthetic_png

FOOT = 44  # pixels under the picture for the colour bar and its numbers


@dataclass(frozen=True)
class Difference:
    """values: (S, S) int16, grey levels of the picture after the change less those before.

    codes: how many of the places of the code grid differ, of how many.
    """

    values: NDArray[np.int16]
    codes: tuple[int, int]

    @property
    def range(self) -> tuple[int, int]:
        """The lowest and the highest value."""
        return int(self.values.min()), int(self.values.max())

    @property
    def text(self) -> str:
        """The numbers as a sentence."""
        low, high = self.range
        mean = float(np.abs(self.values).mean())
        return (
            f"Grey levels differ by {_signed(low)} to {_signed(high)} of 255, {mean:.1f} in the mean; "
            f"{self.codes[0]} of {self.codes[1]} codes differ."
        )


def difference(before: Synthesis, after: Synthesis) -> Difference:
    """Return what the change made of a picture of equal size."""
    values = after.pixels.astype(np.int16) - before.pixels.astype(np.int16)
    apart = sum(one != other for one, other in zip(before.codes, after.codes, strict=True))
    return Difference(values, (apart, len(before.codes)))


def difference_picture(found: Difference) -> ByteArray:
    """Return an RGB picture, blue where the change made it darker, red where brighter, marked SYNTHETIC.

    A bar under it carries the numbers; both ends of the scale are as far from zero as the farthest value.
    """
    import cv2
    from matplotlib import colormaps

    limit = max(1, *map(abs, found.range))
    table = np.asarray(colormaps["berlin"](np.arange(256), bytes=True)[:, :3], dtype=np.uint8)
    shares = ((found.values / limit + 1) * 127.5).round().astype(np.uint8)
    side = found.values.shape[1] * SCALE
    picture = cv2.resize(table[shares], (side, side), interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    mark_bar(picture)
    return np.concatenate([picture, _foot(table, side, limit)]).astype(np.uint8)


def difference_png(found: Difference, before: Synthesis, after: Synthesis) -> bytes:
    """Encode the difference as a PNG that says what it is, of which reports, and its numbers."""
    reports = f"Before: {before.report}\nAfter: {after.report}"
    how = f"view={after.view} seed={after.seed} {after.sampling}"
    return synthetic_png(difference_picture(found), reports, f"{found.text.replace('−', '-')} {how}")


def difference_map(found: Difference, views: int = 2) -> dict[str, Any]:
    """Return its amount as a map over the whole of each view, for the viewer's own scale and read-out."""
    rows, columns = found.values.shape
    amount = np.abs(found.values).astype(np.float32)
    return {
        "kind": "maps",
        "key": "difference",
        "title": "difference of the pair",
        "unit": "grey levels",
        "over": "report",
        **halves(np.broadcast_to(amount, (1, 1, 1, views, rows, columns))),
        "frames": [{"box": [0, 0, columns, rows]}] * views,
        "averaged": [],
    }


def _foot(table: ByteArray, side: int, limit: int) -> ByteArray:
    import cv2

    foot = np.zeros((FOOT, side, 3), np.uint8)
    foot[6:16] = table[np.linspace(0, 255, side).round().astype(int)]
    for text, x in ((f"-{limit}", 4), ("0 grey levels", side // 2 - 50), (f"+{limit}", side - 52)):
        cv2.putText(foot, text, (x, FOOT - 8), cv2.FONT_HERSHEY_DUPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return foot


def _signed(value: int) -> str:
    return f"+{value}" if value > 0 else str(value).replace("-", "−")

"""The bones of a drawn patient's frontal film: spine, ribs, collar bones, shoulders."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radui.records import FloatArray
from train.data.drawing.anatomy import SIDES, Anatomy, Rib, mirrored, ribs
from train.data.drawing.shapes import (
    SIZE,
    as_map,
    curve,
    disc,
    ellipsoid,
    empty,
    fill,
    grid,
    ribbon,
    soften,
)


@dataclass(frozen=True)
class Break:
    """A rib broken across: the piece beyond the break has slipped down."""

    side: int
    rib: int
    slip: float

    def split(self, line: NDArray[np.float64], rib: Rib) -> list[NDArray[np.float64]]:
        """Return the two pieces of the rib's course."""
        at = self.index(rib)
        return [line[:at], line[at + 1 :] + np.array((0, self.slip))]

    def index(self, rib: Rib) -> int:
        """Return the point of the rib's course where it breaks, on its back part near the side."""
        return int(0.5 * rib.turn)


def bones(anatomy: Anatomy, fracture: Break | None = None) -> FloatArray:
    """Return all bones of the frontal film in cm, one rib broken where `fracture` says so."""
    return spine(anatomy) + rib_cage(anatomy, fracture) + clavicles(anatomy) + shoulders(anatomy)


def spine(anatomy: Anatomy) -> FloatArray:
    """Return the vertebrae: bodies with dense plates, pedicles and spinous processes; thinner at the neck."""
    canvas = empty()
    height, y, x = 21.0, anatomy.apex - 60, anatomy.centre
    while y < SIZE + 20:
        _vertebra(canvas, x, y, 15 + 5 * (y / SIZE), height)
        y += height + 4
        height *= 1.022
    _, rows = grid()
    return soften(as_map(canvas, 2.2), 1.1) * (
        np.float32(0.55) + np.float32(0.45) * np.minimum(rows / 260, 1)
    )


def _vertebra(canvas: NDArray[np.uint8], x: float, y: float, half: float, height: float) -> None:
    box = [(-half, 0), (-0.86 * half, height / 2), (-half, height), (0, height - 1), (half, height)]
    box += [(0.86 * half, height / 2), (half, 0), (0, 1)]
    outline = np.array([(x + dx, y + dy) for dx, dy in box])
    middle = (x, y + height / 2)
    fill(canvas, outline, 0.62)
    fill(canvas, (outline - middle) * (0.86, 0.74) + middle, 0.44)
    for dx in (-0.62 * half, 0.62 * half):
        fill(canvas, disc((x + dx, y + 8), (3, 5)), 0.72)
    fill(canvas, disc((x, y + 0.7 * height), (2.5, 0.35 * height)), 0.78)


def rib_cage(anatomy: Anatomy, fracture: Break | None = None) -> FloatArray:
    """Return the ribs as hollow bands: the back parts bold, the front parts fainter towards the cartilage."""
    back, front = empty(), empty()
    for index, rib in enumerate(ribs(anatomy)):
        for side in SIDES:
            line = rib_line(anatomy, rib, side)
            broken = fracture is not None and (fracture.side, fracture.rib) == (side, index)
            pieces = (
                fracture.split(line[: rib.turn + 3], rib) if fracture and broken else [line[: rib.turn + 3]]
            )
            for piece in pieces:
                _hollow(back, piece, [rib.width - 1, rib.width, rib.width + 1], 0.78, 0.50)
            _hollow(front, line[rib.turn - 2 :], [rib.width, rib.width + 2, rib.width + 3], 0.56, 0.40)
    return soften(as_map(back, 1.0) + as_map(front, 0.9), 0.9)


def rib_line(anatomy: Anatomy, rib: Rib, side: int) -> NDArray[np.float64]:
    """Return the rib's course on the frontal film, (points, 2)."""
    return np.stack([anatomy.centre + side * rib.across, rib.y], axis=1)


def _hollow(
    canvas: NDArray[np.uint8], line: NDArray[np.float64], widths: list[float], edge: float, core: float
) -> None:
    """Paint a band with a dense edge (the cortex) round a lighter core."""
    fill(canvas, ribbon(line, widths), edge)
    fill(canvas, ribbon(line, [max(w - 4.2, 0.5) for w in widths]), core)


def clavicles(anatomy: Anatomy) -> FloatArray:
    """Return the two collar bones, S-shaped, rising to the shoulder."""
    canvas = empty()
    a = anatomy.apex
    for side in SIDES:
        course = [(20, a + 52), (48, a + 42), (88, a + 22), (128, a + 10), (166, a + 12), (190, a + 20)]
        line = curve(mirrored(anatomy, side, course))
        _hollow(canvas, line, [17, 12, 11, 12, 14], 0.80, 0.56)
    return soften(as_map(canvas, 1.5), 0.9)


def shoulders(anatomy: Anatomy) -> FloatArray:
    """Return shoulder blades, turned mostly out of the lungs, and the heads of the upper arms."""
    canvas = empty()
    for side in SIDES:
        a, out = anatomy.apex, anatomy.scapula
        blade = [
            (142, 34),
            (134, 80),
            (136, 130),
            (150, 190),
            (158, 198),
            (166, 180),
            (182, 110),
            (202, 72),
            (190, 40),
        ]
        outline = curve(mirrored(anatomy, side, [(dx + out, a + dy) for dx, dy in blade]), 120, True)
        middle = outline.mean(axis=0)
        fill(canvas, outline, 0.34)
        fill(canvas, (outline - middle) * (0.84, 0.92) + middle, 0.18)
        spur = curve(
            mirrored(anatomy, side, [(142 + out, a + 72), (175, a + 46), (212, a + 22), (224, a + 30)])
        )
        _hollow(canvas, spur, [5, 9, 13, 12], 0.50, 0.36)
    blades = as_map(canvas, 2.0)
    return soften(blades, 1.0) + _humeri(anatomy)


def _humeri(anatomy: Anatomy) -> FloatArray:
    canvas = empty()
    a = anatomy.apex
    for side in SIDES:
        shaft = [(214, a + 62), (240, a + 124), (258, 270), (268, 400), (272, 540)]
        _hollow(canvas, curve(mirrored(anatomy, side, shaft)), [38, 27, 22, 22, 22], 0.9, 0.55)
    shafts = soften(as_map(canvas, 1.2), 1.0)
    heads = [ellipsoid((anatomy.centre + side * 210, a + 50), (25, 26), 1.7) for side in SIDES]
    return np.maximum(shafts, soften(np.maximum(heads[0], heads[1]), 1.0))

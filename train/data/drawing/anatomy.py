"""One drawn patient: the sizes that frontal and lateral film share, and the ribs in space.

Lengths are pixels of the 512 x 512 film, about 12 a centimetre. The patient faces the reader on the
frontal film: his left is at its right. "side" is the patient's: +1 left (image right), -1 right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RIBS = 10
SIDES = (-1, 1)


@dataclass(frozen=True)
class Anatomy:
    """Sizes of a patient. ratio: heart width / thorax width; girth, breasts: cm of soft tissue added."""

    centre: float
    width: float
    apex: float
    base_right: float
    base_left: float
    ratio: float
    girth: float
    breasts: float
    depth: float
    scapula: float
    stomach: bool

    @classmethod
    def sample(cls, rng: np.random.Generator, enlarged: float | None = None) -> "Anatomy":
        """Draw an adult; `enlarged` in [0, 1] asks for a heart wider than half of the thorax."""
        base = rng.uniform(362, 386)
        ratio = rng.uniform(0.41, 0.47)
        female = rng.random() < 0.5
        return cls(
            centre=rng.uniform(250, 262),
            width=rng.uniform(158, 174),
            apex=rng.uniform(56, 70),
            base_right=base,
            base_left=base + rng.uniform(8, 18),
            ratio=ratio if enlarged is None else 0.55 + 0.10 * enlarged,
            girth=rng.uniform(-1.0, 2.5),
            breasts=rng.uniform(1.5, 4.0) if female else 0.0,
            depth=rng.uniform(128, 144),
            scapula=rng.uniform(-8, 14),
            stomach=rng.random() < 0.7,
        )

    def base(self, side: int) -> float:
        """Return y of the top of the dome on one side of the diaphragm."""
        return self.base_left if side > 0 else self.base_right

    def half_width(self, y: float | NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the half-width of the rib cage at height y."""
        levels = self.apex + (self.base_right - self.apex) * np.array(
            [-0.05, 0.08, 0.2, 0.4, 0.65, 0.9, 1.25]
        )
        return np.asarray(self.width * np.interp(y, levels, [0.40, 0.62, 0.77, 0.91, 0.985, 1.0, 0.99]))

    @property
    def heart_width(self) -> float:
        """Widest extent of the heart on the frontal film."""
        return 2 * self.width * self.ratio


@dataclass(frozen=True)
class Rib:
    """A rib in space from the spine (first point) round the side to its front end.

    across: pixels from the midline, unsigned; behind: 1 at the back, -1 at the breastbone; y as on film.
    """

    across: NDArray[np.float64]
    behind: NDArray[np.float64]
    y: NDArray[np.float64]
    width: float

    @property
    def turn(self) -> int:
        """Index of the outermost point, where the back part becomes the front part."""
        return int(np.argmax(self.across))


def ribs(anatomy: Anatomy) -> list[Rib]:
    """Return ribs 1 to 10 of one side, the front end lower than the back end."""
    spacing = (anatomy.base_right - anatomy.apex) / 9.6
    return [_rib(anatomy, index, anatomy.apex + 12 + spacing * index) for index in range(RIBS)]


def _rib(anatomy: Anatomy, index: int, start: float) -> Rib:
    share = index / (RIBS - 1)
    angle = np.linspace(0.10, np.pi * (0.86 - 0.22 * share), 72)
    drop = 34 + 108 * np.sqrt(share)
    reach = float(anatomy.half_width(start + 0.42 * drop)) * (0.80 if index == 0 else 1.0)
    across = 16 + (reach - 16) * np.sin(angle) ** 0.9
    arch = -9 * np.sin(2 * angle) * (angle < np.pi / 2)
    y = start + drop * (1 - np.cos(angle)) / 2 + arch
    return Rib(across, np.cos(angle), y, width=9.0 + 2.5 * share)


def mirrored(anatomy: Anatomy, side: int, points: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Turn (distance from the midline, y) into film points on one side of the patient."""
    array = np.asarray(points, np.float64)
    return np.stack([anatomy.centre + side * array[:, 0], array[:, 1]], axis=1)

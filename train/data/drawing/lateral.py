"""The lateral film of a drawn patient, the breastbone at the film's left, arms raised.

Depth is measured as `behind`: -1 at the breastbone, 0 in the middle, 1 at the spine.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radui.records import FloatArray
from train.data.drawing.anatomy import SIDES, Anatomy, Rib, ribs
from train.data.drawing.film import Layers
from train.data.drawing.shapes import (
    SIZE,
    as_map,
    clouds,
    curve,
    disc,
    ellipsoid,
    empty,
    fill,
    inflate,
    region,
    ribbon,
    soften,
)

LUNG_WIDTH = 19.0
MIDDLE = 250.0


def draw_lateral(anatomy: Anatomy, rng: np.random.Generator) -> Layers:
    """Return the layers of the same patient's lateral film."""
    layers = Layers()
    layers.soft += body(anatomy) + arms(anatomy)
    layers.soft *= 1 + np.float32(0.012) * clouds(rng, (14, 40))
    layers.lung += lungs(anatomy)
    layers.gas += airway(anatomy) + stomach(anatomy)
    layers.vessels += vessels(anatomy, rng) * np.minimum(layers.lung / 5, 1)
    layers.bone += spine(anatomy) + breastbone(anatomy) + rib_cage(anatomy)
    return layers


def place(anatomy: Anatomy, points: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Turn (behind, share) into film points; share is 0 at the apex and 1 at the domes' height."""
    array = np.asarray(points, np.float64)
    x = MIDDLE + anatomy.depth * array[:, 0]
    y = anatomy.apex + (anatomy.base_right - anatomy.apex) * array[:, 1]
    return np.stack([x, y], axis=1)


def body(anatomy: Anatomy) -> FloatArray:
    """Return the trunk seen from the side, its breadth rounded towards chest and back."""
    front = 0.10 * anatomy.girth / 2
    outline = [
        (0.30, -0.45),
        (-0.15, -0.28),
        (-0.60, -0.02),
        (-1.00, 0.24),
        (-1.22 - front, 0.54),
        (-1.32 - front, 0.84),
        (-1.34 - front, 1.14),
        (-1.36 - front, 1.44),
        (-1.20, 1.78),
        (-0.40, 1.90),
        (0.50, 1.90),
        (1.30, 1.78),
        (1.48 + front, 1.44),
        (1.50 + front, 1.10),
        (1.56 + front, 0.76),
        (1.58 + front, 0.42),
        (1.52, 0.10),
        (1.36, -0.20),
        (1.16, -0.48),
        (0.76, -0.54),
    ]
    trunk = inflate(region(place(anatomy, outline), 240), 130, 26 + anatomy.girth)
    bust = soften(inflate(_bust(anatomy), 60, 1.1 * anatomy.breasts), 4.0)
    return soften(trunk + bust, 1.5)


def _bust(anatomy: Anatomy) -> FloatArray:
    if anatomy.breasts == 0:
        return np.zeros((SIZE, SIZE), np.float32)
    swell = 0.12 * anatomy.breasts
    outline = [(-0.95, 0.36), (-1.18 - 0.6 * swell, 0.58), (-1.22 - swell, 0.82), (-1.0 - 0.5 * swell, 1.0)]
    return region(place(anatomy, [*outline, (-0.80, 0.92), (-0.82, 0.55)]))


def arms(anatomy: Anatomy) -> FloatArray:
    """Return the raised upper arms and shoulders, which whiten the top of the film."""
    canvas = empty()
    line = curve(place(anatomy, [(0.62, 0.14), (0.18, -0.02), (-0.50, -0.16), (-1.5, -0.34)]))
    fill(canvas, ribbon(line, [120, 118, 96, 84]), 1.0)
    return soften(inflate(as_map(canvas), 56, 8.0), 9.0)


def lungs(anatomy: Anatomy) -> FloatArray:
    """Return the thickness of both lungs together, less heart, great vessels and what lies below."""
    room = inflate(region(place(anatomy, _outline()), 240), 62, LUNG_WIDTH)
    solid = np.maximum(heart(anatomy), mediastinum(anatomy))
    return np.maximum(room - solid, 0) * (1 - domes(anatomy))


def _outline() -> list[tuple[float, float]]:
    front = [(-0.02, 0.02), (-0.34, 0.10), (-0.66, 0.24), (-0.88, 0.46), (-0.97, 0.72), (-0.99, 1.02)]
    back = [(0.98, 1.26), (1.08, 1.10), (1.13, 0.80), (1.10, 0.50), (0.94, 0.22), (0.66, 0.06), (0.32, -0.02)]
    return [*front, (-0.5, 1.30), *back]


def domes(anatomy: Anatomy) -> FloatArray:
    """Return in [0, 1] how far the two halves of the diaphragm displace the lungs."""
    right = _dome(anatomy, 0.0)
    left = _dome(anatomy, (anatomy.base_left - anatomy.base_right) / (anatomy.base_right - anatomy.apex))
    return soften(np.float32(0.52) * right + np.float32(0.48) * left, 0.8)


def dome_line(lower: float) -> list[tuple[float, float]]:
    """Return a half of the diaphragm from front to back as (behind, share), lowered by `lower`."""
    line = [(-1.06, 1.06), (-0.72, 1.005), (-0.32, 0.99), (0.08, 1.01), (0.46, 1.075), (0.80, 1.175)]
    return [(behind, share + lower) for behind, share in [*line, (1.12, 1.30)]]


def _dome(anatomy: Anatomy, lower: float) -> FloatArray:
    canvas = empty()
    edge = curve(place(anatomy, dome_line(lower)), 80)
    fill(canvas, np.vstack([edge, [(edge[-1, 0], SIZE + 5), (edge[0, 0], SIZE + 5)]]), 1.0)
    return as_map(canvas)


def heart(anatomy: Anatomy) -> FloatArray:
    """Return the heart's thickness, low and in front; a larger one fills the space before the spine."""
    grow = 2.6 * (anatomy.ratio - 0.44)
    outline = [
        (-0.10, 0.46),
        (-0.42, 0.50),
        (-0.70, 0.62 - 0.3 * grow),
        (-0.90, 0.80 - 0.2 * grow),
        (-0.95, 0.98),
        (-0.60, 1.08),
        (-0.05 + 0.3 * grow, 1.06),
        (0.26 + 0.6 * grow, 0.94),
        (0.30 + 0.7 * grow, 0.76),
        (0.16 + 0.3 * grow, 0.56),
    ]
    return soften(inflate(region(place(anatomy, outline)), 62, 9.0), 3.0)


def mediastinum(anatomy: Anatomy) -> FloatArray:
    """Return aorta, lung roots and the tissue round the trachea."""
    canvas = empty()
    aorta = [
        (-0.22, 0.56),
        (-0.16, 0.38),
        (0.10, 0.30),
        (0.40, 0.36),
        (0.56, 0.52),
        (0.66, 0.80),
        (0.70, 1.15),
    ]
    fill(canvas, ribbon(curve(place(anatomy, aorta)), [30, 28, 25, 24, 22]), 0.55)
    vessels_above = curve(place(anatomy, [(0.06, 0.34), (0.06, 0.16), (0.10, -0.06)]))
    fill(canvas, ribbon(vessels_above, [48, 44, 44]), 0.50)
    root = place(anatomy, [(0.08, 0.49)])[0]
    hilum = ellipsoid((root[0], root[1]), (26, 34), 4.0, 10)
    return soften(as_map(canvas, 6.5), 3.5) + soften(hilum, 3.0)


def airway(anatomy: Anatomy) -> FloatArray:
    """Return trachea and the two main bronchi, which are seen end-on as round holes."""
    canvas = empty()
    fill(
        canvas,
        ribbon(curve(place(anatomy, [(-0.02, -0.30), (0.06, 0.0), (0.14, 0.22), (0.19, 0.42)])), 16),
        1.0,
    )
    for behind, share in ((0.17, 0.40), (0.20, 0.47)):
        x, y = place(anatomy, [(behind, share)])[0]
        fill(canvas, disc((x, y), (8, 8)), 1.0)
    return soften(as_map(canvas, 2.4), 1.8)


def stomach(anatomy: Anatomy) -> FloatArray:
    """Return the gas bubble under the diaphragm, or nothing."""
    if not anatomy.stomach:
        return np.zeros((SIZE, SIZE), np.float32)
    x, y = place(anatomy, [(-0.10, 1.17)])[0]
    return soften(ellipsoid((x, y), (42, 16), 5.0, 8), 2.0)


def vessels(anatomy: Anatomy, rng: np.random.Generator) -> FloatArray:
    """Return the lungs' vessels, running out from the root."""
    canvas = empty()
    root = place(anatomy, [(0.10, 0.50)])[0]
    for degrees in np.arange(-170, 180, 14):
        turn = np.deg2rad(degrees + rng.uniform(-7, 7))
        reach = rng.uniform(70, 150) * (1.2 if np.sin(turn) > 0.2 else 0.8)
        way = np.array([np.cos(turn), np.sin(turn)])
        bend = np.array([-way[1], way[0]]) * rng.uniform(-16, 16)
        line = curve([root + 20 * way, root + 0.5 * reach * way + bend, root + reach * way], 14)
        fill(canvas, ribbon(line, [rng.uniform(4, 7), 3.2, 1.2]), rng.uniform(0.2, 0.5))
    return soften(as_map(canvas, 1.7), 1.0)


def spine(anatomy: Anatomy) -> FloatArray:
    """Return the vertebrae along the curve of the back: bodies, their end plates, arches behind."""
    course = curve(
        place(anatomy, [(0.46, -0.30), (0.70, 0.04), (0.96, 0.36), (1.02, 0.70), (0.96, 1.10), (0.80, 1.6)]),
        22,
    )
    along = np.gradient(course, axis=0)
    canvas = empty()
    for index, (centre, step) in enumerate(zip(course, along, strict=True)):
        _vertebra(canvas, centre, step, 17 + 0.45 * index)
    arches = empty()
    fill(arches, ribbon(course + np.array((30, 2)), 20), 0.5)
    return soften(as_map(canvas, 3.0), 1.1) + soften(as_map(arches, 1.6), 5.0)


def _vertebra(
    canvas: NDArray[np.uint8], centre: NDArray[np.float64], step: NDArray[np.float64], half: float
) -> None:
    up = step / 2 * 0.86
    across = half * np.array([step[1], -step[0]]) / np.hypot(*step)
    outline = np.array(
        [centre + a * across + b * up for a, b in ((-1, -1), (1, -1), (0.9, 0), (1, 1), (-1, 1), (-0.9, 0))]
    )
    fill(canvas, outline, 0.72)
    fill(canvas, (outline - centre) * 0.78 + centre, 0.44)


def breastbone(anatomy: Anatomy) -> FloatArray:
    """Return the breastbone, in two parts, edge-on."""
    canvas = empty()
    for course in ([(-0.64, 0.15), (-0.80, 0.27)], [(-0.83, 0.30), (-1.02, 0.52), (-1.09, 0.74)]):
        line = curve(place(anatomy, course), 20)
        fill(canvas, ribbon(line, 13), 0.9)
        fill(canvas, ribbon(line, 7), 0.6)
    return soften(as_map(canvas, 2.2), 1.0)


def rib_cage(anatomy: Anatomy) -> FloatArray:
    """Return the ribs of both sides, those farther from the film a little larger and blurred."""
    layers = []
    for side in SIDES:
        canvas = empty()
        for rib in ribs(anatomy):
            fill(canvas, ribbon(rib_line(anatomy, rib, side), [8, 7, 7]), 0.85)
            fill(canvas, ribbon(rib_line(anatomy, rib, side), [4, 3, 3]), 0.55)
        layers.append(soften(as_map(canvas, 0.62), 0.9 if side > 0 else 1.8))
    return layers[0] + layers[1]


def rib_line(anatomy: Anatomy, rib: Rib, side: int) -> NDArray[np.float64]:
    """Return the rib's course on the lateral film; the right side lies farther from the film."""
    scale, shift = (1.0, 0.0) if side > 0 else (1.05, 6.0)
    reach = anatomy.depth * 1.10 * np.interp(rib.y[0], [anatomy.apex, anatomy.apex + 110], [0.62, 1.0])
    return np.stack([MIDDLE + 6 + scale * reach * rib.behind, rib.y + shift], axis=1)

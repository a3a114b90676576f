"""The frontal film of a drawn patient: body, lungs, heart, mediastinum, vessels."""

import math

import numpy as np
from numpy.typing import NDArray

from radui.records import FloatArray
from train.data.drawing.anatomy import SIDES, Anatomy, mirrored
from train.data.drawing.film import Layers
from train.data.drawing.frontal_bones import Break, bones
from train.data.drawing.shapes import (
    SIZE,
    as_map,
    clouds,
    curve,
    ellipsoid,
    empty,
    fill,
    grid,
    inflate,
    region,
    ribbon,
    ribbons,
    soften,
)

CAVITY_DEPTH = 17.0


def draw_frontal(anatomy: Anatomy, rng: np.random.Generator, fracture: Break | None = None) -> Layers:
    """Return the layers of a frontal film; a large heart comes with the anatomy."""
    layers = Layers()
    layers.soft += body(anatomy) + breasts(anatomy)
    layers.soft *= 1 + np.float32(0.012) * clouds(rng, (14, 40))
    layers.lung += lungs(anatomy)
    layers.gas += airway(anatomy) + stomach(anatomy, rng)
    layers.vessels += vessels(anatomy, rng) * np.minimum(layers.lung / 5, 1)
    layers.vessels += hila(anatomy, rng)
    layers.bone += bones(anatomy, fracture)
    return layers


def body(anatomy: Anatomy) -> FloatArray:
    """Return the trunk, neck and upper arms; elliptic cross-sections, 12 to 24 cm deep."""
    x, y = grid()
    top = anatomy.apex - 70
    levels = top + np.array([0, 30, 52, 76, 100, 128, 180, 230, 330, 460, 520])
    widths = (
        np.array([64, 68, 96, 160, 216, 238, 232, 214, 204, 210, 214]) * anatomy.width / 166
        + 5 * anatomy.girth
    )
    depths = np.array([11, 11, 11.5, 12.5, 15, 18, 20.5, 21.5, 22.5, 23.5, 23.5]) + anatomy.girth
    rows = y[:, 0]
    half = np.interp(rows, levels, widths).astype(np.float32)[:, None]
    deep = np.interp(rows, levels, depths).astype(np.float32)[:, None]
    across = (x - np.float32(anatomy.centre)) / half
    trunk = deep * np.sqrt(np.maximum(0, 1 - np.abs(across) ** 2.6))
    return np.maximum(soften(trunk, 2.0), _arms(anatomy))


def _arms(anatomy: Anatomy) -> FloatArray:
    canvas = empty()
    for side in SIDES:
        line = [(186, anatomy.apex + 44), (230, anatomy.apex + 88), (262, 240), (272, 360), (274, 540)]
        fill(canvas, ribbon(curve(mirrored(anatomy, side, line)), [70, 92, 92, 84, 80]), 1.0)
    return inflate(as_map(canvas), 42, 10.5 + 0.4 * anatomy.girth)


def breasts(anatomy: Anatomy) -> FloatArray:
    """Return the breasts' shadows with their curved lower borders."""
    total = np.zeros((SIZE, SIZE), np.float32)
    if anatomy.breasts == 0:
        return total
    for side in SIDES:
        at = (anatomy.centre + side * 102, anatomy.base_right - 48)
        total += ellipsoid(
            at, (74 + 4 * anatomy.breasts, 62 + 6 * anatomy.breasts), anatomy.breasts, side * 12
        )
    return soften(total, 2.5)


def lungs(anatomy: Anatomy) -> FloatArray:
    """Return the thickness of lung: the cavity of the chest less heart, mediastinum and what lies below."""
    room = cavity(anatomy)
    solid = np.maximum(heart(anatomy), mediastinum(anatomy))
    covered = domes(anatomy)
    return np.maximum(room - solid, 0) * (1 - covered)


def cavity(anatomy: Anatomy) -> FloatArray:
    """Return the depth of the thoracic cavity in cm, apices to the deepest costophrenic recess."""
    canvas = empty()
    for side in SIDES:
        fill(canvas, curve(mirrored(anatomy, side, lung_outline(anatomy, side)), 200, closed=True), 1.0)
    return inflate(as_map(canvas), 74, CAVITY_DEPTH)


def lung_outline(anatomy: Anatomy, side: int) -> list[tuple[float, float]]:
    """Return the cavity of one side, past the midline and below the dome: (distance from midline, y)."""
    apex, base = anatomy.apex, anatomy.base(side)
    levels = apex + (base - apex) * np.array([0.10, 0.25, 0.45, 0.70, 0.95])
    wall = [(float(w), float(y)) for w, y in zip(anatomy.half_width(levels), levels, strict=True)]
    top = [(-30, apex + 60), (22, apex + 26), (44, apex + 5), (66, apex + 1), (84, apex + 9)]
    below = [(0.97 * anatomy.width, base + 46), (0.80 * anatomy.width, base + 70)]
    return [
        *top,
        *wall,
        *below,
        (0.5 * anatomy.width, base + 78),
        (20, base + 80),
        (-30, base + 20),
        (-34, apex + 170),
    ]


def domes(anatomy: Anatomy) -> FloatArray:
    """Return in [0, 1] how far the diaphragm and what lies below it displace the lung.

    The domes' edges are sharp, since rays graze them; a little lung lies behind, in the recess.
    """
    _, y = grid()
    covered = np.zeros((SIZE, SIZE), np.float32)
    for side in SIDES:
        edge = curve(mirrored(anatomy, side, dome_line(anatomy, side)), 80)
        outline = np.vstack([edge, [(edge[-1, 0], SIZE + 5), (edge[0, 0], SIZE + 5)]])
        canvas = empty()
        fill(canvas, outline, 1.0)
        fade = np.clip((y - np.float32(anatomy.base(side))) / 44, 0, 1)
        covered = np.maximum(covered, as_map(canvas) * (np.float32(0.80) + np.float32(0.20) * fade))
    return soften(covered, 0.8)


def dome_line(anatomy: Anatomy, side: int) -> list[tuple[float, float]]:
    """Return the dome from the midline to the costophrenic angle as (distance from the midline, y)."""
    base, width = anatomy.base(side), anatomy.width
    return [
        (-8, base + 22),
        (22, base + 12),
        (52, base + 2),
        (82, base),
        (0.70 * width, base + 9),
        (0.86 * width, base + 26),
        (0.955 * width, base + 46),
        (width + 6, base + 62),
    ]


def heart(anatomy: Anatomy) -> FloatArray:
    """Return the heart's thickness in cm, its apex to the patient's left and resting on the diaphragm."""
    w, base, a = anatomy.heart_width, anatomy.base_left - 6, anatomy.apex
    outline = [
        (-26, a + 165),
        (-0.27 * w, base - 92),
        (-0.335 * w, base - 52),
        (-0.30 * w, base - 12),
        (-0.14 * w, base + 16),
        (0.18 * w, base + 34),
        (0.50 * w, base + 26),
        (0.63 * w, base + 4),
        (0.655 * w, base - 20),
        (0.605 * w, base - 56),
        (0.50 * w, base - 96),
        (0.36 * w, base - 134),
        (30, a + 168),
    ]
    return inflate(soften(region(mirrored(anatomy, 1, outline)), 1.5), 0.30 * w, 10.5)


def mediastinum(anatomy: Anatomy) -> FloatArray:
    """Return the great vessels and the tissue round the spine, the aortic knob at the patient's left."""
    a, b = anatomy.apex, anatomy.base_right
    levels = [a - 30, a + 10, a + 50, a + 85, a + 105, a + 125, a + 150, a + 175, b - 60, b + 60]
    left = [34, 30, 29, 35, 43, 38, 37, 40, 32, 32]
    right = [34, 31, 30, 32, 33, 33, 34, 33, 30, 30]
    edge = [(w, y) for w, y in zip(left, levels, strict=True)] + [
        (-w, y) for w, y in zip(reversed(right), reversed(levels), strict=True)
    ]
    column = region(mirrored(anatomy, 1, edge))
    return inflate(soften(column, 1.0), 30, CAVITY_DEPTH * 0.74)


def airway(anatomy: Anatomy) -> FloatArray:
    """Return the air of trachea and main bronchi in cm, the right bronchus steeper and wider."""
    x, a = anatomy.centre, anatomy.apex
    fork = a + 128
    canvas = empty()
    fill(
        canvas,
        ribbon(curve([(x, a - 72), (x - 1, a), (x - 3, a + 70), (x - 1, fork)]), [17, 19, 20, 21]),
        1.0,
    )
    fill(
        canvas, ribbon(curve([(x - 2, fork - 8), (x - 18, fork + 22), (x - 33, fork + 46)]), [15, 13, 9]), 0.6
    )
    fill(
        canvas, ribbon(curve([(x + 1, fork - 6), (x + 20, fork + 16), (x + 38, fork + 27)]), [13, 11, 8]), 0.6
    )
    return soften(as_map(canvas, 2.9), 1.8)


def stomach(anatomy: Anatomy, rng: np.random.Generator) -> FloatArray:
    """Return the gas bubble under the left dome, or nothing."""
    if not anatomy.stomach:
        return np.zeros((SIZE, SIZE), np.float32)
    at = (anatomy.centre + rng.uniform(68, 98), anatomy.base_left + rng.uniform(30, 38))
    bubble = ellipsoid(
        at, (rng.uniform(24, 40), rng.uniform(13, 20)), rng.uniform(3.0, 5.5), rng.uniform(-12, 12)
    )
    return soften(bubble, 2.0)


def vessels(anatomy: Anatomy, rng: np.random.Generator) -> FloatArray:
    """Return the branching vessels of both lungs, thinner and fewer towards the wall."""
    courses: list[list[float]] = []
    for side in SIDES:
        y = anatomy.apex + (138.0 if side > 0 else 148.0)
        for degrees in (-82, -66, -48, -28, -8, 12, 30, 46, 60, 72, 84):
            root = (anatomy.centre + side * rng.uniform(38, 50), y + degrees * rng.uniform(0.25, 0.45))
            _branch(courses, root, side, degrees + rng.uniform(-9, 9), rng.uniform(3.6, 5.4), rng)
    return soften(as_map(_paint_vessels(np.array(courses)), 1.5), 0.8)


def _branch(
    courses: list[list[float]],
    start: tuple[float, float],
    side: int,
    degrees: float,
    width: float,
    rng: np.random.Generator,
) -> None:
    """Note one vessel (start, middle, end, width) and, while it is thick enough, the two it divides into."""
    length = width * rng.uniform(8.0, 15.0)
    bend = rng.uniform(-22, 22)
    middle = _ahead(start, side, degrees, length / 2)
    end = _ahead(middle, side, degrees + bend, length / 2)
    courses.append([*start, *middle, *end, width])
    if width < 1.2:
        return
    for turn in (rng.uniform(6, 22), -rng.uniform(14, 34)):
        _branch(courses, end, side, degrees + bend + turn, rng.uniform(0.58, 0.72) * width, rng)


def _ahead(point: tuple[float, float], side: int, degrees: float, length: float) -> tuple[float, float]:
    turn = math.radians(degrees)
    return point[0] + side * length * math.cos(turn), point[1] + length * math.sin(turn)


def _paint_vessels(courses: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Paint all vessels as bent, tapering bands."""
    share = np.linspace(0, 1, 8)[None, :, None]
    start, middle, end = (courses[:, None, at : at + 2] for at in (0, 2, 4))
    lines = (1 - share) ** 2 * start + 2 * share * (1 - share) * middle + share**2 * end
    widths = courses[:, 6]
    canvas = empty()
    for outline, width in zip(ribbons(lines, widths[:, None] * np.linspace(1, 0.7, 8)), widths, strict=True):
        fill(canvas, outline, min(0.9, 0.14 + width / 8))
    return canvas


def hila(anatomy: Anatomy, rng: np.random.Generator) -> FloatArray:
    """Return the denser roots of the lungs, the left a little higher."""
    total = np.zeros((SIZE, SIZE), np.float32)
    for side in SIDES:
        y = anatomy.apex + (146 if side > 0 else 158) + rng.uniform(-4, 4)
        at = (anatomy.centre + side * 45, y)
        total += ellipsoid(at, (15, 27), rng.uniform(1.6, 2.4), side * -16)
        total += ellipsoid((at[0] + side * 9, y + 30), (8, 30), 1.3, side * -14)
    return soften(total, 3.0)

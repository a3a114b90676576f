"""Findings added to a film's layers; each function returns the finding's box in pixels of that film."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from radui.records import Box, FloatArray
from train.data.drawing import frontal, lateral
from train.data.drawing.anatomy import Anatomy, mirrored, ribs
from train.data.drawing.film import LUNG_DENSITY, Layers
from train.data.drawing.frontal_bones import Break, rib_line
from train.data.drawing.plan import ZONES, Plan
from train.data.drawing.shapes import (
    SIZE,
    as_map,
    bounding_box,
    clouds,
    curve,
    ellipsoid,
    empty,
    fill,
    grid,
    ribbon,
    soften,
)

Finding = Callable[[Layers, Anatomy, Plan, np.random.Generator], Box]


def cardiomegaly_frontal(layers: Layers, anatomy: Anatomy, plan: Plan, rng: np.random.Generator) -> Box:
    """Return the box of the enlarged heart, which the anatomy already holds."""
    return bounding_box(frontal.heart(anatomy) * (frontal.domes(anatomy) < 0.5), 1.0)


def cardiomegaly_lateral(layers: Layers, anatomy: Anatomy, plan: Plan, rng: np.random.Generator) -> Box:
    """Return the box of the enlarged heart, which the anatomy already holds."""
    return bounding_box(lateral.heart(anatomy) * (lateral.domes(anatomy) < 0.5), 1.0)


def effusion_frontal(layers: Layers, anatomy: Anatomy, plan: Plan, rng: np.random.Generator) -> Box:
    """Fill the costophrenic angle with fluid, its upper edge rising towards the wall."""
    base, width, height = anatomy.base(plan.side), anatomy.width, 64 + 116 * plan.size
    edge = [
        (width + 14, base + 56 - height),
        (0.93 * width, base + 56 - 0.86 * height),
        (0.76 * width, base + 46 - 0.54 * height),
        (0.48 * width, base + 38 - 0.38 * height),
        (4, base + 34 - 0.32 * height),
    ]
    line = curve(mirrored(anatomy, plan.side, edge))
    return _flood(layers, line, 0.94)


def effusion_lateral(layers: Layers, anatomy: Anatomy, plan: Plan, rng: np.random.Generator) -> Box:
    """Fill the recess behind the diaphragm with fluid of one side."""
    top = 1.16 - (64 + 116 * plan.size) / (anatomy.base_right - anatomy.apex)
    edge = [(1.24, top), (1.06, top + 0.06), (0.70, top + 0.17), (0.2, top + 0.26), (-1.1, top + 0.34)]
    return _flood(layers, curve(lateral.place(anatomy, edge)), 0.60)


def _flood(layers: Layers, surface: NDArray[np.float64], share: float) -> Box:
    """Replace a share of the lung below a surface line by fluid; return where it shows."""
    canvas = empty()
    fill(canvas, np.vstack([surface, [(surface[-1, 0], SIZE + 5), (surface[0, 0], SIZE + 5)]]), 1.0)
    displaced = layers.lung * soften(as_map(canvas, share), 5.0)
    layers.lung -= displaced
    layers.vessels *= 1 - 0.7 * soften(as_map(canvas), 5.0)
    return bounding_box(displaced, 1.2)


def opacity_frontal(layers: Layers, anatomy: Anatomy, plan: Plan, rng: np.random.Generator) -> Box:
    """Cloud a patch of lung; a consolidation is denser and more sharply bounded."""
    dense = plan.observation == "Consolidation"
    return _cloud(
        layers, _frontal_place(anatomy, plan), 40 + 26 * plan.size, 0.62 if dense else 0.36, dense, rng
    )


def opacity_lateral(layers: Layers, anatomy: Anatomy, plan: Plan, rng: np.random.Generator) -> Box:
    """Cloud the same patch as it is seen from the side, through the other lung."""
    dense = plan.observation == "Consolidation"
    return _cloud(
        layers, _lateral_place(anatomy, plan), 38 + 24 * plan.size, 0.44 if dense else 0.27, dense, rng
    )


def _cloud(
    layers: Layers,
    centre: tuple[float, float],
    radius: float,
    share: float,
    dense: bool,
    rng: np.random.Generator,
) -> Box:
    blob = ellipsoid(centre, (1.35 * radius, 1.1 * radius), 1.0, rng.uniform(-30, 30))
    rough = blob + np.float32(0.13) * clouds(rng, (18, 40)) - np.float32(0.25)
    field = soften(np.clip(rough * (2.6 if dense else 1.6), 0, 1) * (blob > 0), 5.0 if dense else 9.0)
    field *= layers.lung > 1.5
    layers.lung *= 1 - np.float32(share) * field
    return bounding_box(field, 0.4)


def lesion_frontal(layers: Layers, anatomy: Anatomy, plan: Plan, rng: np.random.Generator) -> Box:
    """Put a round nodule of 1.5 to 3 cm into the lung."""
    return _nodule(layers, _frontal_place(anatomy, plan), plan.nodule_radius)


def lesion_lateral(layers: Layers, anatomy: Anatomy, plan: Plan, rng: np.random.Generator) -> Box:
    """Put the same nodule into the lateral film."""
    return _nodule(layers, _lateral_place(anatomy, plan), plan.nodule_radius)


def _nodule(layers: Layers, centre: tuple[float, float], radius: float) -> Box:
    ball = soften(ellipsoid(centre, (radius, 0.94 * radius), 1.8 + radius / 6), 1.2)
    layers.vessels += ball
    return bounding_box(ball, 0.5)


def pneumothorax_frontal(layers: Layers, anatomy: Anatomy, plan: Plan, rng: np.random.Generator) -> Box:
    """Let the lung fall away from wall and apex; a thin line marks its edge, no vessel runs beyond."""
    outline = curve(mirrored(anatomy, plan.side, frontal.lung_outline(anatomy, plan.side)), 200, True)
    root = np.array([anatomy.centre + plan.side * 42.0, anatomy.apex + 190.0])
    height = np.clip((outline[:, 1] - anatomy.apex) / (anatomy.base(plan.side) - anatomy.apex), 0, 1)
    shrink = (0.15 + 0.17 * plan.size) * (1 - 0.75 * height)
    collapsed = root + (outline - root) * (1 - shrink[:, None])
    canvas, edge = empty(), empty()
    fill(canvas, outline, 1.0)
    fill(canvas, collapsed, 0.0)
    fill(edge, ribbon(np.vstack([collapsed, collapsed[:1]]), 2.0), 1.0)
    beside = plan.side * (grid()[0] - np.float32(anatomy.centre)) > 30
    return _empty_pleura(layers, as_map(canvas) * beside, as_map(edge) * beside)


def _empty_pleura(layers: Layers, space: FloatArray, edge: FloatArray) -> Box:
    """Take vessels and lung tissue out of the pleural space and draw the edge of the collapsed lung."""
    space = space * (layers.lung > 0.8)
    layers.gas += np.float32(LUNG_DENSITY) * layers.lung * space
    layers.vessels *= 1 - space
    layers.vessels += np.float32(0.75) * soften(edge * (layers.lung > 3), 0.6)
    return bounding_box(space * layers.lung, 5.0)


def devices_frontal(layers: Layers, anatomy: Anatomy, plan: Plan, rng: np.random.Generator) -> Box:
    """Put in a pacemaker with two leads, or a central venous line with its tip in the vena cava."""
    a, w = anatomy.apex, anatomy.heart_width
    base = anatomy.base_left
    if plan.device == "venous line":
        course = [(-62, a - 66), (-50, a - 10), (-34, a + 40), (-25, a + 84), (-23, a + 128 + 22 * plan.size)]
        return _wires(layers, [mirrored(anatomy, 1, course)], None, 3.4, 0.14)
    to_vein = [(100, a + 74), (86, a + 52), (52, a + 44), (14, a + 58), (-18, a + 82), (-24, a + 140)]
    ventricle = [*to_vein, (-0.16 * w, base - 80), (0.10 * w, base - 22), (0.42 * w, base - 8)]
    atrium = [*to_vein, (-0.12 * w, base - 78), (-0.20 * w, base - 62), (-0.22 * w, base - 84)]
    case = mirrored(anatomy, 1, _case((112, a + 92), 23, 19))
    wires = [mirrored(anatomy, 1, course) for course in (ventricle, atrium)]
    return _wires(layers, wires, case, 2.6, 0.14)


def devices_lateral(layers: Layers, anatomy: Anatomy, plan: Plan, rng: np.random.Generator) -> Box:
    """Put the same device into the lateral film."""
    if plan.device == "venous line":
        course = lateral.place(
            anatomy, [(0.10, -0.30), (0.0, -0.04), (-0.06, 0.2), (-0.08, 0.40 + 0.06 * plan.size)]
        )
        return _wires(layers, [course], None, 3.4, 0.13)
    to_vein = [(-0.80, 0.18), (-0.58, 0.09), (-0.20, 0.08), (-0.08, 0.24), (-0.08, 0.50)]
    ventricle = lateral.place(anatomy, [*to_vein, (-0.16, 0.78), (-0.50, 0.94), (-0.74, 0.97)])
    atrium = lateral.place(anatomy, [*to_vein, (-0.04, 0.70), (-0.24, 0.72), (-0.30, 0.62)])
    x, y = lateral.place(anatomy, [(-0.86, 0.22)])[0]
    turned = np.array(_case((0, 0), 6, 20)) @ np.array([[0.92, 0.38], [-0.38, 0.92]])
    return _wires(layers, [ventricle, atrium], turned + np.array((x, y)), 2.6, 0.12)


def _case(centre: tuple[float, float], half_width: float, half_height: float) -> list[tuple[float, float]]:
    """Return the outline of a generator, a rectangle with generous corners."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    cos, sin = np.cos(turn), np.sin(turn)
    x = centre[0] + half_width * np.sign(cos) * np.abs(cos) ** 0.55
    y = centre[1] + half_height * np.sign(sin) * np.abs(sin) ** 0.55
    return [(float(a), float(b)) for a, b in zip(x, y, strict=True)]


def _wires(
    layers: Layers,
    courses: list[NDArray[np.float64]],
    case: NDArray[np.float64] | None,
    width: float,
    metal: float,
) -> Box:
    wires, solid = empty(), empty()
    for course in courses:
        line = curve(course, 120)
        fill(wires, ribbon(line, width), 0.7)
        if case is not None:
            fill(wires, ribbon(line[-9:], width + 1.4), 1.0)
    if case is not None:
        fill(solid, case, 1.0)
        fill(solid, (case - case.mean(axis=0)) * (0.72, 0.62) + case.mean(axis=0) + (0, 3), 0.72)
    layers.metal += soften(as_map(wires, metal) + as_map(solid, 0.42), 0.6)
    return bounding_box(as_map(np.maximum(wires, solid)), 0.3)


def fracture_box(anatomy: Anatomy, fracture: Break) -> Box:
    """Return the box round the break, which the rib cage was drawn with."""
    rib = ribs(anatomy)[fracture.rib]
    x, y = rib_line(anatomy, rib, fracture.side)[fracture.index(rib)]
    return float(x - 17), float(y - 14), float(x + 17), float(y + 14 + fracture.slip)


def _frontal_place(anatomy: Anatomy, plan: Plan) -> tuple[float, float]:
    """Return the middle of the plan's zone in one lung, clear of the heart."""
    base = anatomy.base(plan.side)
    y = anatomy.apex + ZONES[plan.zone] * (base - anatomy.apex)
    share = 0.70 if plan.zone == "lower" else 0.60
    return anatomy.centre + plan.side * share * float(anatomy.half_width(y)), y


def _lateral_place(anatomy: Anatomy, plan: Plan) -> tuple[float, float]:
    x, y = lateral.place(anatomy, [(plan.behind, ZONES[plan.zone])])[0]
    return float(x), float(y)


def mark_left(layers: Layers) -> None:
    """Lay a lead letter L on the film's upper right corner."""
    canvas = empty()
    cv2.putText(canvas, "L", (466, 44), cv2.FONT_HERSHEY_DUPLEX, 1.0, 255, 2, cv2.LINE_AA)
    layers.metal += as_map(canvas, 0.9)


FRONTAL: dict[str, Finding] = {
    "Cardiomegaly": cardiomegaly_frontal,
    "Lung Opacity": opacity_frontal,
    "Lung Lesion": lesion_frontal,
    "Consolidation": opacity_frontal,
    "Pneumothorax": pneumothorax_frontal,
    "Pleural Effusion": effusion_frontal,
    "Support Devices": devices_frontal,
}

# A pneumothorax and a broken rib are not to be seen from the side.
LATERAL: dict[str, Finding] = {
    "Cardiomegaly": cardiomegaly_lateral,
    "Lung Opacity": opacity_lateral,
    "Lung Lesion": lesion_lateral,
    "Consolidation": opacity_lateral,
    "Pleural Effusion": effusion_lateral,
    "Support Devices": devices_lateral,
}

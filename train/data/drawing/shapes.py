"""Shapes on a 512 x 512 film as float32 maps: masks in [0, 1] and thicknesses in centimetres.

Points are (x, y) in pixels, y down; edges are antialiased.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from radui.records import Box, FloatArray

SIZE = 512
SHIFT = 4  # cv2 takes polygon corners in 1/16 pixel

Points = Sequence[tuple[float, float]] | NDArray[np.floating]


@lru_cache(maxsize=1)
def grid() -> tuple[FloatArray, FloatArray]:
    """Return x and y of each pixel's centre, (512, 512) float32."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) + np.float32(0.5)
    return x, y


def curve(points: Points, samples: int = 60, closed: bool = False) -> NDArray[np.float64]:
    """Return `samples` points of the cubic spline through `points`, (samples, 2)."""
    knots = np.asarray(points, np.float64)
    return _spline_basis(len(knots), samples, closed) @ knots


@lru_cache(maxsize=64)
def _spline_basis(knots: int, samples: int, closed: bool) -> NDArray[np.float64]:
    """Return the weights (samples, knots) of evenly timed knots: a spline is linear in its knots."""
    unit = np.eye(knots)
    if closed:
        unit = np.vstack([unit, unit[:1]])
    spline = CubicSpline(np.arange(len(unit)), unit, bc_type="periodic" if closed else "natural")
    return spline(np.linspace(0.0, len(unit) - 1, samples))


def fill(canvas: NDArray[np.uint8], points: Points, value: float) -> None:
    """Paint a polygon into `canvas` (512, 512) uint8; value in [0, 1]; later shapes cover earlier ones."""
    corners = np.round(np.asarray(points) * (1 << SHIFT)).astype(np.int32)
    cv2.fillPoly(canvas, [corners], round(255 * value), cv2.LINE_AA, SHIFT)


def empty() -> NDArray[np.uint8]:
    """Return a black canvas for `fill`."""
    return np.zeros((SIZE, SIZE), np.uint8)


def as_map(canvas: NDArray[np.uint8], thickness: float = 1.0) -> FloatArray:
    """Turn a canvas into float32, 255 becoming `thickness`."""
    return canvas.astype(np.float32) * np.float32(thickness / 255)


def region(points: Points, samples: int = 160) -> FloatArray:
    """Return the mask inside the closed spline through `points`."""
    canvas = empty()
    fill(canvas, curve(points, samples, closed=True), 1.0)
    return as_map(canvas)


def disc(centre: tuple[float, float], radii: tuple[float, float]) -> NDArray[np.float64]:
    """Return the outline of an ellipse with upright axes."""
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([centre[0] + radii[0] * np.cos(turn), centre[1] + radii[1] * np.sin(turn)], axis=1)


def ribbon(points: Points, widths: float | Sequence[float]) -> NDArray[np.float64]:
    """Return the outline of a band along `points`; widths in pixels, spread evenly over its length."""
    line = np.asarray(points, np.float64)
    spread = np.interp(
        np.linspace(0, 1, len(line)), np.linspace(0, 1, np.size(widths)), np.atleast_1d(widths)
    )
    return ribbons(line, spread)


def ribbons(lines: NDArray[np.float64], widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return outlines of bands, (..., 2 n, 2), along lines (..., n, 2); a width a point, (..., n)."""
    along = np.empty_like(lines)
    along[..., 1:-1, :] = lines[..., 2:, :] - lines[..., :-2, :]
    along[..., 0, :] = lines[..., 1, :] - lines[..., 0, :]
    along[..., -1, :] = lines[..., -1, :] - lines[..., -2, :]
    scale = widths / 2 / np.maximum(np.hypot(along[..., 0], along[..., 1]), 1e-6)
    across = np.stack([-along[..., 1] * scale, along[..., 0] * scale], axis=-1)
    return np.concatenate([lines + across, (lines - across)[..., ::-1, :]], axis=-2)


def ellipsoid(
    centre: tuple[float, float], radii: tuple[float, float], depth: float, degrees: float = 0.0
) -> FloatArray:
    """Return the thickness of an ellipsoid, `depth` cm at its centre; degrees turn x towards y."""
    thickness = np.zeros((SIZE, SIZE), np.float32)
    reach = max(radii) + 1
    rows, columns = (
        slice(int(np.clip(at - reach, 0, SIZE)), int(np.clip(at + reach, 0, SIZE))) for at in reversed(centre)
    )
    x, y = grid()
    turn = np.deg2rad(degrees)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    dx, dy = x[rows, columns] - np.float32(centre[0]), y[rows, columns] - np.float32(centre[1])
    along = (dx * cos + dy * sin) / np.float32(radii[0])
    across = (dy * cos - dx * sin) / np.float32(radii[1])
    thickness[rows, columns] = np.float32(depth) * np.sqrt(np.maximum(0, 1 - along * along - across * across))
    return thickness


def inflate(mask: FloatArray, radius: float, depth: float) -> FloatArray:
    """Return a solid with the outline of `mask`, rounded over `radius` pixels to `depth` cm inside."""
    distance = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    rim = np.clip(1 - distance / np.float32(radius), 0, 1)
    return np.float32(depth) * np.sqrt(1 - rim * rim) * mask


def soften(layer: FloatArray, sigma: float) -> FloatArray:
    """Blur by a Gaussian of `sigma` pixels; wide ones on a smaller copy, to save time."""
    if sigma < 6:
        return cv2.GaussianBlur(layer, (0, 0), sigma)  # type: ignore[return-value]
    step = 8 if sigma > 16 else 4
    small = cv2.resize(layer, (SIZE // step, SIZE // step), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]


def clouds(rng: np.random.Generator, scales: Sequence[float]) -> FloatArray:
    """Return smooth noise, the mean of one field a scale (pixels per grain), about unit deviation."""
    total = np.zeros((SIZE, SIZE), np.float32)
    for scale in scales:
        cells = int(SIZE / scale) + 3
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        total += cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    return total * np.float32(1.4 / np.sqrt(len(scales)))


def bounding_box(mask: FloatArray, threshold: float = 0.5) -> Box:
    """Return the smallest (x0, y0, x1, y1) around mask > threshold; the mask must not be empty."""
    inside = mask > threshold
    columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)

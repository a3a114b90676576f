"""Original pixels to model pixels and back, exact to the half pixel.

Per axis, model = original * scale + offset in continuous coordinates, in which pixel i covers
[i, i + 1]. Original boxes are (x0, y0, x1, y1) with y down.
"""

from typing import Literal

import cv2
import numpy as np

from radui.records import Box, FloatArray, Frame, Preprocessing, Radiograph


def to_model(radiograph: Radiograph, preprocessing: Preprocessing) -> tuple[FloatArray, Frame]:
    """Make the input of a model: (size, size) float32, (pixels - mean) / std, and how it was made.

    "squash" stretches both sides to size; "crop" resizes the short side to `resize` and takes the
    centre; "pad" fits the long side to size and centres it on black. Shrinking averages areas
    (antialiased), enlarging is bilinear.
    """
    size = preprocessing.size
    width, height = radiograph.size
    resized_size = _resized_size(width, height, preprocessing)
    offset = (size - resized_size[0]) // 2, (size - resized_size[1]) // 2
    resized = _resize(radiograph.pixels, resized_size)
    model = (_place(resized, size, offset) - np.float32(preprocessing.mean)) / np.float32(preprocessing.std)
    frame = Frame(
        original_size=(width, height),
        model_size=(size, size),
        scale=(resized_size[0] / width, resized_size[1] / height),
        offset=(float(offset[0]), float(offset[1])),
    )
    return model, frame


def point_to_model(frame: Frame, x: float, y: float) -> tuple[float, float]:
    """Move a point (x, y) from original to model pixels; it may lie outside what the model saw."""
    return x * frame.scale[0] + frame.offset[0], y * frame.scale[1] + frame.offset[1]


def box_to_original(frame: Frame, box: Box) -> Box:
    """Move a box from model to original pixels, without clipping."""
    (scale_x, scale_y), (offset_x, offset_y) = frame.scale, frame.offset
    x0, y0, x1, y1 = box
    return (
        (x0 - offset_x) / scale_x,
        (y0 - offset_y) / scale_y,
        (x1 - offset_x) / scale_x,
        (y1 - offset_y) / scale_y,
    )


def clip_box(frame: Frame, box: Box) -> Box:
    """Clip a box in original pixels to the picture; one wholly outside becomes empty at the border."""
    width, height = frame.original_size
    x0, y0, x1, y1 = box
    return (
        float(np.clip(x0, 0, width)),
        float(np.clip(y0, 0, height)),
        float(np.clip(x1, 0, width)),
        float(np.clip(y1, 0, height)),
    )


def cell_box(frame: Frame, rows: int, columns: int, row: int, column: int) -> Box:
    """Box, in original pixels and clipped to the picture, of one cell of a grid over the model's input.

    A cell that saw padding only has an empty box (x0 == x1 or y0 == y1).
    """
    width, height = frame.model_size[0] / columns, frame.model_size[1] / rows
    cell = (column * width, row * height, (column + 1) * width, (row + 1) * height)
    return clip_box(frame, box_to_original(frame, cell))


def map_to_original(
    frame: Frame, values: FloatArray, interpolation: Literal["nearest", "bilinear"] = "nearest"
) -> FloatArray:
    """Spread a grid over the model's input (rows, columns) to original pixels (height, width) float32.

    Each original pixel takes the value at its centre; NaN where the model did not see it. "nearest"
    shows the cells as they are, "bilinear" runs straight between their centres.
    """
    rows, columns = values.shape
    y, seen_y = _grid_coordinates(frame, 1, rows)
    x, seen_x = _grid_coordinates(frame, 0, columns)
    values = values.astype(np.float32)
    if interpolation == "nearest":
        spread = values[_clip_index(np.floor(y), rows)][:, _clip_index(np.floor(x), columns)]
    else:
        spread = _interpolate(_interpolate(values, y).T, x).T
    return np.where(seen_y[:, None] & seen_x[None, :], spread, np.float32(np.nan))


def _grid_coordinates(frame: Frame, axis: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Grid coordinate of each original pixel's centre along an axis (0 is x), and whether it was seen."""
    centres = np.arange(frame.original_size[axis]) + 0.5
    model = centres * frame.scale[axis] + frame.offset[axis]
    seen = (model >= 0) & (model < frame.model_size[axis])
    return model * cells / frame.model_size[axis], seen


def _interpolate(values: FloatArray, position: np.ndarray) -> FloatArray:
    """Linear interpolation along the first axis between the centres i + 0.5; flat beyond the last."""
    position = np.clip(position - 0.5, 0, len(values) - 1)
    lower = np.floor(position).astype(int)
    weight = (position - lower).astype(np.float32)[:, None]
    return values[lower] * (1 - weight) + values[_clip_index(lower + 1, len(values))] * weight


def _clip_index(index: np.ndarray, count: int) -> np.ndarray:
    return np.clip(index.astype(int), 0, count - 1)


def _resized_size(width: int, height: int, preprocessing: Preprocessing) -> tuple[int, int]:
    if preprocessing.mode == "squash":
        return preprocessing.size, preprocessing.size
    if preprocessing.mode == "crop":
        scale = preprocessing.resize / min(width, height)
    else:
        scale = preprocessing.size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resize(pixels: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Resize to (width, height), one axis after the other: OpenCV averages areas only when both shrink."""
    height = pixels.shape[0]
    return _resize_once(_resize_once(pixels, (size[0], height)), size)


def _resize_once(pixels: FloatArray, size: tuple[int, int]) -> FloatArray:
    shrinks = size[0] <= pixels.shape[1] and size[1] <= pixels.shape[0]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), dtype=np.float32)


def _place(resized: FloatArray, size: int, offset: tuple[int, int]) -> FloatArray:
    """Put the picture at an offset, which may be negative, on a black square."""
    canvas = np.zeros((size, size), dtype=np.float32)
    x, y = offset
    part = resized[max(0, -y) : size - y, max(0, -x) : size - x]
    x, y = max(0, x), max(0, y)
    canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
    return canvas

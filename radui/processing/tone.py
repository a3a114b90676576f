"""Colour to grey, and stored grey values of any depth to [0, 1]."""

import cv2
import numpy as np

from radui.processing.limits import check_contrast
from radui.records import ByteArray, FloatArray

OUTLIER_PERCENT = 0.1
_SAMPLES = 1 << 18


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Grey of an RGB picture (height, width, 3) by ITU-R BT.601; uint8 stays uint8, else float32."""
    if rgb.dtype == np.uint8:
        return cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY)
    return cv2.cvtColor(np.ascontiguousarray(rgb, dtype=np.float32), cv2.COLOR_RGB2GRAY)


def to_unit(values: np.ndarray) -> FloatArray:
    """Map stored grey values (height, width) to float32 in [0, 1]; raise NoContrast if all are equal.

    uint8 is divided by 255, since eight bits were already made for viewing. Anything deeper goes by
    `stretch`.
    """
    check_contrast(values)
    return values.astype(np.float32) / np.float32(255) if values.dtype == np.uint8 else stretch(values)


def stretch(values: np.ndarray, visible: np.ndarray | None = None) -> FloatArray:
    """Map values linearly to float32 in [0, 1] by the range of `visible` (default: all of them).

    The range is minimum to maximum, so that 12-bit data in a 16-bit container are seen at full depth.
    Only where a few outliers (a dead pixel, a burnt-in mark) would take more than half of it, it is
    the range between the 0.1 and 99.9 percentiles, and the outliers are clipped. NaN becomes 0.
    """
    low, high = _visible_range(values if visible is None else visible)
    check_contrast(np.array([low, high]), "All but a few pixels of the picture have the same value")
    values = np.nan_to_num(values.astype(np.float32), nan=low, posinf=high, neginf=low)
    return np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)


def to_display(pixels: FloatArray) -> ByteArray:
    """Round pixels in [0, 1] to the 8 bits that a screen shows."""
    return np.asarray(cv2.convertScaleAbs(pixels, alpha=255), dtype=np.uint8)


def _visible_range(values: np.ndarray) -> tuple[float, float]:
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    check_contrast(values)
    low, high = float(values.min()), float(values.max())
    sample = values.ravel()[:: max(1, values.size // _SAMPLES)]
    inner_low, inner_high = np.percentile(sample, [OUTLIER_PERCENT, 100 - OUTLIER_PERCENT])
    if high - low > 2 * (inner_high - inner_low):
        return float(inner_low), float(inner_high)
    return low, high

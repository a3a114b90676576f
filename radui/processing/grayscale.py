"""The grayscale transformations of DICOM PS3.3 in their order: modality, values of interest, presentation.

Padding is left out of every range and shown black.
"""

from collections.abc import Callable

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from radui.processing.errors import DamagedFile
from radui.processing.limits import check_contrast
from radui.processing.tone import stretch, to_unit
from radui.records import FloatArray

_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")


def is_monochrome(dataset: Dataset) -> bool:
    """Whether the picture goes through the grayscale transformations at all."""
    return dataset.PhotometricInterpretation in _MONOCHROME


def to_presentation(stored: np.ndarray, dataset: Dataset) -> FloatArray:
    """Map stored values (height, width) to float32 in [0, 1], bright bone on a dark ground.

    Order: padding (C.7.5.1.1.2), modality LUT or rescale (C.11.1), VOI LUT or window (C.11.2), inversion of
    MONOCHROME1. Of several VOI LUTs or windows the first is taken, a LUT before a window, as
    pydicom does. Without either (or with an impossible window), 8-bit values are
    taken as they are and deeper ones are stretched by `tone.stretch`. PresentationLUTShape is not asked: it
    repeats what the photometric interpretation says (C.8.11.3.1.2).
    Raises NoContrast where all values are equal, before or after windowing.
    """
    padding = _padding(stored, dataset)
    shown = None if padding is None else ~padding
    check_contrast(stored if shown is None else stored[shown])
    values = _apply_modality(stored, dataset)
    pixels = _apply_voi(values, dataset)
    if pixels is None:
        pixels = _apply_full_range(values, shown, dataset)
    check_contrast(
        pixels if shown is None else pixels[shown], "The window in the DICOM header makes all pixels equal"
    )
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        pixels = 1 - pixels
    if padding is not None:
        pixels[padding] = 0
    return pixels


def _padding(stored: np.ndarray, dataset: Dataset) -> np.ndarray | None:
    """Mask of padding pixels: one stored value, or a range of them with PixelPaddingRangeLimit."""
    if dataset.get("PixelPaddingValue") is None or stored.dtype.kind == "f":
        return None
    first = _as_stored(dataset.PixelPaddingValue, dataset)
    limit = dataset.get("PixelPaddingRangeLimit")
    last = first if limit is None else _as_stored(limit, dataset)
    mask = (stored >= min(first, last)) & (stored <= max(first, last))
    return mask if mask.any() else None


def _as_stored(value: int, dataset: Dataset) -> int:
    """Value in the sign of the pixels: writers often store signed ones as unsigned short."""
    signed = dataset.get("PixelRepresentation") == 1
    return int(value) - 2**16 if signed and 2**15 <= int(value) < 2**16 else int(value)


def _apply_modality(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    if dataset.get("ModalityLUTSequence"):
        return _look_up(stored, dataset.ModalityLUTSequence[0], dataset)[0]
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if slope is None and intercept is None:
        return stored
    slope, intercept = float(1 if slope is None else slope), float(intercept or 0)
    if not (np.isfinite([slope, intercept]).all() and slope):
        raise DamagedFile("The rescale slope in the DICOM header is not usable; export the picture again.")
    return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def _apply_voi(values: np.ndarray, dataset: Dataset) -> FloatArray | None:
    """Values of interest in [0, 1], or None where the header has no usable table or window."""
    if dataset.get("VOILUTSequence"):
        table, top = _look_up(values, dataset.VOILUTSequence[0], dataset)
        return table / np.float32(top)
    center, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    if center is None or width is None or width <= 0 or (function == "LINEAR" and width < 1):
        return None
    window = _WINDOWS.get(function, _linear)
    return np.clip(window(values.astype(np.float32), center, width), 0, 1)


def _apply_full_range(values: np.ndarray, shown: np.ndarray | None, dataset: Dataset) -> FloatArray:
    if values.dtype == np.uint8 and dataset.BitsStored == 8:
        return to_unit(values)
    return stretch(values, values if shown is None else values[shown])


def _linear(values: FloatArray, center: float, width: float) -> FloatArray:
    """C.11.2.1.2.1: a window of `width` whole values; a width of 1 is a threshold."""
    if width == 1:
        return (values > np.float32(center - 0.5)).astype(np.float32)
    return (values - np.float32(center - 0.5)) / np.float32(width - 1) + np.float32(0.5)


def _linear_exact(values: FloatArray, center: float, width: float) -> FloatArray:
    """C.11.2.1.3.2."""
    return (values - np.float32(center)) / np.float32(width) + np.float32(0.5)


def _sigmoid(values: FloatArray, center: float, width: float) -> FloatArray:
    """C.11.2.1.3.1; the exponent is bounded where float32 would overflow."""
    exponent = np.clip(np.float32(-4) * (values - np.float32(center)) / np.float32(width), -80, 80)
    return 1 / (1 + np.exp(exponent))


_WINDOWS: dict[str, Callable[[FloatArray, float, float], FloatArray]] = {
    "LINEAR": _linear,
    "LINEAR_EXACT": _linear_exact,
    "SIGMOID": _sigmoid,
}


def _look_up(values: np.ndarray, item: Dataset, dataset: Dataset) -> tuple[FloatArray, int]:
    """Values through a LUT item, and the highest value of its bit depth.

    Values before or beyond the table take its first or last entry. The depth is counted from the
    entries, since descriptors that claim 16 bits for 12-bit entries are common.
    """
    count, first, _ = item.LUTDescriptor
    table = _lut_entries(item, int(count) or 2**16, dataset)
    index = np.rint(values).astype(np.int64) - _as_stored(first, dataset)
    entries = table[np.clip(index, 0, len(table) - 1)]
    return entries, (1 << int(table.max()).bit_length()) - 1


def _lut_entries(item: Dataset, count: int, dataset: Dataset) -> FloatArray:
    """Entries of LUTData, which is a list of words or bytes of one or two to an entry."""
    content = item.LUTData
    if isinstance(content, bytes):
        order = "<" if dataset.original_encoding[1] else ">"
        content = np.frombuffer(content, np.uint8 if len(content) < 2 * count else f"{order}u2")
    table = np.atleast_1d(np.asarray(content, dtype=np.float32))[:count]
    if len(table) < count or table.max() <= 0:
        raise DamagedFile("A lookup table in the DICOM header is damaged; export the picture again.")
    return table


def _first(value: object) -> float | None:
    """First of one or several numbers; None for none, or one that is not finite."""
    if isinstance(value, MultiValue | list | tuple):
        value = value[0] if value else None
    number = float(str(value)) if value is not None and str(value) else None
    return number if number is not None and np.isfinite(number) else None

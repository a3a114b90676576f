"""Bytes of one file to a Radiograph, or an ImageError that says what to do.

Accepted: PNG, JPEG, TIFF and DICOM, told from their bytes. What is refused is refused before decoding
wherever the header allows it. Only pixels and the view leave this module: no name, date, text or EXIF.
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from radui.processing.dicom import read_dicom
from radui.processing.errors import (
    DamagedFile,
    EmptyFile,
    ImageError,
    MultiFrame,
    NoContrast,
    NotAnImage,
    TooLarge,
    TooSmall,
    TruncatedFile,
    UnsupportedSyntax,
    WrongModality,
    WrongViewCount,
)
from radui.processing.limits import MAX_BYTES, MAX_PIXELS, MIN_SIDE_PIXELS, check_bytes, check_contrast
from radui.processing.raster import read_jpeg, read_png
from radui.processing.sniff import Kind, sniff
from radui.processing.tiff import read_tiff
from radui.processing.tone import to_display, to_unit
from radui.records import FloatArray, Radiograph, Study, View

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "MIN_SIDE_PIXELS",
    "DamagedFile",
    "EmptyFile",
    "ImageError",
    "MultiFrame",
    "NoContrast",
    "NotAnImage",
    "TooLarge",
    "TooSmall",
    "TruncatedFile",
    "UnsupportedSyntax",
    "WrongModality",
    "WrongViewCount",
    "read_radiograph",
    "read_study",
]

_RASTER_READERS: dict[Kind, Callable[[bytes], np.ndarray]] = {
    "png": read_png,
    "jpeg": read_jpeg,
    "tiff": read_tiff,
}


def read_radiograph(data: bytes) -> Radiograph:
    """Read one picture from the bytes of a file.

    pixels: 8-bit files as stored / 255; deeper ones stretched over their range (`tone.stretch`); DICOM
    after its window or LUT (`grayscale.to_presentation`). display: the same in 8 bits.
    Colour becomes luminance, transparency lies over black, EXIF orientation is applied. Raises ImageError and
    nothing else.
    """
    check_bytes(data)
    kind = sniff(data)
    try:
        pixels, view = _decode(data, kind)
    except ImageError:
        raise
    except (Image.DecompressionBombError, MemoryError):
        raise TooLarge("The picture unpacks to too many pixels; export it at a lower resolution.") from None
    except Exception:  # the cause is dropped: messages of decoders may quote the header
        raise DamagedFile(
            f"The {kind.upper()} file is damaged and cannot be decoded; copy or export it again."
        ) from None
    check_contrast(pixels, "The picture has less contrast than one grey level", least=0.5 / 255)
    return Radiograph(display=to_display(pixels), pixels=pixels, view=view)


def read_study(files: Sequence[bytes], indication: str = "") -> Study:
    """Read the one or two pictures of a study, in their order; WrongViewCount for any other number.

    With two files the sentence of an ImageError begins with the number of the picture.
    """
    if len(files) not in (1, 2):
        raise WrongViewCount(
            f"{len(files) or 'No'} pictures were given; choose one, or a frontal and a lateral view."
        )
    if len(files) == 1:
        return Study((read_radiograph(files[0]),), indication)
    return Study(tuple(_read_numbered(number, data) for number, data in enumerate(files, 1)), indication)


def _read_numbered(number: int, data: bytes) -> Radiograph:
    try:
        return read_radiograph(data)
    except ImageError as error:
        raise type(error)(f"Picture {number}: {error}") from None


def _decode(data: bytes, kind: Kind) -> tuple[FloatArray, View | None]:
    if kind == "dicom":
        return read_dicom(data)
    return to_unit(_RASTER_READERS[kind](data)), None

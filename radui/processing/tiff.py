"""TIFF to upright grey values: tags first, then the decoder that keeps the full depth."""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from radui.processing.errors import DamagedFile, MultiFrame, TruncatedFile, UnsupportedSyntax
from radui.processing.limits import MAX_PIXELS, check_size
from radui.processing.raster import grey_of_opencv, grey_of_pillow

_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC = 256, 257, 258, 262
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES = 273, 279, 324, 325
_SAMPLES, _PLANAR, _TILE_WIDTH, _TILE_HEIGHT = 277, 284, 322, 323
_WHITE_IS_ZERO, _RGB = 0, 2
_BIG_TIFF = 43


def read_tiff(data: bytes) -> np.ndarray:
    """Decode a TIFF of one page to (height, width), in the stored depth; bright is high.

    Both decoders turn the picture as its orientation tag says. Eight bits and fewer come back with
    "white is zero" already inverted by Pillow; deeper values are inverted here.
    """
    tags = _read_tags(data)
    check_size(_number(tags, _WIDTH), _number(tags, _HEIGHT))
    _check_extent(tags, len(data))
    values = _decode(data, tags)
    if values.dtype == np.uint8 or tags.get(_PHOTOMETRIC) != _WHITE_IS_ZERO:
        return values
    return np.nanmax(values) - values


def _read_tags(data: bytes) -> dict[int, Any]:
    """Tags of the only page, without the decoder choosing what it supports."""
    file = BytesIO(data)
    header = file.read(8)
    if _BIG_TIFF in header[2:4]:
        header += file.read(8)
    try:
        directory = ImageFileDirectory_v2(header)
        first = directory.next
        file.seek(first)
        directory.load(file)
        tags = dict(directory)
    except Exception:
        raise DamagedFile(
            "The TIFF header is damaged or cut off; copy or export the picture again."
        ) from None
    # Pillow stops without a word at the end of the file and leaves `next` where it was.
    if directory.next == first or _WIDTH not in tags or _HEIGHT not in tags:
        raise TruncatedFile("The TIFF picture is cut off within its header; copy or export it again.")
    if directory.next:
        raise MultiFrame("The TIFF has several pages; export the one radiograph as its own picture.")
    return tags


def _decode(data: bytes, tags: dict[int, Any]) -> np.ndarray:
    samples, bits = _number(tags, _SAMPLES, 1), max(_numbers(tags, _BITS) or (1,))
    if samples > 1 and bits > 8:
        if samples not in (3, 4) or _number(tags, _PLANAR, 1) != 1 or tags.get(_PHOTOMETRIC) != _RGB:
            raise UnsupportedSyntax(
                "This layout of a TIFF is not read; export the picture as a 16-bit grey PNG."
            )
        return grey_of_opencv(data)
    try:
        with Image.open(BytesIO(data), formats=["TIFF"]) as image:
            image.load()
            return grey_of_pillow(image)
    except UnidentifiedImageError:
        if samples > 1:
            raise UnsupportedSyntax("This kind of TIFF is not read; export the picture as a PNG.") from None
        return grey_of_opencv(data)


def _check_extent(tags: dict[int, Any], size: int) -> None:
    """Raise TruncatedFile where a strip or a tile lies beyond the end: decoders may fill it up."""
    if _number(tags, _TILE_WIDTH) * _number(tags, _TILE_HEIGHT) > MAX_PIXELS:
        raise DamagedFile("The TIFF has tiles of an impossible size; export the picture again.")
    offsets = _numbers(tags, _STRIP_OFFSETS) + _numbers(tags, _TILE_OFFSETS)
    lengths = _numbers(tags, _STRIP_BYTES) + _numbers(tags, _TILE_BYTES)
    if not offsets:
        raise DamagedFile("The TIFF holds no picture data; export the picture again.")
    ends = [offset + length for offset, length in zip(offsets, lengths, strict=False)]
    if max(offsets) >= size or max(ends, default=0) > size:
        raise TruncatedFile("The TIFF picture is cut off before its end; copy or export it again.")


def _numbers(tags: dict[int, Any], tag: int) -> tuple[int, ...]:
    value = tags.get(tag, ())
    return tuple(int(item) for item in (value if isinstance(value, tuple) else (value,)))


def _number(tags: dict[int, Any], tag: int, default: int = 0) -> int:
    return (*_numbers(tags, tag), default)[0]

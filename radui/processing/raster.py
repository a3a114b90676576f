"""PNG and JPEG to upright grey values; text chunks, EXIF and colour profiles are left behind.

Pillow decodes eight bits and fewer, OpenCV the 16-bit PNGs, of which Pillow keeps only the upper byte
when they are in colour.
"""

import struct
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from radui.processing.codestream import END_OF_IMAGE, jpeg_end, read_jpeg_header
from radui.processing.errors import DamagedFile, MultiFrame, TruncatedFile
from radui.processing.limits import check_size
from radui.processing.tone import luminance

ORIENTATION_TAG = 0x0112
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
_DEEP_MODES = ("I", "I;16", "I;16L", "I;16B", "F")
_PROBE = bytes([0x5A]) * 64


def read_png(data: bytes) -> np.ndarray:
    """Decode a PNG to (height, width) uint8 or, where it has 16 bits, uint16 or float32; check it whole."""
    if data[12:16] != b"IHDR" or len(data) < 33:
        raise TruncatedFile("The PNG picture ends within its header; copy or export it again.")
    width, height, depth = struct.unpack_from(">IIB", data, 16)
    check_size(width, height)
    _check_png_chunks(data)
    with Image.open(BytesIO(data), formats=["PNG"]) as image:
        if getattr(image, "n_frames", 1) > 1:
            raise MultiFrame("The PNG is animated; export the one radiograph as a still picture.")
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
        grey = grey_of_opencv(data) if depth == 16 else grey_of_pillow(image)
    return upright(grey, orientation)


def read_jpeg(data: bytes) -> np.ndarray:
    """Decode a JPEG to (height, width) uint8; TruncatedFile also where libjpeg would fill up with grey."""
    header = read_jpeg_header(data)
    check_size(header.width, header.height)
    picture = data[: jpeg_end(data, header)]
    grey, orientation = _decode_jpeg(picture + END_OF_IMAGE)
    # A complete scan never reads what stands between it and the end marker; a cut one does.
    probed, _ = _decode_jpeg(picture + _PROBE + END_OF_IMAGE)
    if not np.array_equal(grey, probed):
        raise TruncatedFile("Part of the JPEG picture is missing; copy or export it again.")
    return upright(grey, orientation)


def grey_of_pillow(image: Image.Image) -> np.ndarray:
    """Grey values of any Pillow mode; transparent pixels are laid over black."""
    if image.mode in _DEEP_MODES:
        values = np.asarray(image)
        return values.astype(values.dtype.newbyteorder("="))
    if image.mode == "LAB":
        return np.asarray(image.getchannel(0))
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "black"), layer)
    return np.asarray(image.convert("L"))


def grey_of_opencv(data: bytes) -> np.ndarray:
    """Grey values of a PNG or TIFF at full depth; transparent pixels are laid over black."""
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise DamagedFile("The picture data cannot be decoded; export it again as an 8- or 16-bit PNG.")
    if values.ndim == 2:
        return values
    grey = luminance(values[..., 2::-1])
    if values.shape[2] == 4:
        opaque = 1 if values.dtype.kind == "f" else 256**values.dtype.itemsize - 1
        grey = grey * (values[..., 3] / np.float32(opaque))
    return grey


def upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """Turn values (height, width) as the EXIF orientation 1-8 says; other numbers leave them alone."""
    if orientation in (5, 6, 7, 8):
        values = values.T
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return np.ascontiguousarray(values)


def _decode_jpeg(data: bytes) -> tuple[np.ndarray, int]:
    with Image.open(BytesIO(data), formats=["JPEG"]) as image:
        return grey_of_pillow(image), image.getexif().get(ORIENTATION_TAG, 1)


def _check_png_chunks(data: bytes) -> None:
    """Read every chunk with its checksum up to the last: decoders stop once they have all rows."""
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            image.verify()
    except (OSError, SyntaxError, ValueError) as error:
        if "truncated" in str(error).lower():
            raise TruncatedFile(
                "The PNG picture is cut off before its end; copy or export it again."
            ) from None
        raise DamagedFile("The PNG picture is damaged; copy or export it again.") from None

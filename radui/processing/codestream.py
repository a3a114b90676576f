"""Headers of JPEG, JPEG-LS and JPEG 2000 codestreams: what a decoder would allocate, and where a scan ends.

Markers are those of ITU-T T.81 table B.1 and T.800 table A.2.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from radui.processing.errors import DamagedFile, TruncatedFile

_START_OF_SCAN = 0xDA
# SOF0-SOF15 without DHT (C4), JPG (C8) and DAC (CC); F7 is the frame header of JPEG-LS
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_JPEG_2000_START = b"\xff\x4f\xff\x51"
END_OF_IMAGE = b"\xff\xd9"
MAX_SCANS = 64


@dataclass(frozen=True)
class Codestream:
    """What a codestream says of itself; `scan` is the offset of the first scan (JPEG only)."""

    width: int
    height: int
    components: int
    scan: int


def read_jpeg_header(data: bytes) -> Codestream:
    """Read the frame header of a JPEG or JPEG-LS stream; TruncatedFile or DamagedFile without one."""
    frame: tuple[int, int, int] | None = None
    for marker, offset in _segments(data):
        if marker in _FRAME_HEADERS:
            height, width, components = struct.unpack_from(">HHB", data, offset + 3)
            frame = width, height, components
        elif marker == _START_OF_SCAN:
            if frame is None:
                break
            return Codestream(*frame, scan=offset)
    raise DamagedFile("The JPEG data has no frame header; export the picture again.")


def read_jpeg_2000_header(data: bytes) -> Codestream:
    """Read the SIZ segment of a JPEG 2000 codestream, raw or in a JP2 box; DamagedFile without one."""
    start = data.find(_JPEG_2000_START)
    if start < 0 or len(data) < start + 42:
        raise DamagedFile("The JPEG 2000 data has no size header; export the picture again.")
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    (components,) = struct.unpack_from(">H", data, start + 40)
    return Codestream(right - left, bottom - top, components, scan=start)


def jpeg_end(data: bytes, header: Codestream) -> int:
    """Offset of the marker that ends the picture; TruncatedFile where there is none.

    Entropy-coded bytes never hold the marker, and what follows it (previews, trailers) is no part
    of the picture.
    """
    end = data.find(END_OF_IMAGE, header.scan)
    if end < 0:
        raise TruncatedFile("The JPEG picture is cut off before its end; copy or export it again.")
    if data.count(bytes([0xFF, _START_OF_SCAN]), header.scan, end) > MAX_SCANS:
        raise DamagedFile("The JPEG picture has too many scans to be a photograph; export it again.")
    return end


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield (marker, offset of its length field) for the segments before the first scan's data."""
    position = 2
    while True:
        while data[position : position + 2] == b"\xff\xff":  # fill bytes
            position += 1
        if position + 11 > len(data):
            raise TruncatedFile("The JPEG picture ends within its header; copy or export it again.")
        if data[position] != 0xFF:
            raise DamagedFile("The JPEG header is damaged; export the picture again.")
        yield data[position + 1], position + 2
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")

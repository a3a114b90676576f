"""What a file is, told from its bytes; names and extensions are never asked."""

from typing import Literal

from radui.processing.errors import NotAnImage

Kind = Literal["png", "jpeg", "tiff", "dicom"]

_ACCEPTED: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),  # BigTIFF
    (b"MM\x00+", "tiff"),
)
# (offset, signature, what to call it); only what people are seen to drop on such a page
_REFUSED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"BM", "a BMP picture"),
    (8, b"WEBP", "a WebP picture"),
    (4, b"ftyp", "a HEIC, AVIF or MP4 file"),
    (4, b"jP  \r\n", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (344, b"n+1\x00", "a NIfTI volume"),
)
_WANTED = "choose a chest radiograph as PNG, JPEG, TIFF or DICOM."


def sniff(data: bytes) -> Kind:
    """Name the format of a file by its first bytes; NotAnImage when it is none of the four."""
    if data[128:132] == b"DICM":  # first: the preamble of a DICOM file may hold a TIFF header (PS3.10 7.1)
        return "dicom"
    for signature, kind in _ACCEPTED:
        if data.startswith(signature):
            return kind
    if is_bare_dicom(data):
        return "dicom"
    raise NotAnImage(f"The file is {_describe(data)}; {_WANTED}")


def is_bare_dicom(data: bytes) -> bool:
    """Tell a DICOM data set that lacks preamble and prefix by its first element (PS3.5 section 7.1).

    Such a file begins with group 2 or 8, in either byte order, and an element that has a value
    representation in letters or else a length that the file can hold.
    """
    if len(data) < 16:
        return False
    order: Literal["little", "big"] = "big" if data[0] == 0 else "little"
    group = int.from_bytes(data[:2], order)
    element = int.from_bytes(data[2:4], order)
    if group not in (2, 8) or element > 0x0100:
        return False
    explicit = data[4:6].isalpha() and data[4:6].isupper()
    return explicit or int.from_bytes(data[4:8], order) < len(data)


def _describe(data: bytes) -> str:
    for offset, signature, name in _REFUSED:
        if data[offset : offset + len(signature)] == signature:
            return name
    return "text" if _is_text(data[:4096]) else "not a known kind of picture"


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", errors="replace").rstrip("\ufffd")  # a character may be cut at the end
    return all(character.isprintable() or character.isspace() for character in text.replace("\ufffd", "\0"))

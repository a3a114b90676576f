"""Files at the edge of what a format allows: bombs, ribbons, lying headers, disguises."""

import gzip
import struct
import zipfile
import zlib
from io import BytesIO

import cv2
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from tests.fuzz.seeds import radiograph, small_files, written


def extreme_files(large: bool = True) -> dict[str, bytes]:
    """name -> bytes; each name begins with "extreme". large: also those that take seconds to make."""
    made = _shapes() | _bombs() | _disguises() | _headers() | (_large() if large else {})
    return {f"extreme {name}": data for name, data in made.items()}


def _shapes() -> dict[str, bytes]:
    tiny, ribbon = np.zeros((1, 1), np.uint8), np.arange(60_000, dtype=np.uint8)[None]
    made = {}
    for form in ("PNG", "TIFF", "JPEG"):
        made |= {f"{form} 1x1": _encoded(tiny, form), f"{form} 60,000x1": _encoded(ribbon, form)}
        made |= {f"{form} 1x60,000": _encoded(np.ascontiguousarray(ribbon.T), form)}
    return made | {
        "dicom 1x1": written(radiograph(tiny)),
        "dicom 60,000x1": written(radiograph(ribbon)),
    }


def _large() -> dict[str, bytes]:
    """At and beyond the limits of pixels and bytes; the deepest pictures take most memory."""
    grey = np.tile(np.arange(250, dtype=np.uint8), (6300, 25))  # 39 million pixels, just under the limit
    deep = grey.astype(np.uint16) * 150
    flat, lut = Image.new("L", (15_000, 15_000)), Dataset()
    lut.LUTDescriptor, lut.LUTData = [0, 0, 16], np.arange(65536, dtype="<u2").tobytes()
    made = {f"{form} 39 million pixels": _encoded(grey, form) for form in ("PNG", "TIFF", "JPEG")}
    return made | {
        "PNG 39 million pixels of four colours at 16 bits": cv2.imencode(".png", np.dstack([deep] * 4))[
            1
        ].tobytes(),
        "TIFF 39 million pixels of three colours at 16 bits": cv2.imencode(".tif", np.dstack([deep] * 3))[
            1
        ].tobytes(),
        "JPEG 39 million pixels of CMYK": _saved(Image.fromarray(grey).convert("CMYK"), "JPEG"),
        "dicom 39 million pixels": written(radiograph(grey)),
        "dicom 32 million pixels through a table": written(
            radiograph(deep[:5200], VOILUTSequence=[lut]), DeflatedExplicitVRLittleEndian
        ),
        "PNG bomb of 225 million pixels": _saved(flat, "PNG"),
        "TIFF bomb of 225 million pixels": _saved(flat, "TIFF", compression="tiff_adobe_deflate"),
        "JPEG bomb of 225 million pixels": _saved(flat, "JPEG", quality=1),
        "65 MiB": b"\x89PNG\r\n\x1a\n" + bytes(65 * 2**20),
    }


def _bombs() -> dict[str, bytes]:
    run = np.array([1, 64] + [0] * 14, "<u4").tobytes() + b"\x81\x00" * 500_000
    return {
        "PNG with rows for a hundred": _png(64, 64, bytes(100 * 64 * 65)),
        "PNG with 60,000 text chunks": _with_chunks(b"tEXt", b"k\0v" * 10, 60_000),
        "PNG whose text unpacks to 1 GiB": _with_chunks(
            b"zTXt", b"k\0\0" + zlib.compress(bytes(2**26), 9), 16
        ),
        "PNG whose colour profile unpacks to 64 MiB": _with_chunks(
            b"iCCP", b"p\0\0" + zlib.compress(bytes(2**26), 9), 1
        ),
        "dicom run-length bomb": written(_encapsulated(run)),
        "dicom nested a hundred deep": written(_nested(100)),
        "JPEG with 60,000 scans": _many_scans(),
    }


def _disguises() -> dict[str, bytes]:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("film.png", small_files()["png grey"])
    grey = Image.fromarray(np.arange(2500, dtype=np.uint8).reshape(50, 50))
    return {
        "empty": b"",
        "one byte": b"\x89",
        "zip named as a picture": archive.getvalue(),
        "gzip of a picture": gzip.compress(small_files()["png grey"]),
        "animated GIF": _saved(grey, "GIF", save_all=True, append_images=[grey.rotate(90)]),
        "animated WebP": _saved(grey, "WEBP", save_all=True, append_images=[grey.rotate(90)]),
        "AVIF": _saved(grey, "AVIF"),
        "BMP": _saved(grey, "BMP"),
        "JPEG 2000": _saved(grey, "JPEG2000"),
        "ICO": _saved(grey, "ICO"),
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "PDF": b"%PDF-1.7\n",
        "HTML": b"<!doctype html><script>alert(1)</script>",
        "ELF": b"\x7fELF" + bytes(500),
        "a million zeros": bytes(10**6),
        "a million noisy bytes": np.random.default_rng(7).bytes(10**6),
    }


def _headers() -> dict[str, bytes]:
    deep = np.arange(1600, dtype=np.uint16).reshape(40, 40)
    return {
        "dicom of 65,535 x 65,535 that holds 40 x 40": written(radiograph(deep, Rows=65_535, Columns=65_535)),
        "dicom of 6,000 x 6,000 that holds 40 x 40": written(radiograph(deep, Rows=6000, Columns=6000)),
        "dicom with a window of nothing": written(radiograph(deep, WindowCenter=1e30, WindowWidth=1e-30)),
        "dicom with a slope of 1e300": written(radiograph(deep, RescaleSlope="1e300", RescaleIntercept=0)),
        "dicom with a million frames": written(radiograph(deep, NumberOfFrames=1_000_000)),
        "dicom with 64 bits": written(radiograph(deep, BitsAllocated=64, BitsStored=64, HighBit=63)),
        "PNG of 2^31 columns": _png(2**31 - 1, 40, b""),
        "PNG of no columns": _png(0, 40, b""),
        "PNG of 6,000 x 6,000 that holds nothing": _png(6000, 6000, b""),
    }


def _encoded(values: np.ndarray, form: str) -> bytes:
    return _saved(Image.fromarray(values), form)


def _saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _with_chunks(kind: bytes, data: bytes, count: int) -> bytes:
    """A sound PNG with further chunks behind its header."""
    picture = small_files()["png grey"]
    return picture[:33] + _chunk(kind, data) * count + picture[33:]


def _encapsulated(frame: bytes) -> Dataset:
    made = radiograph(np.zeros((64, 64), np.uint8), PixelData=encapsulate([frame]))
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = RLELossless
    return made


def _nested(depth: int) -> Dataset:
    """A radiograph with sequences within sequences in an element that comes before its pixels."""
    inner = Dataset()
    for _ in range(depth):
        outer = Dataset()
        outer.VOILUTSequence = [inner]
        inner = outer
    return radiograph(np.arange(1600, dtype=np.uint16).reshape(40, 40), VOILUTSequence=[inner])


def _many_scans() -> bytes:
    data = small_files()["jpeg progressive"]
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * 60_000 + data[-2:]

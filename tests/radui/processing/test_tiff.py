import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from radui.processing.errors import DamagedFile, MultiFrame, TooLarge, TruncatedFile, UnsupportedSyntax
from radui.processing.tiff import read_tiff

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, about the files cut here
ORIENTATION = 274


def simple_tiff(stored: np.ndarray, photometric: int = 1, order: str = "<", **changed: int) -> bytes:
    """An uncompressed one-strip TIFF, for what Pillow cannot write; entries (tag, type, count, value)."""
    samples = 1 if stored.ndim == 2 else stored.shape[2]
    kind = {"u": 1, "i": 2, "f": 3}[stored.dtype.kind]
    bits = 8 * stored.dtype.itemsize
    values = {
        256: stored.shape[1],
        257: stored.shape[0],
        259: 1,
        262: photometric,
        277: samples,
        278: 1 << 16,
    }
    values |= {279: stored.nbytes, 284: 1} | {int(tag[1:]): value for tag, value in changed.items()}
    start = 8 + 2 + 12 * (len(values) + 3) + 4
    entries = [(tag, 4, 1, value) for tag, value in values.items()]
    entries += [(273, 4, 1, start + 16), (258, 3, samples, start), (339, 3, samples, start + 8)]
    if samples == 1:
        entries[-2:] = [(258, 4, 1, bits), (339, 4, 1, kind)]
    packed = b"".join(struct.pack(order + "HHII", *entry) for entry in sorted(entries))
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 8)
    extra = struct.pack(order + "8H", *[bits] * 4, *[kind] * 4)
    pixels = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    return head + struct.pack(order + "H", len(entries)) + packed + bytes(4) + extra + pixels


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "CMYK"])
def test_eight_bits_in_any_mode_and_compression(encode, picture, mode, compression):
    data = encode(Image.fromarray(picture).convert(mode), "TIFF", compression=compression)
    assert np.abs(read_tiff(data).astype(int) - picture).max() <= 1


@pytest.mark.parametrize("compression", ["raw", "group4"])
def test_one_bit(encode, picture, compression):
    grey = read_tiff(encode(Image.fromarray(picture > 100), "TIFF", compression=compression))
    assert (grey == np.where(picture > 100, 255, 0)).all()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.uint32, np.float32, np.float64])
def test_grey_of_any_depth_and_byte_order_keeps_its_values(picture, order, dtype):
    stored = picture.astype(dtype) * dtype(2 if dtype != np.uint8 else 1)
    assert (read_tiff(simple_tiff(stored, order=order)) == stored).all()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_white_is_zero_is_inverted(picture, order, dtype):
    values = read_tiff(simple_tiff(picture.astype(dtype), photometric=0, order=order)).astype(float)
    assert np.ptp(values + picture) == 0


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bit_colour_keeps_its_depth(picture, channels):
    deep = picture.astype(np.uint16) * 257 - 3
    colours = np.dstack([deep] * 3 + [np.full_like(deep, 65535)] * (channels - 3))
    grey = read_tiff(cv2.imencode(".tif", colours)[1].tobytes())
    assert np.abs(grey - deep.astype(np.float32)).max() < 0.1


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_orientation_is_applied_once(encode, picture, orientation):
    stored = np.ascontiguousarray(np.rot90(picture, {3: 2, 6: 1, 8: -1}[orientation]))
    assert (read_tiff(encode(stored, "TIFF", tiffinfo={ORIENTATION: orientation})) == picture).all()
    colours = np.dstack([stored.astype(np.uint16) * 257] * 3)
    deep = read_tiff(simple_tiff(colours, photometric=2, _274=orientation))
    assert deep.shape == picture.shape
    assert np.abs(deep / 257 - picture).max() < 0.1


def test_several_pages_are_refused(encode, picture):
    data = encode(picture, "TIFF", save_all=True, append_images=[Image.fromarray(picture)])
    with pytest.raises(MultiFrame):
        read_tiff(data)


@pytest.mark.parametrize("missing", [1, 3, 100, 600, 7000])
def test_a_cut_file_is_refused(encode, missing):
    """Pillow writes the tags before the pixels, OpenCV behind them."""
    picture = np.random.default_rng(0).integers(0, 255, (96, 80)).astype(np.uint8)
    assert (read_tiff(encode(picture, "TIFF")) == picture).all()
    with pytest.raises(TruncatedFile):
        read_tiff(encode(picture, "TIFF")[:-missing])
    behind = cv2.imencode(".tif", picture)[1].tobytes()
    assert (read_tiff(behind) == picture).all()
    with pytest.raises(TruncatedFile):
        read_tiff(behind[:-missing])


@pytest.mark.parametrize("changed", [{"_256": 60_000, "_257": 60_000}, {"_257": 2**31}])
def test_a_bomb_is_refused_by_its_header(picture, changed):
    with pytest.raises(TooLarge):
        read_tiff(simple_tiff(picture, **changed))


def test_tiles_of_an_impossible_size_are_refused(picture):
    with pytest.raises(DamagedFile, match="tiles"):
        read_tiff(simple_tiff(picture, _322=65_536, _323=65_536))


def test_colour_planes_of_sixteen_bits_are_refused_rather_than_misread(picture):
    colours = np.dstack([picture.astype(np.uint16)] * 3)
    with pytest.raises(UnsupportedSyntax):
        read_tiff(simple_tiff(colours, photometric=2, _284=2))


@pytest.mark.parametrize("data", [b"II*\x00", b"II*\x00\x08\x00\x00\x00", b"MM\x00*" + b"\xff" * 40])
def test_a_header_alone_is_refused(data):
    with pytest.raises((TruncatedFile, DamagedFile)):
        read_tiff(data)

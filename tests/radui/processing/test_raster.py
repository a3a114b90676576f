from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from radui.processing.errors import DamagedFile, MultiFrame, TooLarge, TooSmall, TruncatedFile
from radui.processing.raster import read_jpeg, read_png, upright

TURNED_BACK = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).T,
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_png_of_any_eight_bit_mode_gives_its_grey(encode, picture, mode):
    assert (read_png(encode(Image.fromarray(picture).convert(mode), "PNG")) == picture).all()


def test_png_of_one_bit(encode, picture):
    grey = read_png(encode(Image.fromarray(picture > 100), "PNG"))
    assert (grey == np.where(picture > 100, 255, 0)).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_of_sixteen_bits_keeps_them(picture, channels):
    deep = picture.astype(np.uint16) * 257 - 3
    values = deep if channels == 1 else np.dstack([deep] * 3 + [np.full_like(deep, 65535)] * (channels - 3))
    grey = read_png(cv2.imencode(".png", values)[1].tobytes())
    assert np.abs(grey - deep.astype(np.float32)).max() < 0.1


def test_colours_go_by_luminance_in_both_depths(encode):
    red = np.zeros((40, 40, 3), np.uint8)
    red[:20, :, 0] = 200
    assert read_png(encode(red, "PNG"))[0, 0] == pytest.approx(59.8, abs=0.5)
    deep = red[..., ::-1].astype(np.uint16) * 257  # OpenCV writes BGR
    assert read_png(cv2.imencode(".png", deep)[1].tobytes())[0, 0] == pytest.approx(59.8 * 257, rel=0.01)


def test_transparent_pixels_are_black(encode, picture):
    alpha = np.full_like(picture, 255)
    alpha[:10] = 0
    grey = read_png(encode(np.dstack([picture] * 3 + [alpha]), "PNG"))
    assert (grey[:10] == 0).all()
    assert (grey[10:] == picture[10:]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(encode, picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(TURNED_BACK[orientation](picture))
    assert (read_png(encode(stored, "PNG", exif=exif)) == picture).all()
    jpeg = read_jpeg(encode(stored, "JPEG", exif=exif, quality=98)).astype(int)
    assert jpeg.shape == picture.shape
    assert np.abs(jpeg - picture).mean() < 2


def test_an_impossible_orientation_is_ignored(picture):
    assert (upright(picture, 99) == picture).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_of_any_mode_gives_its_grey(encode, picture, mode, progressive):
    image = Image.fromarray(picture).convert(mode)
    grey = read_jpeg(encode(image, "JPEG", quality=98, progressive=progressive))
    assert np.abs(grey.astype(int) - picture).mean() < 2


def test_the_first_picture_of_a_multi_picture_jpeg_is_taken(encode, picture):
    data = encode(picture, "MPO", save_all=True, append_images=[Image.fromarray(picture[::-1])], quality=98)
    assert Image.open(BytesIO(data)).n_frames == 2
    assert np.abs(read_jpeg(data).astype(int) - picture).mean() < 2


def test_trailers_after_the_jpeg_are_ignored(encode, picture):
    data = encode(picture, "JPEG")
    assert (read_jpeg(data + b"SEFT trailer \xff\xd8\xff\xda") == read_jpeg(data)).all()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_cut_jpeg_is_refused_even_when_it_was_given_an_end(encode, share, progressive):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200)).astype(np.uint8)
    data = encode(noise, "JPEG", progressive=progressive)
    cut = data[: int(share * len(data))].rstrip(b"\xff")
    with pytest.raises(TruncatedFile):
        read_jpeg(cut)
    with pytest.raises(TruncatedFile):
        read_jpeg(cut + b"\xff\xd9")


def test_a_jpeg_without_its_last_two_bytes_is_refused(encode, picture):
    with pytest.raises(TruncatedFile):
        read_jpeg(encode(picture, "JPEG")[:-2])


@pytest.mark.parametrize("missing", [5, 8, 12, 20, 500])
def test_a_cut_png_is_refused_even_when_all_rows_are_there(encode, missing):
    noise = np.random.default_rng(0).integers(0, 255, (60, 60)).astype(np.uint8)
    with pytest.raises((TruncatedFile, DamagedFile)):
        read_png(encode(noise, "PNG")[:-missing])


def test_a_png_with_a_changed_byte_is_refused(encode, picture):
    data = bytearray(encode(picture, "PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(DamagedFile):
        read_png(bytes(data))


def test_an_animated_png_is_refused(encode, picture):
    data = encode(picture, "PNG", save_all=True, append_images=[Image.fromarray(picture[::-1])])
    with pytest.raises(MultiFrame):
        read_png(data)


def test_a_png_bomb_is_refused_by_its_header_alone(encode, picture):
    header = bytearray(encode(picture, "PNG")[:33])
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises(TooLarge, match="60000 x 60000"):
        read_png(bytes(header))


def test_a_jpeg_bomb_is_refused_by_its_header(encode, picture):
    data = bytearray(encode(picture, "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(TooLarge, match="65535 x 65535"):
        read_jpeg(bytes(data))


@pytest.mark.parametrize("size", [(1, 60_000), (31, 400)])
def test_pictures_without_two_sides_are_refused(encode, size):
    strip = np.zeros(size, np.uint8)
    with pytest.raises(TooSmall):
        read_png(encode(strip, "PNG"))

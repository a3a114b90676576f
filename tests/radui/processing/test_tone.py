import numpy as np
import pytest

from radui.processing.errors import NoContrast
from radui.processing.tone import luminance, stretch, to_display, to_unit


def test_eight_bits_are_divided_by_255_and_come_back_exactly():
    values = np.arange(50, 178, dtype=np.uint8).reshape(8, 16)
    pixels = to_unit(values)
    assert pixels.dtype == np.float32
    assert pixels[0, 0] == pytest.approx(50 / 255)
    assert (to_display(pixels) == values).all()


def test_twelve_bits_in_sixteen_keep_every_level():
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    pixels = to_unit(values)
    assert (pixels.min(), pixels.max()) == (0, 1)
    assert len(np.unique(pixels)) == 4096


def test_a_dead_pixel_does_not_darken_the_picture():
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    values[3, 3] = 65535
    pixels = stretch(values)
    assert pixels[3, 3] == 1
    assert np.median(pixels) == pytest.approx(0.5, abs=0.01)


def test_the_range_comes_from_the_visible_values():
    values = np.linspace(0, 10, 1000).reshape(20, 50)
    pixels = stretch(values, values[values > 5])
    assert (pixels == 0).mean() == pytest.approx(0.5, abs=0.01)


def test_values_that_are_not_finite_stay_in_the_range():
    values = np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64)
    values[0, :3] = np.nan, -np.inf, np.inf
    assert stretch(values)[0, :3].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "values",
    [np.full((40, 40), 7, np.uint8), np.full((40, 40), np.nan, np.float32), np.zeros((40, 40), np.int32)],
)
def test_constant_values_are_refused(values):
    with pytest.raises(NoContrast):
        to_unit(values)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_luminance_weighs_the_colours(dtype):
    colours = np.eye(3, dtype=dtype)[None] * dtype(200)
    assert luminance(colours)[0] == pytest.approx([59.8, 117.4, 22.8], abs=0.5)

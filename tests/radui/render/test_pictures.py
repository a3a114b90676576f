from base64 import b64decode

import cv2
import numpy as np
import pytest

from radui.records import Radiograph
from radui.render.colormaps import COLOR_MAPS, color_table, color_tables
from radui.render.pictures import display_png, picture_payload


def make_radiograph(height: int, width: int) -> Radiograph:
    display = np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8)
    return Radiograph(display, display.astype(np.float32) / 255)


def decode(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)


def test_a_small_picture_arrives_without_loss():
    radiograph = make_radiograph(60, 40)
    np.testing.assert_array_equal(decode(display_png(radiograph)), radiograph.display)


def test_a_large_one_is_reduced_and_keeps_the_size_that_it_had():
    payload = picture_payload(make_radiograph(300, 200), longest=90)
    assert (payload["width"], payload["height"]) == (200, 300)
    assert decode(b64decode(payload["src"].partition(",")[2])).shape == (90, 60)


@pytest.mark.parametrize("name", COLOR_MAPS)
def test_colour_tables_get_lighter_from_low_to_high(name):
    table = color_table(name).astype(int)
    assert table.shape == (256, 3)
    luminance = table @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance[::8]) > 0).all()
    assert color_tables()[name] == table.tolist()

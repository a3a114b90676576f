import io

import numpy as np
import pytest
from PIL import Image

from radui.records import Synthesis
from radui.render.synthesis import SCALE, marked, synthesis_png

SIDE = 256


@pytest.fixture
def synthesis():
    pixels = np.full((SIDE, SIDE), 90, np.uint8)
    return Synthesis(
        "Größe normal.", "frontal", pixels, SIDE, (1, 2), (), 7, "SamplingConfig(top_p=0.92)", True
    )


def test_the_mark_is_in_the_pixels_of_top_and_middle(synthesis):
    picture = marked(synthesis)
    assert picture.shape == (SCALE * SIDE, SCALE * SIDE)
    assert picture.dtype == np.uint8
    assert (picture[:24] == 255).sum() > 100
    middle = picture[SIDE:]
    assert (middle > 120).mean() > 0.01
    assert (middle == 90).mean() > 0.8


def test_the_drawing_itself_is_not_written_to(synthesis):
    marked(synthesis)
    assert (synthesis.pixels == 90).all()


@pytest.mark.parametrize("level", [0, 255])
def test_the_mark_shows_on_any_ground(level):
    pixels = np.full((SIDE, SIDE), level, np.uint8)
    picture = marked(Synthesis("a", "frontal", pixels, SIDE, (), (), 0, ""))
    top = picture[:28]
    assert top.max() == 255
    assert top.min() == 0


def test_the_file_says_what_it_is_and_how_it_was_drawn(synthesis):
    image = Image.open(io.BytesIO(synthesis_png(synthesis)))
    assert image.mode == "L"
    assert np.array_equal(np.asarray(image), marked(synthesis))
    assert "SYNTHETIC" in image.text["Title"]
    assert "not for diagnosis" in image.text["Warning"]
    assert image.text["Description"] == "Größe normal."
    assert "seed=7" in image.text["Comment"]
    assert "top_p=0.92" in image.text["Comment"]

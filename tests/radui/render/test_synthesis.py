import io
import json
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from radui.records import SamplingConfig, Synthesis
from radui.render.synthesis import (
    SCALE,
    as_radiograph,
    marked,
    recipe_json,
    synthesis_payload,
    synthesis_png,
)

SIDE = 256


@pytest.fixture
def synthesis():
    pixels = np.full((SIDE, SIDE), 90, np.uint8)
    return Synthesis(
        "Größe normal.", "frontal", pixels, SIDE, (1, 2), (), 7, SamplingConfig(top_p=0.92), True
    )


def test_the_mark_is_in_the_pixels_of_top_and_middle(synthesis):
    picture = marked(synthesis.pixels)
    assert picture.shape == (SCALE * SIDE, SCALE * SIDE)
    assert picture.dtype == np.uint8
    assert (picture[:24] == 255).sum() > 100
    middle = picture[SIDE:]
    assert (middle > 120).mean() > 0.01
    assert (middle == 90).mean() > 0.8


def test_the_drawing_itself_is_not_written_to(synthesis):
    marked(synthesis.pixels)
    assert (synthesis.pixels == 90).all()


@pytest.mark.parametrize("level", [0, 255])
def test_the_mark_shows_on_any_ground(level):
    pixels = np.full((SIDE, SIDE), level, np.uint8)
    picture = marked(pixels)
    top = picture[:28]
    assert top.max() == 255
    assert top.min() == 0


def test_the_file_says_what_it_is_and_how_it_was_drawn(synthesis):
    image = Image.open(io.BytesIO(synthesis_png(synthesis)))
    assert image.mode == "L"
    assert np.array_equal(np.asarray(image), marked(synthesis.pixels))
    assert "SYNTHETIC" in image.text["Title"]
    assert "not for diagnosis" in image.text["Warning"]
    assert image.text["Description"] == "Größe normal."
    assert "seed=7" in image.text["Comment"]
    assert "top_p=0.92" in image.text["Comment"]


def test_the_viewer_gets_the_marked_picture_in_the_drawings_own_pixels(synthesis):
    payload = synthesis_payload(synthesis, "Seed 7")
    assert (payload["width"], payload["height"], payload["synthetic"]) == (SIDE, SIDE, True)
    image = Image.open(io.BytesIO(b64decode(payload["src"].partition(",")[2])))
    assert np.array_equal(np.asarray(image), marked(synthesis.pixels))
    assert "SYNTHETIC" in image.text["Title"]


def test_systems_read_the_drawing_and_readers_see_the_mark(synthesis):
    radiograph = as_radiograph(synthesis)
    assert np.array_equal(radiograph.pixels, synthesis.pixels.astype(np.float32) / 255)
    assert radiograph.display.shape == radiograph.pixels.shape
    assert not np.array_equal(radiograph.display, synthesis.pixels)
    assert radiograph.view == "frontal"


def test_a_recipe_draws_the_picture_again(synthesis):
    document = json.loads(recipe_json({"Seed 7": synthesis}))
    assert "SYNTHETIC" in document["notice"]
    recipe = document["pictures"]["Seed 7"]
    assert (recipe["report"], recipe["seed"], recipe["sampling"]["top_p"]) == ("Größe normal.", 7, 0.92)
    assert recipe["codes"] == [1, 2]

import io

import numpy as np
import pytest
from PIL import Image

from radui.records import SamplingConfig, Synthesis
from radui.render.difference import difference, difference_map, difference_picture, difference_png
from radui.render.synthesis import SCALE


def synthesis(pixels, codes, report):
    return Synthesis(report, "frontal", pixels, 64, codes, (), 3, SamplingConfig(), True)


@pytest.fixture
def pair():
    before = np.full((64, 64), 100, np.uint8)
    after = before.copy()
    after[32:40, :8] = 60
    after[48:56, 8:16] = 180
    return synthesis(before, (1, 2, 3, 4), "Clear."), synthesis(after, (1, 2, 9, 8), "Effusion.")


def test_the_numbers_are_those_of_the_pair(pair):
    found = difference(*pair)
    assert found.range == (-40, 80)
    assert found.codes == (2, 4)
    assert "−40 to +80 of 255, 1.9 in the mean; 2 of 4 codes differ" in found.text


def test_darker_is_blue_and_brighter_red_on_one_scale(pair):
    picture = difference_picture(difference(*pair)).astype(int)
    darker, brighter, same = (picture[SCALE * y, SCALE * x] for y, x in ((35, 4), (52, 12), (35, 30)))
    assert darker[2] > darker[0] + 20
    assert brighter[0] > brighter[2] + 20
    assert np.ptp(same) < 20
    # Half as far from zero is nearer to the dark of no difference.
    assert same.sum() < darker.sum() < brighter.sum()


def test_equal_pictures_differ_by_nothing(pair):
    found = difference(pair[0], pair[0])
    assert found.range == (0, 0)
    assert "by 0 to 0" in found.text
    difference_picture(found)


def test_the_file_says_that_it_is_synthetic_and_of_which_reports(pair):
    image = Image.open(io.BytesIO(difference_png(difference(*pair), *pair)))
    assert "SYNTHETIC" in image.text["Title"]
    assert image.text["Description"] == "Before: Clear.\nAfter: Effusion."
    assert "-40 to +80" in image.text["Comment"]
    assert (np.asarray(image)[:16] == 255).any()


def test_the_map_lies_over_the_whole_of_both_views(pair):
    found = difference_map(difference(*pair))
    assert found["shape"] == [1, 1, 1, 2, 64, 64]
    assert found["frames"] == [{"box": [0, 0, 64, 64]}] * 2

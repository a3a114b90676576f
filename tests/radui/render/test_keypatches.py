import io

import numpy as np
import pytest
from PIL import Image

from radui.records import Keypatch
from radui.render.keypatches import keypatches_html, texture_png

REPORT = "The <heart> is large."


@pytest.fixture
def keypatches():
    texture = np.full((32, 32), 90, np.uint8)
    return (
        Keypatch("cardiac", (0.25, 0.5, 0.75, 1.0), (3, 9, 3, 7), ((5, 10), (15, 20)), (0.8, 0.4), texture),
        Keypatch("large", (0, 0, 0.5, 0.5), (), ((15, 20),), (0.3,)),
    )


def test_words_that_chose_are_marked_with_the_numbers(keypatches):
    page = keypatches_html(REPORT, keypatches)
    assert "The &lt;<mark>heart<sup>1</sup></mark>&gt; is <mark>large<sup>1, 2</sup></mark>." in page


def test_each_keypatch_says_what_it_shows(keypatches):
    page = keypatches_html(REPORT, keypatches)
    assert "<b>heart</b> 0.80, <b>large</b> 0.40" in page
    assert "fitted “cardiac” in training; codes 3 9 3 7" in page
    assert "lay 25 to 75 % from the left, 50 to 100 % from the top" in page
    assert page.count("<img") == 1
    assert "decoded on their own" in page


def test_without_hints_it_says_so():
    assert "without hints" in keypatches_html(REPORT, ())


def test_a_texture_is_marked_too(keypatches):
    image = Image.open(io.BytesIO(texture_png(keypatches[0].texture)))
    assert "SYNTHETIC" in image.text["Title"]
    assert (np.asarray(image)[:16] == 255).any()

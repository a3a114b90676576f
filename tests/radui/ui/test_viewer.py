import math

import numpy as np
import pytest

from radui.records import Radiograph, Study
from radui.ui.viewer import DrawnBox, drawn_box

PIXELS = np.zeros((30, 40), np.float32)
STUDY = Study((Radiograph(PIXELS.astype(np.uint8), PIXELS),))


def test_a_box_is_clipped_to_its_picture():
    assert drawn_box(0, [-5, 2, 100, 20.5], STUDY) == DrawnBox(0, (0.0, 2.0, 40.0, 20.5))


@pytest.mark.parametrize(
    ("view", "box"),
    [
        (0, None),
        (1, [0, 0, 5, 5]),
        (-1, [0, 0, 5, 5]),
        ("0", [0, 0, 5, 5]),
        (0, [0, 0, 5]),
        (0, [0, 0, 5, "5"]),
        (0, [0, 0, 5, math.nan]),
        (0, [5, 5, 5, 9]),
        (0, [50, 5, 60, 9]),
    ],
)
def test_what_is_no_box_of_the_study_is_none(view, box):
    assert drawn_box(view, box, STUDY) is None

import numpy as np
import pytest

from radui.processing.frame import to_model
from radui.records import Preprocessing, Study
from radui.systems.inputs import model_input, view_slots

PREPROCESSING = Preprocessing(size=32, mode="pad", mean=0.4, std=0.2)


@pytest.mark.parametrize(
    ("views", "slots"),
    [
        (("frontal",), (0,)),
        (("lateral",), (1,)),
        (("frontal", "lateral"), (0, 1)),
        (("lateral", "frontal"), (1, 0)),
        (("frontal", "frontal"), (0, 1)),
        (("lateral", "lateral"), (0, 1)),
    ],
)
def test_frontal_goes_first_and_ties_keep_their_order(views, slots):
    assert view_slots(views) == slots
    assert view_slots(list(views)) == slots


def test_each_picture_stands_in_its_slot_and_its_frame_in_its_own_place(draw):
    lateral, frontal = draw(1, (64, 80)), draw(2, (96, 48))
    found = model_input(Study((lateral, frontal)), ("lateral", "frontal"), PREPROCESSING)
    assert found.pixels.shape == (1, 2, 1, 32, 32)
    assert found.mask.tolist() == [[True, True]]
    assert found.slots == (1, 0)
    for picture, slot, frame in zip((lateral, frontal), found.slots, found.frames, strict=True):
        pixels, expected = to_model(picture, PREPROCESSING)
        np.testing.assert_array_equal(found.pixels[0, slot, 0], pixels)
        assert frame == expected
        assert frame.original_size == picture.size


@pytest.mark.parametrize(("view", "slot"), [("frontal", 0), ("lateral", 1)])
def test_an_empty_slot_is_zero_and_masked(draw, view, slot):
    found = model_input(Study((draw(1),)), (view,), PREPROCESSING)
    assert found.mask[0].tolist() == [slot == 0, slot == 1]
    assert found.pixels[0, 1 - slot].abs().max() == 0
    assert found.pixels[0, slot].abs().max() > 0
    assert len(found.frames) == 1


def test_more_views_than_slots_are_refused(draw):
    with pytest.raises(ValueError, match="zip"):
        model_input(Study((draw(1), draw(2), draw(3))), ("frontal",) * 3, PREPROCESSING)

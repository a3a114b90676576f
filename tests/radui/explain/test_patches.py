import numpy as np
import pytest

from radui.explain.patches import adaptive_patches, best_patches, best_words, shift
from radui.processing.frame import to_model
from radui.records import Preprocessing, Radiograph

BOXES = np.array([[[0.0, 0.0, 0.5, 0.5], [0.25, 0.5, 1.0, 1.0]], [[0.5, 0.5, 1.0, 1.0]] * 2], np.float32)
ANCHORS = np.array([[[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]]] * 2, np.float32)
VALUES = np.array([[[0.1, 0.4], [0.9, 0.2]], [[0.8, 0.3], [0.0, 0.5]]], np.float32)


def frame(width, height, mode="squash"):
    pixels = np.random.default_rng(0).uniform(size=(height, width)).astype(np.float32)
    return to_model(Radiograph((pixels * 255).astype(np.uint8), pixels), Preprocessing(size=64, mode=mode))[1]


@pytest.fixture
def found():
    return adaptive_patches(
        BOXES, ANCHORS, VALUES, [(0, 5), (6, 9)], (0, 1), [frame(200, 100), frame(50, 80)]
    )


def test_boxes_are_in_the_pixels_of_their_own_picture(found):
    np.testing.assert_allclose(found.boxes[:2], [[0, 0, 100, 50], [50, 50, 200, 100]])
    np.testing.assert_allclose(found.boxes[2], [25, 40, 50, 80])
    assert found.views.tolist() == [0, 0, 1, 1]


def test_the_arrow_runs_from_the_fixed_cells_centre_to_the_boxs(found):
    assert shift(found, 1) == pytest.approx((150, 75, 125, 75))
    assert shift(found, 0) == pytest.approx((50, 25, 50, 25))


def test_words_and_patches_find_each_other(found):
    assert best_patches(found, 0, 2) == [(2, pytest.approx(0.9)), (1, pytest.approx(0.4))]
    assert best_words(found, 0) == [(1, pytest.approx(0.8)), (0, pytest.approx(0.1))]
    assert found.words == ((0, 5), (6, 9))


def test_pictures_stand_in_the_order_in_which_they_were_given():
    frames = [frame(50, 80), frame(200, 100)]
    swapped = adaptive_patches(BOXES, ANCHORS, VALUES, [(0, 5), (6, 9)], (1, 0), frames)
    np.testing.assert_allclose(swapped.boxes[0], [25, 40, 50, 80])
    np.testing.assert_allclose(swapped.similarities[0], [0.9, 0.2, 0.1, 0.4])
    alone = adaptive_patches(BOXES, ANCHORS, VALUES, [(0, 5), (6, 9)], (1,), frames[:1])
    assert alone.similarities.shape == (2, 2)


def test_a_box_on_the_padding_is_empty():
    padded = frame(200, 100, "pad")  # the picture fills the middle half of the model's height
    boxes = np.array([[[0.0, 0.0, 0.5, 0.2], [0.0, 0.0, 0.5, 0.5]]], np.float32)
    found = adaptive_patches(boxes, ANCHORS[:1], VALUES[:, :1], [(0, 5), (6, 9)], (0,), [padded])
    assert found.boxes[0, 1] == found.boxes[0, 3] == 0
    np.testing.assert_allclose(found.boxes[1], [0, 0, 100, 50])

import math

import numpy as np
import pytest

from radui.explain.faithfulness import (
    Treatment,
    agreement,
    blurred,
    centre_grid,
    random_grid,
)
from radui.processing.frame import to_model
from radui.records import Preprocessing, Radiograph, Study

# A bright spot in the second of 4 x 4 patches of 10 pixels.
PIXELS = np.zeros((40, 40), np.float32)
PIXELS[0:10, 10:20] = np.tile([0.0, 1.0], 50).reshape(10, 10)
PICTURE = Radiograph((PIXELS * 255).astype(np.uint8), PIXELS)
STUDY = Study((PICTURE,))
FRAME = to_model(PICTURE, Preprocessing(size=16))[1]
GRID = np.zeros((1, 4, 4), np.float32)
GRID[0, 0, 1] = 1.0


def sharpness(study: Study) -> float:
    """A model that sees the spot by its stripes, which blurring takes away."""
    return float(np.abs(np.diff(study.views[0].pixels[0:10, 10:20], axis=1)).mean())


def treat(steps=16, score=sharpness, study=STUDY, seen=None):
    return Treatment(study, (FRAME,), np.ones((1, 4, 4), bool) if seen is None else seen, score, steps)


def last(curves):
    return list(curves)[-1]


def test_deleting_what_the_model_sees_makes_the_score_fall_at_once():
    true = last(treat(16).deletion(GRID))
    wrong = last(treat(16).deletion(1 - GRID))
    assert true.scores[0] == pytest.approx(1)
    assert (true.scores[1:] < 0.3).all()
    assert (wrong.scores[:-1] == 1).all()
    assert true.area < wrong.area


def test_inserting_what_the_model_sees_makes_the_score_rise_at_once():
    true = last(treat(16).insertion(GRID))
    assert true.scores[0] < 0.3
    assert (true.scores[1:] == 1).all()
    assert true.area > last(treat(16).insertion(1 - GRID)).area


def test_all_patches_deleted_is_none_inserted():
    ends = last(treat(4).deletion(GRID)).scores
    starts = last(treat(4).insertion(GRID)).scores
    assert ends[-1] == starts[0]
    assert ends[0] == starts[-1]


def test_a_curve_grows_by_one_point_a_call_and_ends_at_all_patches():
    curves = list(treat(5).deletion(GRID))
    assert [len(curve.scores) for curve in curves] == [1, 2, 3, 4, 5, 6]
    assert curves[-1].shares[0] == 0
    assert curves[-1].shares[-1] == 1


def test_the_area_of_a_constant_score_is_the_score():
    assert last(treat(8, lambda _: 0.25).deletion(GRID)).area == pytest.approx(0.25)


def test_patches_that_were_not_seen_are_never_touched():
    rows = np.ones((1, 4, 4), bool)
    rows[0, 2:] = False
    rng = np.random.default_rng(0)
    pixels = rng.uniform(size=(40, 40)).astype(np.float32)
    study = Study((Radiograph((pixels * 255).astype(np.uint8), pixels),))
    asked = []
    last(
        treat(2, lambda treated: asked.append(treated) or 0.0, study, rows).deletion(
            np.where(rows, GRID, np.nan)
        )
    )
    np.testing.assert_array_equal(asked[-1].views[0].pixels[20:], pixels[20:])
    assert not np.array_equal(asked[-1].views[0].pixels[:20], pixels[:20])


def test_the_study_itself_is_not_written_to():
    before = PIXELS.copy()
    last(treat(2).deletion(GRID))
    np.testing.assert_array_equal(STUDY.views[0].pixels, before)


def test_blurring_keeps_the_mean_and_the_types():
    soft = blurred(PICTURE)
    assert soft.pixels.dtype == np.float32
    assert soft.display.dtype == np.uint8
    assert soft.pixels.mean() == pytest.approx(PIXELS.mean(), abs=0.02)


class TestAgreement:
    def test_a_box_on_the_highest_patch_is_a_hit_of_full_overlap(self):
        found = agreement(GRID[0], FRAME, (10, 0, 20, 10))
        assert found.hit
        assert found.iou == pytest.approx(1)

    def test_the_contrast_is_the_difference_in_standard_deviations(self):
        box = (10, 0, 30, 10)  # half of it holds 1, half 0
        found = agreement(GRID[0], FRAME, box)
        inside = 0.25  # variance of ones and zeros; outside all are 0
        assert found.contrast == pytest.approx(0.5 / math.sqrt(inside))
        assert found.iou == pytest.approx(0.5)

    def test_a_box_elsewhere_is_a_miss_of_negative_contrast(self):
        found = agreement(GRID[0], FRAME, (20, 20, 40, 40))
        assert not found.hit
        assert found.iou == 0
        assert found.contrast < 0

    def test_a_flat_map_has_no_contrast(self):
        assert math.isnan(agreement(np.ones((4, 4), np.float32), FRAME, (0, 0, 10, 10)).contrast)

    def test_a_box_where_nothing_was_seen_is_a_miss(self):
        wide = Radiograph(np.zeros((40, 80), np.uint8), np.zeros((40, 80), np.float32))
        frame = to_model(wide, Preprocessing(size=16, mode="crop", resize=16))[1]
        found = agreement(GRID[0], frame, (0, 0, 10, 40))
        assert not found.hit
        assert found.iou == 0


def test_the_baselines_know_nothing_of_the_picture():
    centre = centre_grid((2, 5, 7))
    assert np.unravel_index(centre[1].argmax(), (5, 7)) == (2, 3)
    np.testing.assert_array_equal(centre[0], centre[1])
    np.testing.assert_allclose(centre, centre[:, ::-1, ::-1], rtol=1e-6)
    np.testing.assert_array_equal(random_grid((1, 3, 3), 5), random_grid((1, 3, 3), 5))
    assert not np.array_equal(random_grid((1, 3, 3), 5), random_grid((1, 3, 3), 6))


def test_the_ends_are_asked_once_for_all_maps():
    asked = []
    treatment = treat(4, lambda study: asked.append(study) or 0.0)
    for grid in (GRID, 1 - GRID):
        last(treatment.deletion(grid))
        last(treatment.insertion(grid))
    assert len(asked) == 2 + 4 * 3

import cv2
import pytest

from train.figures import prototype_setting
from train.sweeps import sweep_figure, sweep_points


@pytest.fixture
def runs(finished_run):
    """Two runs of XProNet with another gamma."""
    objective = {"training": {"objective": {"tolerance": 1.5}}}
    return [
        finished_run({"config": {"prototypes": {"gamma": gamma}}, **objective}, score)
        for gamma, score in ((15, 0.4), (5, 0.2))
    ]


def test_points_are_of_the_kept_epoch_by_setting(runs):
    points = sweep_points(runs, lambda document: prototype_setting(document, "gamma"))
    assert [setting for setting, _ in points] == [5, 15]
    assert points[0][1] == {"BLEU-4": 0.1, "CIDEr": 0.2, "CE-14 macro F1": 0.3}


def test_theta_is_the_objectives_tolerance(runs):
    points = sweep_points(runs, lambda document: prototype_setting(document, "tolerance"))
    assert [setting for setting, _ in points] == [1.5, 1.5]


def test_a_panel_a_score_is_drawn(runs, tmp_path):
    points = sweep_points(runs, lambda document: prototype_setting(document, "gamma"))
    sweep_figure(points, "γ", tmp_path / "sweep.png")
    picture = cv2.imread(str(tmp_path / "sweep.png"))
    assert picture.shape[1] > 2.5 * picture.shape[0]
    assert len({tuple(pixel) for pixel in picture.reshape(-1, 3)[::97]}) > 5

import json

import cv2
import pytest

from train.figures import prototype_setting
from train.sweeps import sweep_figure, sweep_points


@pytest.fixture
def runs(tmp_path):
    """Two runs of XProNet with another gamma; the second epoch is the one that each kept."""
    for name, gamma, score in (("a", 15, 0.4), ("b", 5, 0.2)):
        folder = tmp_path / name / "checkpoint"
        folder.mkdir(parents=True)
        document = {"config": {"prototypes": {"gamma": gamma}}, "training": {"objective": {"tolerance": 1.5}}}
        (folder / "config.json").write_text(json.dumps(document))
        (folder.parent / "log.csv").write_text(
            "epoch,words,score,BLEU-4,CIDEr,CE-14 macro F1\n"
            "1,3.0,,,,\n"
            f"2,2.0,{score},0.1,{score},0.3\n"
            "3,1.0,0.1,0.5,0.5,0.5\n"
        )
    return [tmp_path / "a", tmp_path / "b"]


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

import json

import numpy as np
import pytest

from train.otdrg_figures import (
    AlignedFeatures,
    alignment_figure,
    parse,
    sweep_figure,
    sweep_points,
    transport_figure,
)


@pytest.fixture
def runs(tmp_path):
    for name, iterations, score in (("a", 50, 0.4), ("b", 5, 0.2)):
        folder = tmp_path / name / "checkpoint"
        folder.mkdir(parents=True)
        document = {"config": {"transport": {"iterations": iterations, "epsilon": 0.1}}}
        (folder / "config.json").write_text(json.dumps(document))
        (folder.parent / "log.csv").write_text(
            "epoch,words,transport,score,BLEU-4,CIDEr,CE-14 macro F1\n"
            "1,3.0,0.9,,,,\n"
            f"2,2.0,0.8,{score},0.1,{score},0.3\n"
            "3,1.0,0.7,0.1,0.5,0.5,0.5\n"
        )
    return [tmp_path / "a", tmp_path / "b"]


def test_points_are_of_the_kept_epoch_by_setting(runs):
    points = sweep_points(runs, "iterations")
    assert [setting for setting, _ in points] == [5, 50]
    assert points[0][1] == {"BLEU-4": 0.1, "CIDEr": 0.2, "CE-14 macro F1": 0.3}


def test_sweep_and_transport_are_drawn(runs, tmp_path):
    sweep_figure(runs, "epsilon", tmp_path / "sweep.png")
    transport_figure(runs[0], tmp_path / "transport.png")
    assert all((tmp_path / name).stat().st_size > 5000 for name in ("sweep.png", "transport.png"))


def test_a_run_without_transport_is_named(tmp_path):
    (tmp_path / "log.csv").write_text("epoch,words\n1,3.0\n")
    with pytest.raises(ValueError, match="trained without transport"):
        transport_figure(tmp_path, tmp_path / "x.png")


def test_islands_have_a_higher_silhouette(tmp_path):
    random = np.random.default_rng(0)
    names = np.repeat(["Edema", "Fracture"], 8)
    mixed = random.normal(size=(16, 5)).astype(np.float32)
    parted = mixed + 20 * (names == "Edema")[:, None].astype(np.float32)
    before, after = alignment_figure(AlignedFeatures(mixed, parted, names), tmp_path / "fig.png")
    assert before < 0.3 < 0.7 < after
    assert (tmp_path / "fig.png").stat().st_size > 5000


def test_the_command_line_names_the_papers_figures():
    assert parse(["sweep", "--runs", "a", "b", "--by", "iterations", "--out", "o"]).kind == "sweep"

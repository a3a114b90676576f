import json

import numpy as np
import pytest

from train.otdrg_figures import (
    AlignedFeatures,
    alignment_figure,
    main,
    parse,
    transport_figure,
    transport_setting,
)
from train.sweeps import sweep_points


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


def test_a_sweep_goes_by_iterations_or_epsilon(runs, tmp_path):
    for by, expected in (("iterations", [5, 50]), ("epsilon", [0.1, 0.1])):
        points = sweep_points(runs, lambda document, by=by: transport_setting(document, by))
        assert [setting for setting, _ in points] == expected
    main(["sweep", "--runs", *map(str, runs), "--by", "iterations", "--out", str(tmp_path / "sweep.png")])
    assert (tmp_path / "sweep.png").stat().st_size > 5000


def test_the_transport_is_drawn(runs, tmp_path):
    transport_figure(runs[0], tmp_path / "transport.png")
    assert (tmp_path / "transport.png").stat().st_size > 5000


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

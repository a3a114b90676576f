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
def runs(finished_run):
    transports = [{"iterations": iterations, "epsilon": 0.1} for iterations in (50, 5)]
    return [finished_run({"config": {"transport": each}}, score=0.4) for each in transports]


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

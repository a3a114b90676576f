"""What the gate is trained and measured on."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from radui.models.gate import Gate, GateConfig
from radui.models.registry import load, save
from train import gate as command
from train.gate import choose_threshold, fit_head, measure
from train.gate_pictures import WAYS, Picture, drawn_others, other_pictures, spoiled_films


@pytest.fixture
def film():
    pixels = np.arange(32 * 32, dtype=np.uint8).reshape(32, 32)
    return Picture(pixels, "frontal", "chest", held_out=True)


def test_each_film_is_spoiled_once_in_each_way(film):
    made = list(spoiled_films([film], seed=1))
    assert [each.source for each in made] == list(WAYS)
    assert {each.kind for each in made} == {"other"}
    assert all(each.held_out for each in made)
    assert not any(np.array_equal(each.pixels, film.pixels) for each in made)
    again = list(spoiled_films([film], seed=1))
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(made, again, strict=True))


def test_how_a_film_is_spoiled_does_not_follow_its_view(film):
    films = [replace(film, kind=kind) for _ in range(60) for kind in ("frontal", "lateral")]
    made = [each.pixels for each in spoiled_films(films, seed=1) if each.source == "turned"]
    turns = [next(k for k in (1, 2, 3) if np.array_equal(each, np.rot90(film.pixels, k))) for each in made]
    for view in (turns[::2], turns[1::2]):
        assert all(view.count(k) > 8 for k in (1, 2, 3))


def test_a_cut_film_is_a_half_or_less_of_it(film):
    films = [film] * 80
    shares = [
        each.pixels.size / film.pixels.size for each in spoiled_films(films, seed=2) if each.source == "cut"
    ]
    assert min(shares) > 0.05
    assert max(shares) < 0.6
    assert np.ptp(shares) > 0.3


def test_half_of_the_tilted_films_have_no_black_corners():
    white = Picture(np.full((40, 40), 255, np.uint8), "frontal", "chest", held_out=False)
    tilted = [each.pixels for each in spoiled_films([white] * 60, seed=3) if each.source == "tilted"]
    assert 15 < sum(bool((pixels == 0).any()) for pixels in tilted) < 45


def test_the_threshold_keeps_the_share_of_good_films_that_was_asked_for():
    scores = np.random.default_rng(0).uniform(0.2, 1, 1000).astype(np.float32)
    threshold = choose_threshold(scores, 0.995)
    assert (scores >= threshold).mean() == 0.995
    assert (scores >= np.nextafter(threshold, np.float32(2))).mean() < 0.995
    assert choose_threshold(scores, 1.0) == scores.min()


@pytest.mark.parametrize("hidden", [0, 8])
def test_a_head_of_either_kind_comes_back_from_its_checkpoint(tmp_path, hidden):
    torch.manual_seed(0)
    gate = Gate(GateConfig(hidden=hidden)).eval()
    save(tmp_path / "gate", "gate", gate, {}, half=False)
    found = load(tmp_path / "gate").model
    inputs = torch.randn(2, gate.backbone.channels)
    torch.testing.assert_close(found.head(inputs), gate.head(inputs))


def test_every_third_pattern_is_held_out():
    patterns = list(drawn_others(12, seed=1))
    assert [each.held_out for each in patterns] == [number % 3 == 0 for number in range(12)]
    assert all(each.pixels.std() > 0 for each in patterns)


def test_libraries_lend_photographs(tmp_path):
    pytest.importorskip("skimage")
    pictures = list(other_pictures(tmp_path))
    assert len(pictures) > 10
    assert {each.kind for each in pictures} == {"other"}


@pytest.mark.parametrize("hidden", [0, 32])
def test_a_head_that_can_tell_them_apart_does(film, hidden):
    torch.manual_seed(0)
    gate = Gate(GateConfig(hidden=hidden)).eval()
    random = np.random.default_rng(0)
    kinds = ["other", "frontal", "lateral"] * 40
    centres = random.normal(size=(3, gate.backbone.channels))
    inputs = np.stack([centres[i % 3] + 0.3 * random.normal(size=gate.backbone.channels) for i in range(120)])
    inputs = inputs.astype(np.float32)
    fit_head(gate, inputs[None], kinds, steps=150)
    pictures = [Picture(film.pixels, kind, "here" if kind == "other" else "chest", True) for kind in kinds]
    scores = measure(gate, pictures, inputs)
    assert scores["auc"] == 1.0
    assert scores["view_accuracy"] == 1.0
    assert scores["passes_here"] == 0.0


def test_the_command_saves_head_and_threshold_and_goes_on_with_kept_features(
    film, tmp_path, monkeypatch, capsys
):
    def films(root, cache, split, studies, seed):
        random = np.random.default_rng(len(split))
        for number in range(12):
            pixels = random.integers(60, 190, (32, 32)).astype(np.uint8)
            yield replace(
                film, pixels=pixels, kind=("frontal", "lateral")[number % 2], held_out=split != "train"
            )

    def features(backbone, pictures, warps, seed):
        """The first pixels, so that no backbone has to run."""
        rows = np.zeros((len(pictures), backbone.channels), np.float32)
        for row, each in zip(rows, pictures, strict=True):
            row[:64] = np.resize(each.pixels.reshape(-1), 64) / 255
        return np.stack([rows] * (1 + warps))

    monkeypatch.setattr(command, "chest_pictures", films)
    monkeypatch.setattr(command, "other_pictures", lambda folder: [])
    monkeypatch.setattr(command, "load_imagenet", lambda *_: None)
    monkeypatch.setattr(command, "features", features)
    monkeypatch.setattr(command, "fit_head", lambda *given: fit_head(*given, steps=20))
    arguments = [
        "--data",
        "x",
        "--others",
        "y",
        "--out",
        str(tmp_path / "gate"),
        "--hidden",
        "16",
        "--drawn",
        "2",
    ]
    monkeypatch.setattr(sys, "argv", ["gate", *arguments])
    command.main()
    printed = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))
    saved = load(tmp_path / "gate" / "checkpoint")
    assert saved.model.config.hidden == 16
    assert saved.model.config.threshold == printed["threshold"] != 0.5
    assert {f"passes_{way}" for way in WAYS} <= set(saved.facts["held_out"])
    monkeypatch.setattr(command, "features", None)  # a second run needs none
    command.main()
    again = load(tmp_path / "gate" / "checkpoint")
    assert again.model.config.threshold == saved.model.config.threshold

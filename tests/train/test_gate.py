"""What the gate is trained and measured on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from radui.models.gate import Gate, GateConfig
from train.gate import Picture, drawn_others, fit_head, measure, other_pictures, spoiled, spoiled_films


@pytest.fixture
def film():
    pixels = np.arange(32 * 32, dtype=np.uint8).reshape(32, 32)
    return Picture(pixels, "frontal", "chest", held_out=True)


def test_a_turned_or_inverted_film_is_no_chest_radiograph(film):
    made = [spoiled(film, number) for number in range(4)]
    assert {each.kind for each in made} == {"other"}
    assert {each.source for each in made} == {"turned", "inverted"}
    assert all(each.held_out for each in made)
    assert not any(np.array_equal(each.pixels, film.pixels) for each in made)


def test_each_film_is_spoiled_twice_in_ways_that_do_not_follow_its_view(film):
    films = [replace(film, kind=kind) for _ in range(60) for kind in ("frontal", "lateral")]
    made = list(spoiled_films(films, seed=1))
    assert [each.source for each in made[1::2]] == ["inverted"] * 120
    turns = [
        next(k for k in range(4) if np.array_equal(each.pixels, spoiled(film, k).pixels))
        for each in made[::2]
    ]
    for view in (turns[::2], turns[1::2]):
        assert all(view.count(k) > 8 for k in range(3))


def test_every_third_pattern_is_held_out():
    patterns = list(drawn_others(12, seed=1))
    assert [each.held_out for each in patterns] == [number % 3 == 0 for number in range(12)]
    assert all(each.pixels.std() > 0 for each in patterns)


def test_libraries_lend_photographs(tmp_path):
    pytest.importorskip("skimage")
    pictures = list(other_pictures(tmp_path))
    assert len(pictures) > 10
    assert {each.kind for each in pictures} == {"other"}


def test_a_head_that_can_tell_them_apart_does(film):
    torch.manual_seed(0)
    gate = Gate(GateConfig()).eval()
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

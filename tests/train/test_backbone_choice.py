"""Studies reduced to one view."""

from pathlib import Path

import numpy as np

from train.backbone_choice import VARIANTS, classifier_of, reduced, row
from train.corpus import Corpus, picture_index
from train.data.study import StudyRow


def corpus_of(*views):
    rows = [
        StudyRow(str(i), "train", tuple(Path(f"{i}-{k}.png") for k in range(len(names))), "", views=names)
        for i, names in enumerate(views)
    ]
    index, paths = picture_index(rows)
    states = np.arange(len(rows) * 14).reshape(-1, 14)
    return Corpus(rows, np.zeros((len(paths), 2, 2), np.uint8), index, states), paths


def test_each_study_keeps_its_picture_of_the_view_and_its_states():
    corpus, paths = corpus_of(("lateral", "frontal"), ("frontal", "lateral"), ("lateral",), ("frontal",))
    frontal, lateral = reduced(corpus, "frontal"), reduced(corpus, "lateral")
    assert [paths[place].name for (place,) in frontal.index] == ["0-1.png", "1-0.png", "3-0.png"]
    assert [paths[place].name for (place,) in lateral.index] == ["0-0.png", "1-1.png", "2-0.png"]
    assert frontal.states[:, 0].tolist() == [0, 14, 42]
    assert [each.id for each in lateral.rows] == ["0", "1", "2"]
    assert reduced(corpus, "both") is corpus


def test_a_resolution_reaches_the_pictures():
    variant = VARIANTS["fine-tuned, 160 pixels"]
    classifier = classifier_of(variant, Path("checkpoints/observation_classifier"))
    assert classifier.config.preprocessing.size == 160


def test_the_mean_and_half_the_range_stand_in_a_row():
    assert row("a", [0.70, 0.80, 0.75]) == "| a | 0.750 ±0.050 |"

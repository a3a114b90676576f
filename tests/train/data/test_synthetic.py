import json
from functools import cache

import cv2
import numpy as np
import pytest

from radui.observations import OBSERVATIONS, State
from radui.processing.labeler import label
from train.data.iu_xray import read_iu_xray
from train.data.synthetic import DRAWABLE, draw_study, main, write_synthetic

# A word that a sentence about the observation must hold.
WORDS = {
    "Enlarged Cardiomediastinum": ("mediastin",),
    "Cardiomegaly": ("heart", "cardi"),
    "Lung Opacity": ("opacity",),
    "Lung Lesion": ("nodule",),
    "Consolidation": ("consolidation",),
    "Pneumothorax": ("pneumothorax",),
    "Pleural Effusion": ("effusion",),
    "Fracture": ("fracture",),
    "Support Devices": ("pacemaker", "central"),
}
DENIALS = ("no ", "not ", "normal")
FRONTAL_ONLY = ("Pneumothorax", "Fracture")


@cache
def drawn(seed, *observations):
    """A study with the given findings; pictures are never written to, so tests may share it."""
    return draw_study(seed, observations)


def states_in(text):
    """The state of each observation that a drawn report's sentences mention."""
    found = {}
    for sentence in text.lower().split(". "):
        state = State.NEGATIVE if any(mark in sentence for mark in DENIALS) else State.POSITIVE
        found |= {name: state for name, words in WORDS.items() if any(word in sentence for word in words)}
    return found


def brightness(picture, box):
    x0, y0, x1, y1 = (round(value) for value in box)
    return float(picture[y0:y1, x0:x1].mean())


def boxes_of(study, observation):
    return {entry.view: entry.box for entry in study.boxes if entry.observation == observation}


def test_films_are_grey_pictures_with_detail():
    study = draw_study(0)
    for film in (study.frontal, study.lateral):
        assert film.shape == (512, 512)
        assert film.dtype == np.uint8
        assert film.std() > 40
        assert len(np.unique(film)) > 200


def test_a_seed_gives_the_same_study_and_another_seed_another():
    one, same, other = draw_study(7), draw_study(7), draw_study(8)
    assert np.array_equal(one.frontal, same.frontal)
    assert np.array_equal(one.lateral, same.lateral)
    assert (one.report, one.impression, one.labels, one.boxes) == (
        same.report,
        same.impression,
        same.labels,
        same.boxes,
    )
    assert np.abs(one.frontal.astype(int) - other.frontal).mean() > 3


def test_a_finding_changes_the_film_in_its_box_and_hardly_elsewhere():
    healthy, ill = drawn(1), drawn(1, "Lung Lesion")
    change = np.abs(healthy.frontal.astype(float) - ill.frontal)
    x0, y0, x1, y1 = (round(value) for value in boxes_of(ill, "Lung Lesion")["frontal"])
    inside = np.zeros(change.shape, bool)
    inside[y0:y1, x0:x1] = True
    assert change[inside].mean() > 8
    assert change[~inside].mean() < 0.5


@pytest.mark.parametrize("seed", range(3))
def test_the_heart_lies_on_the_image_right(seed):
    film = drawn(seed).frontal
    beside = film[270:340]
    assert beside[:, 296:330].mean() > beside[:, 180:214].mean() + 25


@pytest.mark.parametrize("seed", range(3))
def test_anatomy_has_the_brightness_order_of_a_film(seed):
    film = drawn(seed).frontal
    lung, spine, belly = (
        film[150:300, 130:190].mean(),
        film[150:300, 250:262].mean(),
        film[460:500, 150:350].mean(),
    )
    assert film[4:40, 4:60].mean() < lung < spine
    assert belly > lung + 60


@pytest.mark.parametrize("observation", DRAWABLE)
def test_each_finding_has_boxes_a_sentence_and_a_label(observation):
    for seed in range(2):
        study = drawn(seed, observation)
        boxes = boxes_of(study, observation)
        assert {entry.observation for entry in study.boxes} == {observation}
        assert set(boxes) == ({"frontal"} if observation in FRONTAL_ONLY else {"frontal", "lateral"})
        assert all(0 <= x0 < x1 <= 512 and 0 <= y0 < y1 <= 512 for x0, y0, x1, y1 in boxes.values())
        assert study.labels[observation] == State.POSITIVE
        assert states_in(study.report)[observation] == State.POSITIVE


@pytest.mark.parametrize("seed", range(20, 28))
def test_labels_agree_with_text_and_boxes(seed):
    study = draw_study(seed)
    assert tuple(study.labels) == OBSERVATIONS
    stated = {name: state for name, state in study.labels.items() if state != State.UNMENTIONED}
    assert label(study.report) == study.labels
    no_finding = stated.pop("No Finding", None)
    assert stated == states_in(study.report)
    shown = {entry.observation for entry in study.boxes}
    assert shown == {name for name, state in stated.items() if state == State.POSITIVE}
    assert (no_finding == State.POSITIVE) == (shown <= {"Support Devices"})


@pytest.mark.parametrize("observation", ["Pneumothorax", "Pleural Effusion", "Lung Opacity", "Fracture"])
def test_the_side_in_the_text_is_the_side_of_the_box(observation):
    sides = set()
    for seed in (0, 2, 5, 7, 8):
        study = drawn(seed, observation)
        x0, _, x1, _ = boxes_of(study, observation)["frontal"]
        side = "left" if (x0 + x1) / 2 > 256 else "right"
        other = {"left": "right", "right": "left"}[side]
        assert side in study.report
        assert other not in study.report
        assert side in study.impression.lower()
        sides.add(side)
    assert sides == {"left", "right"}


@pytest.mark.parametrize(
    "observation", ["Consolidation", "Lung Opacity", "Lung Lesion", "Pleural Effusion", "Support Devices"]
)
def test_what_is_denser_than_lung_is_brighter(observation):
    for seed in range(2):
        study = drawn(seed, observation)
        box = boxes_of(study, observation)["frontal"]
        assert brightness(study.frontal, box) > brightness(drawn(seed).frontal, box) + 2


def test_a_pneumothorax_is_darker_towards_the_wall():
    for seed in range(2):
        study = drawn(seed, "Pneumothorax")
        x0, y0, x1, _ = boxes_of(study, "Pneumothorax")["frontal"]
        apex = (x0 + 30, y0, x1 - 30, y0 + 40)
        assert brightness(study.frontal, apex) < brightness(drawn(seed).frontal, apex) - 2


def test_an_enlarged_heart_is_wider_than_half_the_thorax():
    for seed in range(2):
        x0, _, x1, _ = boxes_of(drawn(seed, "Cardiomegaly"), "Cardiomegaly")["frontal"]
        assert x1 - x0 > 158
        assert (x0 + x1) / 2 > 256


def test_refuses_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="Cannot draw Edema: choose from Cardiomegaly"):
        draw_study(0, ["Edema"])


def test_the_iu_reader_reads_a_written_set(tmp_path):
    write_synthetic(tmp_path, studies=4, seed=3)
    rows = {row.id: row for row in read_iu_xray(tmp_path)}
    assert sorted(row.split for row in rows.values()) == ["test", "train", "train", "val"]
    for seed in range(3, 7):
        row, study = rows[f"DRAWN{seed:05d}"], draw_study(seed)
        assert (row.report, row.impression, row.indication) == (
            study.report,
            study.impression,
            study.indication,
        )
        assert row.views == ("frontal", "lateral")
        assert row.labels is not None
        assert {n for n, s in row.labels.items() if s == State.POSITIVE} == {
            n for n, s in study.labels.items() if s == State.POSITIVE
        }
        films = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in row.images]
        assert np.array_equal(films[0], study.frontal)
        assert np.array_equal(films[1], study.lateral)


def test_the_command_writes_boxes_beside_the_facts(tmp_path, capsys):
    main(["--out", str(tmp_path / "drawn"), "--studies", "2", "--seed", "21"])
    assert "2 drawn studies" in capsys.readouterr().out
    extras = json.loads((tmp_path / "drawn/studies.json").read_text())
    assert [len(extra["boxes"]) for extra in extras] == [len(draw_study(seed).boxes) for seed in (21, 22)]

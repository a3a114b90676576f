import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from radui.observations import OBSERVATIONS, State
from train.data.iu_xray import read_iu_xray
from train.data.study import DataError, summary

SHARED = Path(__file__).parents[3] / "../shared/data/iu_xray"

# Counts of the shared copy: train, val, test.
POSITIVES = {
    "Cardiomegaly": (145, 24, 24),
    "Lung Opacity": (200, 28, 42),
    "Atelectasis": (138, 18, 32),
    "Pleural Effusion": (70, 11, 18),
    "Pneumonia": (73, 7, 18),
    "Edema": (50, 4, 11),
    "Lung Lesion": (62, 6, 12),
    "Fracture": (32, 3, 4),
    "Consolidation": (16, 2, 4),
    "Pneumothorax": (10, 2, 3),
    "No Finding": (1574, 232, 487),
}


def write_picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((8, 6), 90, np.uint8))


def write_set(root, suffix="png", extras=None):
    """Three studies of two pictures, a split each, as R2Gen lays them out."""
    annotation = {}
    for number, split in enumerate(("train", "val", "test")):
        name = f"CXR{number}_IM-000{number}"
        paths = [f"{name}/{index}.png" for index in range(2)]
        for path in paths:
            write_picture((root / "images" / path).with_suffix(f".{suffix}"))
        report = f"Heart number {number} is normal."
        annotation[split] = [{"id": name, "report": report, "image_path": paths, "split": split}]
    (root / "annotation.json").write_text(json.dumps(annotation))
    if extras is not None:
        (root / "studies.json").write_text(json.dumps(extras))


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_reads_the_original_layout_whatever_the_pictures_suffix(tmp_path, suffix):
    write_set(tmp_path, suffix)
    rows = read_iu_xray(tmp_path)
    assert [(row.id, row.split) for row in rows] == [
        ("CXR0_IM-0000", "train"),
        ("CXR1_IM-0001", "val"),
        ("CXR2_IM-0002", "test"),
    ]
    assert rows[1].images == tuple(tmp_path / f"images/CXR1_IM-0001/{i}.{suffix}" for i in range(2))
    assert rows[2].report == "Heart number 2 is normal."
    assert rows[0].views == ()
    assert rows[0].labels is None


def test_takes_extra_facts_for_the_studies_that_have_them(tmp_path):
    extra = {
        "id": "CXR1_IM-0001",
        "views": ["lateral", "frontal"],
        "labels": {"Edema": 1, "Fracture": 0},
        "impression": "Wet lungs.",
        "indication": "Cough.",
    }
    write_set(tmp_path, extras=[extra])
    plain, row, _ = read_iu_xray(tmp_path)
    assert row.views == ("lateral", "frontal")
    assert (row.impression, row.indication) == ("Wet lungs.", "Cough.")
    assert row.labels is not None
    assert tuple(row.labels) == OBSERVATIONS
    assert [name for name, state in row.labels.items() if state == State.POSITIVE] == ["Edema"]
    assert row.labels["Fracture"] == State.UNMENTIONED
    assert plain.labels is None


def test_names_the_missing_annotation(tmp_path):
    with pytest.raises(DataError, match=r"annotation\.json is missing: expected R2Gen's annotation"):
        read_iu_xray(tmp_path)


def test_names_the_missing_picture(tmp_path):
    write_set(tmp_path)
    (tmp_path / "images/CXR2_IM-0002/1.png").unlink()
    with pytest.raises(DataError, match=r"CXR2_IM-0002/1\.png is missing"):
        read_iu_xray(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{not json", "is not valid JSON"),
        ("[]", "has another structure: expected R2Gen's annotation"),
        ('{"train": [], "val": []}', "has another structure"),
        ('{"train": [{"id": "a"}], "val": [], "test": []}', "has a malformed train study"),
        (
            '{"train": [{"id": "a", "report": "", "image_path": []}], "val": [], "test": []}',
            "malformed train",
        ),
    ],
)
def test_refuses_a_malformed_annotation(tmp_path, text, sentence):
    (tmp_path / "annotation.json").write_text(text)
    with pytest.raises(DataError, match=sentence):
        read_iu_xray(tmp_path)


@pytest.mark.parametrize(
    ("extras", "sentence"),
    [
        ({"id": "x"}, "studies.json has another structure"),
        ([{"id": "CXR0_IM-0000", "views": ["oblique", "frontal"]}], "2 times frontal, lateral or null"),
        ([{"id": "CXR0_IM-0000", "views": ["frontal"]}], "2 times frontal, lateral or null"),
        ([{"id": "CXR0_IM-0000", "labels": {"Gout": 1}}], "malformed labels for study CXR0_IM-0000"),
        ([{"id": "CXR0_IM-0000", "labels": {"Edema": 2}}], "malformed labels"),
    ],
)
def test_refuses_malformed_extra_facts(tmp_path, extras, sentence):
    write_set(tmp_path, extras=extras)
    with pytest.raises(DataError, match=sentence):
        read_iu_xray(tmp_path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs IU X-Ray at ../shared/data/iu_xray")
def test_counts_of_the_shared_set_match_its_readme():
    rows = read_iu_xray(SHARED)
    lines = {line[:28].strip(): line[28:].replace(",", "").split() for line in summary(rows).splitlines()}
    assert lines["studies"] == ["2069", "296", "590", "2955"]
    assert lines["images"][-1] == "5910"
    totals = {name: int(cells[-1]) for name, cells in lines.items() if "al + " in name}
    assert totals == {
        "frontal + lateral": 2584,
        "lateral + frontal": 313,
        "frontal + frontal": 34,
        "lateral + lateral": 24,
    }
    assert {name: tuple(map(int, lines[name][:3])) for name in POSITIVES} == POSITIVES

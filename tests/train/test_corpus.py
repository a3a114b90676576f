import json

import cv2
import numpy as np
import pytest

from radui.observations import OBSERVATIONS, State
from train.corpus import load_corpus, picture_index, positive, report_states, truth

EDEMA, NO_FINDING = OBSERVATIONS.index("Edema"), OBSERVATIONS.index("No Finding")


@pytest.fixture
def root(tmp_path):
    """Three studies in R2Gen's layout, of two pictures, one and two."""
    reports = {"train": "There is pulmonary edema.", "val": "The lungs are clear.", "test": "Possible edema."}
    annotation = {}
    for number, (split, report) in enumerate(reports.items()):
        names = [f"{split}/{view}.png" for view in range(1 if split == "val" else 2)]
        for view, name in enumerate(names):
            path = tmp_path / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1)) // 2 + 10 * number + view
            cv2.imwrite(str(path), ramp.astype(np.uint8))
        annotation[split] = [{"id": split, "report": report, "image_path": names, "split": split}]
    (tmp_path / "annotation.json").write_text(json.dumps(annotation))
    return tmp_path


def test_a_study_owns_its_pictures_and_states(root):
    corpus = load_corpus(root)
    assert corpus.index == [(0, 1), (2,), (3, 4)]
    assert corpus.pictures.shape == (5, 256, 256)
    assert corpus.pictures[:, 0, 0].tolist() == [0, 1, 10, 20, 21]
    assert corpus.states.shape == (3, 14)
    assert corpus.states[:, EDEMA].tolist() == [State.POSITIVE, State.UNMENTIONED, State.UNCERTAIN]
    assert [corpus.where(split) for split in ("train", "val", "test")] == [[0], [1], [2]]


def test_a_cache_keeps_the_pictures(root, tmp_path):
    first = load_corpus(root, tmp_path / "cache")
    assert (tmp_path / "cache" / "pictures.npy").exists()
    np.testing.assert_array_equal(load_corpus(root, tmp_path / "cache").pictures, first.pictures)


def test_picture_index_lists_paths_in_the_rows_order(root):
    rows = load_corpus(root).rows
    index, paths = picture_index(rows[1:])
    assert index == [(0,), (1, 2)]
    assert [path.parent.name for path in paths] == ["val", "test", "test"]


def test_uncertain_is_positive_and_an_empty_row_is_no_finding():
    states = np.zeros((4, 14), np.int64)
    states[0, EDEMA], states[1, EDEMA], states[2, EDEMA] = State.POSITIVE, State.UNCERTAIN, State.NEGATIVE
    labels = positive(states)
    assert labels[:, EDEMA].tolist() == [True, True, False, False]
    assert labels[:, NO_FINDING].tolist() == [False, False, True, True]
    assert labels.sum() == 4


def test_every_report_has_a_label():
    states = report_states(["", "Heart size is normal.", "Large effusion."])
    assert positive(states).any(1).all()


def test_truth_by_the_labeler_or_by_the_data_set(root):
    rows = load_corpus(root).rows
    assert truth(rows)[:, EDEMA].tolist() == [True, False, True]
    with pytest.raises(ValueError, match="no labels"):
        truth(rows, "silver")
    extras = [{"id": row.id, "labels": {"Edema": int(row.id == "val")}} for row in rows]
    (root / "studies.json").write_text(json.dumps(extras))
    assert truth(load_corpus(root).rows, "silver")[:, EDEMA].tolist() == [False, True, False]

"""Labels that are ticked for every val study."""

import numpy as np
import pytest

from radui.observations import OBSERVATION_INDEX
from radui.processing.vocabulary import Vocabulary
from train import label_following
from train.corpus import Corpus
from train.data.study import StudyRow


def test_every_val_study_is_decoded_under_the_one_label(monkeypatch):
    rows = [
        StudyRow(str(i), split, (), "the heart is normal") for i, split in enumerate(("train", "val", "val"))
    ]
    grids = np.zeros((3, 4, 1, 1), np.float16)
    corpus = Corpus(rows, np.zeros((3, 2, 2), np.uint8), [(0,), (1,), (2,)], np.zeros((3, 14), np.int64))
    seen = []
    monkeypatch.setattr(label_following, "decode", lambda _m, studies, *_: seen.extend(s[2] for s in studies))
    vocabulary = Vocabulary.build([row.report for row in rows], threshold=1)
    label_following.reports_under("Edema", None, vocabulary, corpus, grids)
    assert len(seen) == 2
    assert all(labels.nonzero()[0].tolist() == [OBSERVATION_INDEX["Edema"]] for labels in seen)


def test_the_share_counts_what_is_stated_not_what_is_denied():
    reports = ["the heart is enlarged .", "the heart is normal .", "no effusion .", "borderline heart size ."]
    assert label_following.share("Cardiomegaly", reports) == pytest.approx(0.5)

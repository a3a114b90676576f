from pathlib import Path

import numpy as np
import pytest
import torch

from radui.models.otdrg import Output
from train.corpus import Corpus
from train.data.study import StudyRow
from train.otdrg_reliance import reliance
from train.report_data import ReportStudies
from train.state_conditions import StateConditions

STUDIES = 8


class Words:
    """Study k's report is the token 1 + k."""

    def encode(self, report):
        return [0, 1 + int(report), 0]


class Reader(torch.nn.Module):
    """Sure of the token that its image names (or its labels), and of the end after it."""

    def __init__(self, reads):
        super().__init__()
        self.reads = reads

    def forward(self, grids, mask, labels, tokens):
        named = grids[:, 0, 0, 0, 0] if self.reads == "image" else labels[:, 0]
        logits = torch.zeros(len(tokens), tokens.shape[1], STUDIES + 1)
        logits[torch.arange(len(tokens)), 0, named.long() + 1] = 50.0
        logits[:, 1, 0] = 50.0
        return Output(logits, None)


@pytest.fixture
def data():
    rows = [StudyRow(str(k), "val", (Path("0.png"),), str(k)) for k in range(STUDIES)]
    states = np.repeat(np.arange(STUDIES)[:, None], 14, 1)
    corpus = Corpus(rows, np.zeros((STUDIES, 1, 1), np.uint8), [(k,) for k in range(STUDIES)], states)
    grids = np.arange(STUDIES, dtype=np.float16)[:, None, None, None]
    conditions = StateConditions(states, states, np.zeros((14, 4, 4)), 0.0, 0)
    return ReportStudies(corpus, [grids], "val", Words(), conditions)


@pytest.mark.parametrize(("reads", "ignored"), [("image", "other labels"), ("labels", "another image")])
def test_only_what_is_read_costs_when_it_is_another_studys(data, reads, ignored):
    found = reliance(Reader(reads), data)
    used = {"image": "another image", "labels": "other labels"}[reads]
    assert found["own image and labels"] == found[ignored] == pytest.approx(0, abs=1e-6)
    # Nobody keeps the own study: each first token costs 50, each end mark nothing.
    assert found[used] == found["another image and its labels"] == pytest.approx(25)

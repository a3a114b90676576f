import math
from pathlib import Path

import numpy as np
import pytest
import torch

from radui.nn.backbones import BackboneConfig
from radui.records import Preprocessing
from train.corpus import Corpus
from train.data.study import StudyRow
from train.distill import EncoderObjective, EncoderPictures, EncoderTask, Student
from train.features import cached_grids
from train.losses import info_nce

PREPROCESSING = Preprocessing(size=64)


@pytest.fixture(scope="module")
def corpus():
    """Four train studies and four of val, two pictures each."""
    random = np.random.default_rng(0)
    rows = [StudyRow(str(k), ("train", "val")[k // 4], (Path("0.png"),) * 2, "Clear.") for k in range(8)]
    pictures = random.integers(255, size=(16, 80, 80), dtype=np.uint8)
    states = random.integers(4, size=(8, 14))
    return Corpus(rows, pictures, [(2 * k, 2 * k + 1) for k in range(8)], states)


@pytest.fixture(scope="module")
def teacher():
    random = np.random.default_rng(1)
    return [random.normal(size=(16, 6, 2, 2)).astype(np.float16) for _ in range(3)]


@pytest.fixture
def student():
    torch.manual_seed(0)
    return Student(BackboneConfig("efficientnet_lite0"), channels=6, text_width=5)


def pictures(corpus, teacher, split):
    return EncoderPictures(corpus, teacher, split, PREPROCESSING, seed=7)


def task(student, corpus, teacher, **objective):
    val = pictures(corpus, teacher, "val")
    texts = np.eye(8, 5, dtype=np.float32)
    return EncoderTask(student, EncoderObjective(**objective), val, texts)


class Glass(torch.nn.Module):
    """A teacher that hands on what it sees."""

    def __init__(self):
        super().__init__()
        self.device = torch.nn.Parameter(torch.zeros(1))

    def forward(self, pixels):
        return pixels


def test_pixels_are_those_whose_features_are_the_teachers(corpus, tmp_path):
    seen = [cached_grids(Glass(), corpus.pictures, PREPROCESSING, v, tmp_path) for v in range(3)]
    train = pictures(corpus, seen, "train")
    shown = set()
    for epoch in range(6):
        train.set_epoch(epoch)
        for item in range(len(train)):
            pixels, grid, states, position = train[item]
            np.testing.assert_allclose(pixels, grid, atol=2e-3)
            np.testing.assert_array_equal(states, corpus.states[position])
            assert train.studies[item][1] in corpus.index[position]
            shown.add((item, float(grid.sum())))
    assert len(shown) > 2 * len(train)  # most pictures came in more than two versions


def test_val_is_plain(corpus, teacher):
    val = pictures(corpus, teacher, "val")
    assert len(val) == 8
    for epoch in (0, 3):
        val.set_epoch(epoch)
        np.testing.assert_array_equal(val[5][1], teacher[0][13].astype(np.float32))


def test_the_loss_is_the_weighted_sum_and_a_weight_of_zero_leaves_out(corpus, teacher, student):
    data = pictures(corpus, teacher, "train")
    batch = EncoderTask.collate([data[i] for i in range(4)])
    student.eval()
    found = task(student, corpus, teacher, distill=2.0, labels=0.5).loss(student, batch)
    assert found["loss"].item() == pytest.approx(2 * found["distill"].item() + 0.5 * found["labels"].item())
    assert "ircp" not in found
    alone = task(student, corpus, teacher, distill=0.0, labels=1.0).loss(student, batch)
    assert alone["loss"].item() == pytest.approx(alone["labels"].item())


@pytest.mark.parametrize("level", ["image", "report"])
def test_ircp_at_both_levels_reaches_the_encoder(corpus, teacher, student, level):
    data = pictures(corpus, teacher, "train")
    batch = EncoderTask.collate([data[i] for i in range(4)])
    learner = task(student, corpus, teacher, distill=0.0, labels=0.0, ircp=1.0, ircp_level=level)
    losses = learner.loss(student, batch)
    losses["loss"].backward()
    assert losses["loss"].item() == pytest.approx(losses["ircp"].item())
    assert student.backbone.head[0].weight.grad.abs().max() > 0
    assert (student.text.weight.grad is not None) == (level == "report")


def test_evaluation_averages_val(corpus, teacher, student):
    learner = task(student.eval(), corpus, teacher)
    with torch.no_grad():
        scores = learner.evaluate(student, torch.device("cpu"))
    batch = EncoderTask.collate([learner.val[i] for i in range(8)])
    assert scores["score"] == pytest.approx(-learner.loss(student, batch)["loss"].item(), rel=1e-4)
    assert 0 <= scores["val_auc"] <= 1


def test_info_nce_by_hand():
    """Orthonormal rows that are their own keys: distance 0 to the positive, sqrt 2 to the three others."""
    rows = torch.eye(4)
    expected = math.log(1 + 3 * math.exp(-math.sqrt(2) / 0.5))
    assert info_nce(rows, rows, 0.5, "euclidean").item() == pytest.approx(expected, rel=1e-4)
    assert info_nce(rows, rows, 0.5, "cosine").item() == pytest.approx(math.log(1 + 3 * math.exp(-2)))
    with pytest.raises(ValueError, match="choose euclidean or cosine"):
        info_nce(rows, rows, 0.5, "dot")

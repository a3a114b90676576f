import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from radui.models.observation_classifier import (
    ObservationClassifier,
    ObservationClassifierConfig,
    pool_views,
)
from radui.observations import NO_FINDING, OBSERVATIONS, State
from train.corpus import Corpus
from train.data.study import StudyRow
from train.plan_quality import information, logit_maps, plan_quality, report

STUDIES, HEART = 12, OBSERVATIONS.index("Cardiomegaly")


class Planner:
    """Moves an observation's mass where the classifier sees it, and pays less where the sum is high."""

    def __init__(self, classifier):
        self.classifier = classifier

    def encode(self, grids, mask, states):
        assert mask.all()
        maps = torch.stack([logit_maps(self.classifier, each, grids.shape[-2:]) for each in grids])
        plan = (maps - maps.min()).flatten(2).transpose(1, 2)
        present = (states == State.POSITIVE).float()
        distance = -(present * maps.sum((2, 3, 4))).sum(1)
        return SimpleNamespace(transport=SimpleNamespace(plan=plan / plan.sum(), distance=distance))


@pytest.fixture
def classifier():
    torch.manual_seed(0)
    return ObservationClassifier(ObservationClassifierConfig()).eval().requires_grad_(False)


@pytest.fixture
def studies(classifier):
    """Six studies of an enlarged heart, which the classifier sees, six of none; grids of 3 x 3 patches."""
    random = np.random.default_rng(0)
    grids = random.normal(size=(STUDIES, classifier.head.in_features, 3, 3)).astype(np.float32)
    maps = [logit_maps(classifier, torch.from_numpy(each)[None], (3, 3))[HEART].sum() for each in grids]
    states = np.zeros((STUDIES, len(OBSERVATIONS)), np.int64)
    states[np.argsort(maps)[-6:], HEART] = State.POSITIVE
    rows = [StudyRow(str(k), "val", (Path("0.png"),), "") for k in range(STUDIES)]
    return Corpus(rows, np.zeros((STUDIES, 1, 1), np.uint8), [(k,) for k in range(STUDIES)], states), grids


def test_a_uniform_plan_says_nothing_and_one_label_a_patch_the_most():
    assert information(torch.full((6, 3), 1 / 18)) == pytest.approx(0, abs=1e-6)
    assert information(torch.eye(3) / 3) == pytest.approx(math.log(3))


def test_the_maps_add_up_to_the_logits(classifier):
    grids = torch.randn(2, classifier.head.in_features, 3, 3)
    logits = classifier.classify(pool_views(grids[None], torch.ones(1, 2, dtype=torch.bool)))[0]
    bias = classifier.head.bias.unflatten(0, (len(OBSERVATIONS), len(State)))
    expected = (logits - bias)[:, State.POSITIVE] - (logits - bias)[:, State.NEGATIVE]
    torch.testing.assert_close(logit_maps(classifier, grids, (3, 3)).mean((1, 2, 3)), expected)


def test_a_plan_that_follows_the_classifier_agrees_with_it(classifier, studies):
    corpus, grids = studies
    found = plan_quality(Planner(classifier), classifier, corpus, [grids, grids], range(STUDIES))
    heart, normal = found.observations
    assert (heart.name, heart.count, normal.name, normal.count) == ("Cardiomegaly", 6, NO_FINDING, 6)
    assert heart.auc == 1.0
    assert heart.map == pytest.approx(1.0, abs=1e-4)
    assert heart.other_map < 0.6  # another study's map is another map
    assert report(found).splitlines()[-2].startswith("| Cardiomegaly | 6 | 1.00 |")


def test_a_model_is_measured_with_what_it_is_trained_on(otdrg, classifier, studies):
    corpus, grids = studies
    found = plan_quality(otdrg, classifier, corpus, [grids, grids], range(STUDIES))
    assert 0 < found.information < math.log(len(OBSERVATIONS))
    assert -1 <= found.observations[0].map < 0.9

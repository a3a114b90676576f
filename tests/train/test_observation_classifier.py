"""Calibration, thresholds and the learning part of the observation classifier."""

import numpy as np
import pytest
import torch

from radui.models.observation_classifier import ObservationClassifier, ObservationClassifierConfig
from radui.models.registry import save
from radui.observations import OBSERVATIONS
from train.observation_classifier import (
    Head,
    fit_temperatures,
    load_backbone,
    observation_aucs,
    prevalence_thresholds,
)


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(0)
    return ObservationClassifier(ObservationClassifierConfig()).eval()


def test_the_head_is_the_classifiers_own(classifier):
    head = Head(classifier).eval()
    features = torch.randn(3, classifier.backbone.channels)
    assert torch.equal(head(features), classifier.classify(features))
    assert next(head.head.parameters()) is next(classifier.head.parameters())


def test_the_backbone_comes_out_of_a_checkpoint(classifier, tmp_path):
    save(tmp_path, "observation_classifier", classifier, {}, half=False)
    other = ObservationClassifier(ObservationClassifierConfig())
    load_backbone(other, tmp_path)
    for mine, theirs in zip(classifier.backbone.parameters(), other.backbone.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_temperatures_undo_overconfidence():
    torch.manual_seed(0)
    states = torch.randint(0, 4, (400, len(OBSERVATIONS)))
    honest = torch.nn.functional.one_hot(states, 4) * 1.5 + torch.randn(400, len(OBSERVATIONS), 4)
    honest_temperatures = fit_temperatures(honest, states.numpy())
    sharp_temperatures = fit_temperatures(honest * 5, states.numpy())
    assert torch.allclose(sharp_temperatures, 5 * honest_temperatures, rtol=0.05)


def test_thresholds_give_the_prevalence_of_train():
    scores = np.random.default_rng(0).random((1000, len(OBSERVATIONS)))
    prevalence = np.linspace(0.05, 0.5, len(OBSERVATIONS))
    thresholds = prevalence_thresholds(scores, prevalence)
    assert (scores >= thresholds).mean(0) == pytest.approx(prevalence, abs=0.005)


def test_auc_leaves_out_observations_with_one_kind_only():
    labels = np.zeros((10, len(OBSERVATIONS)), bool)
    labels[:5, 0] = True
    scores = np.tile(np.linspace(1, 0, 10)[:, None], len(OBSERVATIONS))
    assert observation_aucs(scores, labels) == {OBSERVATIONS[0]: 1.0}

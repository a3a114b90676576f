import pytest
import torch

from radui.models.observation_classifier import (
    ObservationClassifier,
    ObservationClassifierConfig,
    condition_labels,
    pool_views,
    present,
)
from radui.observations import OBSERVATIONS, State

NO_FINDING, DEVICES = OBSERVATIONS.index("No Finding"), OBSERVATIONS.index("Support Devices")
EDEMA = OBSERVATIONS.index("Edema")


@pytest.fixture(scope="module")
def classifier(awake):
    torch.manual_seed(0)
    classifier = ObservationClassifier(ObservationClassifierConfig()).eval()
    awake(classifier.backbone)
    return classifier.requires_grad_(False)


def certain(*positive):
    """(1, 14, 4): these observations positive, all others unmentioned."""
    probabilities = torch.zeros(1, 14, 4)
    probabilities[..., State.UNMENTIONED] = 1
    for k in positive:
        probabilities[0, k] = torch.tensor([0.0, 1.0, 0.0, 0.0])
    return probabilities


class TestModel:
    def test_four_probabilities_of_each_observation_sum_to_one(self, classifier):
        logits = classifier(torch.randn(3, 2, 1, 64, 64), torch.ones(3, 2, dtype=torch.bool))
        assert logits.shape == (3, 14, 4)
        probabilities = classifier.probabilities(10 * logits)
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(3, 14))

    def test_a_temperature_belongs_to_its_observation(self, classifier):
        logits = torch.randn(2, 14, 4)
        plain = classifier.probabilities(logits)
        classifier.temperatures[EDEMA] = 4.0
        warm = classifier.probabilities(logits)
        classifier.temperatures[EDEMA] = 1.0
        torch.testing.assert_close(warm[:, EDEMA], (logits[:, EDEMA] / 4).softmax(-1))
        others = [k for k in range(14) if k != EDEMA]
        torch.testing.assert_close(warm[:, others], plain[:, others])

    def test_a_masked_view_says_nothing(self, classifier):
        pixels, mask = torch.randn(2, 2, 1, 64, 64), torch.tensor([[True, True], [True, False]])
        changed = pixels.clone()
        changed[:, 1] = torch.randn(2, 1, 64, 64)
        before, after = classifier(pixels, mask), classifier(changed, mask)
        torch.testing.assert_close(before[1], after[1])
        assert not torch.allclose(before[0], after[0])

    def test_views_may_change_places(self, classifier):
        pixels, mask = torch.randn(1, 2, 1, 64, 64), torch.ones(1, 2, dtype=torch.bool)
        torch.testing.assert_close(
            classifier(pixels, mask), classifier(pixels.flip(1), mask), rtol=1e-4, atol=1e-5
        )

    def test_grids_then_classify_is_forward(self, classifier):
        pixels, mask = torch.randn(2, 2, 1, 64, 96), torch.tensor([[True, True], [False, True]])
        grids = classifier.grids(pixels)
        assert grids.shape == (2, 2, 1280, 2, 3)
        torch.testing.assert_close(classifier.classify(pool_views(grids, mask)), classifier(pixels, mask))


def test_pooling_by_hand():
    grids = torch.arange(16.0).reshape(2, 2, 1, 2, 2)
    mask = torch.tensor([[True, True], [False, True]])
    assert pool_views(grids, mask).tolist() == [[3.5], [13.5]]


class TestConditionLabels:
    def test_never_empty_and_no_finding_stands_alone(self):
        random = torch.Generator().manual_seed(0)
        probabilities = (4 * torch.randn(500, 14, 4, generator=random)).softmax(-1)
        labels = condition_labels(probabilities, torch.full((14,), 0.9))
        assert labels.dtype == torch.bool
        assert labels.any(1).all()
        others = [k for k in range(14) if k not in (NO_FINDING, DEVICES)]
        assert (labels[:, NO_FINDING] == ~labels[:, others].any(1)).all()
        assert labels[:, NO_FINDING].any()
        assert not labels[:, NO_FINDING].all()

    @pytest.mark.parametrize(
        ("positive", "expected"),
        [
            ((), {NO_FINDING}),
            ((NO_FINDING,), {NO_FINDING}),
            ((NO_FINDING, EDEMA), {EDEMA}),
            ((DEVICES,), {DEVICES, NO_FINDING}),
            ((DEVICES, EDEMA, NO_FINDING), {DEVICES, EDEMA}),
        ],
    )
    def test_what_no_finding_means(self, positive, expected):
        labels = condition_labels(certain(*positive), torch.full((14,), 0.5))
        assert set(labels[0].nonzero().flatten().tolist()) == expected

    def test_each_observation_has_its_own_threshold(self):
        probabilities = certain()
        probabilities[0, :, :] = torch.tensor([0.6, 0.25, 0.0, 0.15])
        thresholds = torch.full((14,), 0.41)
        thresholds[EDEMA] = 0.39
        labels = condition_labels(probabilities, thresholds)
        assert labels[0].nonzero().flatten().tolist() == [EDEMA]

    def test_uncertain_counts_as_present(self):
        assert present(torch.tensor([[[0.1, 0.2, 0.3, 0.4]]])).item() == pytest.approx(0.6)

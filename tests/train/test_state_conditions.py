import numpy as np
import pytest
import torch

from radui.models.observation_classifier import condition_states
from radui.observations import NO_FINDING, OBSERVATIONS, State
from train.state_conditions import StateConditions, confusion_rates, redraw

LAST, DEVICES = OBSERVATIONS.index(NO_FINDING), OBSERVATIONS.index("Support Devices")
EYE = np.broadcast_to(np.eye(4), (14, 4, 4))


@pytest.fixture
def conditions():
    random = np.random.default_rng(0)
    reference, predicted = random.integers(4, size=(2, 30, 14))
    return StateConditions(reference, predicted, np.full((14, 4, 4), 0.25), noise=0.5, seed=3)


def test_confusion_by_hand():
    reference, predicted = np.zeros((2, 4, 1), int)
    reference[:, 0], predicted[:, 0] = [1, 1, 1, 2], [1, 1, 2, 2]
    rates = confusion_rates(reference, predicted, smoothing=1e-9)[0, 1:3]
    np.testing.assert_allclose(rates, [[0, 2 / 3, 1 / 3, 0], [0, 0, 1, 0]], atol=1e-6)


def test_a_state_that_val_never_saw_is_redrawn_as_what_is_predicted_at_all():
    reference, predicted = np.full((2, 8, 1), 1)
    predicted[:6] = 2
    rates = confusion_rates(reference, predicted)[0]
    np.testing.assert_allclose(rates[3], [0, 0.25, 0.75, 0])
    np.testing.assert_allclose(rates.sum(1), 1)


def test_without_errors_nothing_changes():
    random = np.random.default_rng(1)
    for _ in range(20):
        stated = random.integers(4, size=14)
        others = np.delete(stated, [LAST, DEVICES])
        stated[LAST] = State.POSITIVE if not np.isin(others, (1, 3)).any() else State.UNMENTIONED
        np.testing.assert_array_equal(redraw(stated, EYE, random), stated)


def test_redrawn_states_follow_the_rates_and_no_finding_follows_them():
    rates = np.zeros((14, 4, 4))
    rates[:, :, State.UNMENTIONED], rates[:, :, State.POSITIVE] = 0.8, 0.2
    random = np.random.default_rng(2)
    drawn = np.stack([redraw(np.zeros(14, int), rates, random) for _ in range(3000)])
    assert (drawn[:, :LAST] == State.POSITIVE).mean() == pytest.approx(0.2, abs=0.01)
    others = np.delete(drawn, [LAST, DEVICES], axis=1)
    np.testing.assert_array_equal(drawn[:, LAST] == State.POSITIVE, ~(others == State.POSITIVE).any(1))


def test_evaluation_takes_the_apps_states_and_the_oracle_the_reports(conditions):
    from dataclasses import replace

    np.testing.assert_array_equal(conditions.draw(4, None), conditions.predicted[4])
    np.testing.assert_array_equal(replace(conditions, oracle=True).draw(4, None), conditions.reference[4])


def test_about_the_share_of_noise_is_redrawn(conditions):
    changed = [
        not np.array_equal(conditions.draw(5, np.random.default_rng(k)), conditions.reference[5])
        for k in range(200)
    ]
    assert 0.35 < np.mean(changed) < 0.65


def test_the_state_is_the_likeliest_of_those_that_presence_allows():
    probabilities = torch.tensor([[[0.6, 0.1, 0.1, 0.2], [0.6, 0.1, 0.1, 0.2], [0.1, 0.7, 0.2, 0.0]]])
    labels = torch.tensor([[True, False, False]])
    found = condition_states(probabilities, labels)[0].tolist()
    assert found == [State.UNCERTAIN, State.UNMENTIONED, State.NEGATIVE]
    certain = torch.tensor([[[1.0, 0.0, 0.0, 0.0]]])
    assert condition_states(certain, torch.tensor([[True]])).item() == State.POSITIVE

import numpy as np
import pytest

from radui.explain.transport import (
    figures,
    heat_map,
    label_map,
    observation_links,
    resolve,
    transport_plan,
)
from radui.observations import OBSERVATIONS, State
from radui.records import Frame

SQUARE = Frame((4, 4), (2, 2), (0.5, 0.5), (0.0, 0.0))
# The middle of a picture twice as wide as high: a quarter of it at each side was not seen.
CROPPED = Frame((8, 4), (2, 2), (0.5, 0.5), (-1.0, 0.0))
STATES = [int(State.POSITIVE)] + [int(State.UNMENTIONED)] * 13


@pytest.fixture
def plan():
    """Two views in the slots 1 and 0; each label lies wholly on one patch, 8 patches for 14 labels."""
    random = np.random.default_rng(0)
    cost = random.uniform(0.5, 1.5, (8, 14)).astype(np.float32)
    start = transport_plan(
        np.zeros((8, 14), np.float32), cost, (2, 2, 2), (1, 0), (SQUARE, CROPPED), STATES, 0.1, 100
    )
    return resolve(start, 0.1)


def test_views_come_in_the_order_of_the_pictures():
    weights = np.arange(8 * 14, dtype=np.float32).reshape(8, 14)
    plan = transport_plan(weights, -weights, (2, 2, 2), (1, 0), (SQUARE, CROPPED), STATES, 0.1, 5)
    assert plan.weights[0, 0, 0, 0] == 4 * 14
    assert plan.weights[1, 1, 0, 3] == 2 * 14 + 3
    assert plan.cost[1, 0, 1, 0] == -14
    assert plan.states[0] is State.POSITIVE
    one = transport_plan(weights, -weights, (2, 2, 2), (1,), (SQUARE,), STATES, 0.1, 5)
    assert one.weights.shape == (1, 2, 2, 14)


def test_a_labels_map_sums_to_one_over_the_views(plan):
    total = sum(label_map(plan, "Edema", view).sum() for view in range(2))
    assert total == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="not in tuple"):
        label_map(plan, "Gout", 0)


def test_heat_maps_are_in_original_pixels_and_nan_where_nothing_was_seen(plan):
    cells = label_map(plan, "Fracture", 1)
    picture = heat_map(plan, "Fracture", 1)
    assert picture.shape == (4, 8)
    assert np.isnan(picture[:, :2]).all()
    assert np.isnan(picture[:, 6:]).all()
    np.testing.assert_allclose(picture[:, 2:6], np.kron(cells, np.ones((2, 2))))
    whole = heat_map(plan, "Fracture", 0, smooth=True)
    assert whole.shape == (4, 4)
    assert np.isfinite(whole).all()


def test_figures_of_a_plan_by_hand():
    """Two patches, two labels that count, everything on the diagonal."""
    weights = np.zeros((2, 14), np.float32)
    weights[0, 0] = weights[1, 1] = 0.5
    cost = np.full((2, 14), 3.0, np.float32)
    cost[0, 0], cost[1, 1] = 1.0, 2.0
    found = figures(transport_plan(weights, cost, (1, 1, 2), (0,), (SQUARE,), STATES, 0.5, 9))
    assert found.cost == pytest.approx(1.5)
    assert found.entropy == pytest.approx(np.log(2))
    assert found.distance == pytest.approx(1.5 - 0.5 * np.log(2))
    assert found.patch_mass.tolist() == [[[0.5, 0.5]]]
    assert found.label_mass[:3].tolist() == [0.5, 0.5, 0]
    assert (found.error, found.converged) == (0, True)


def test_too_few_iterations_have_not_converged(plan):
    assert figures(plan).converged
    hasty = figures(resolve(plan, 0.01, iterations=1))
    assert not hasty.converged
    assert hasty.error > 1e-3


def test_another_epsilon_keeps_the_marginals_and_sharpens_the_plan(plan):
    sharp, soft = resolve(plan, 0.03, 500), resolve(plan, 1.0)
    for other in (sharp, soft):
        np.testing.assert_allclose(other.weights.sum((0, 1, 2)), 1 / 14, atol=1e-4)
        np.testing.assert_allclose(other.weights.sum(-1), 1 / 8, atol=1e-3)
    assert figures(sharp).cost < figures(plan).cost < figures(soft).cost
    assert figures(sharp).entropy < figures(plan).entropy < figures(soft).entropy
    assert (sharp.epsilon, sharp.iterations, plan.epsilon) == (0.03, 500, 0.1)
    np.testing.assert_array_equal(sharp.cost, plan.cost)


def test_the_models_own_epsilon_gives_the_models_own_plan(plan):
    torch = pytest.importorskip("torch")
    from radui.nn.transport import TransportConfig, transport

    cost = torch.from_numpy(plan.cost.reshape(1, 8, 14))
    own = transport(cost, torch.ones(1, 8, dtype=torch.bool), TransportConfig(0.07, 40)).plan
    again = resolve(plan, 0.07, 40).weights
    np.testing.assert_allclose(again.reshape(8, 14), own[0], atol=1e-7)


def test_epsilon_must_be_positive(plan):
    with pytest.raises(ValueError, match="greater than 0"):
        resolve(plan, 0.0)


def test_links_lead_from_sentences_to_observations():
    report = "The heart is enlarged. No pleural effusion or pneumothorax. Thank you."
    links = observation_links(report)
    found = {(report[link.start : link.end], link.observation, link.state) for link in links}
    assert ("The heart is enlarged.", "Cardiomegaly", State.POSITIVE) in found
    second = "No pleural effusion or pneumothorax."
    assert {(second, n, State.NEGATIVE) for n in ("Pleural Effusion", "Pneumothorax")} <= found
    assert not [text for text, _, _ in found if "Thank" in text]
    assert len(links) == len(found)
    assert {link.observation for link in links} <= set(OBSERVATIONS)
    assert observation_links("") == ()

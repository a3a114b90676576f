import numpy as np
import pytest

from radui.explain.rollout import pooling_map, rollout, spread
from radui.records import Frame

SWAP = np.array([[0, 1], [1, 0]], np.float32)
FRAME = Frame((80, 100), (64, 64), (0.8, 0.64), (0.0, 0.0))


def test_a_layer_that_looks_at_itself_changes_nothing():
    np.testing.assert_allclose(rollout(np.eye(3, dtype=np.float32)[None]), np.eye(3))


def test_layers_are_multiplied_through_with_half_of_each_kept():
    np.testing.assert_allclose(rollout(SWAP[None]), [[0.5, 0.5], [0.5, 0.5]])
    first = np.array([[1, 0], [1, 0]], np.float32)  # every patch reads the first
    # Output 1 after SWAP: half of itself (half patch 0, half patch 1), half of output 0 (patch 0).
    np.testing.assert_allclose(rollout(np.stack([first, SWAP]))[1], [0.75, 0.25])


def test_the_rows_of_any_rollout_sum_to_one():
    maps = np.random.default_rng(0).uniform(size=(3, 5, 5)).astype(np.float32)
    maps /= maps.sum(-1, keepdims=True)
    np.testing.assert_allclose(rollout(maps).sum(-1), 1, rtol=1e-5)


def test_the_weight_of_the_global_state_goes_where_it_was_pooled_from():
    found = spread(np.array([[0.4, 0.5, 0.1]], np.float32), np.array([0.25, 0.75], np.float32), True)
    np.testing.assert_allclose(found, [[0.6, 0.4]], rtol=1e-6)


def test_without_a_global_state_nothing_is_spread():
    attention = np.array([[0.9, 0.1]], np.float32)
    np.testing.assert_array_equal(spread(attention, np.array([0.0, 1.0], np.float32), False), attention)


def test_without_local_states_the_pooling_is_the_map():
    pooling = np.array([0.25, 0.75], np.float32)
    np.testing.assert_allclose(spread(np.ones((4, 2, 1), np.float32), pooling, True)[3, 1], pooling)


@pytest.mark.parametrize("slots", [(0, 1), (1, 0)])
def test_the_pooling_map_follows_the_order_of_the_pictures(slots):
    weights = np.arange(12, dtype=np.float32) / 66
    found = pooling_map(weights, (2, 2, 3), slots, (FRAME, FRAME))
    assert found.weights.shape == (2, 2, 3)
    assert found.weights[slots.index(1), 1, 2] == weights[11]
    assert found.weights.sum() == pytest.approx(1)

import numpy as np
import pytest

from radui.explain.chosen import chosen_map
from radui.observations import OBSERVATIONS, State
from radui.records import Evidence, Frame, PoolingMap, TransportPlan, WordMaps

FRAME = Frame((80, 60), (32, 32), (0.4, 0.5), (0.0, 0.0))
RANDOM = np.random.default_rng(3)
WEIGHTS = RANDOM.uniform(size=(4, 2, 3, 1, 5, 6)).astype(np.float32)
PLAN = RANDOM.uniform(size=(1, 5, 6, 14)).astype(np.float32)
EVIDENCE = Evidence(
    word_maps=WordMaps(WEIGHTS, (FRAME,)),
    pooling=PoolingMap(WEIGHTS[0, 0, 0], (FRAME,)),
    transport=TransportPlan(PLAN / PLAN.sum(), PLAN, OBSERVATIONS, (State.POSITIVE,) * 14, 0.1, 50, (FRAME,)),
)


def test_words_layers_and_heads_are_averaged_unless_one_is_named():
    np.testing.assert_allclose(
        chosen_map(EVIDENCE, "word_maps", [1, 3]).grid, WEIGHTS[[1, 3]].mean((0, 1, 2)), rtol=1e-6
    )
    np.testing.assert_array_equal(chosen_map(EVIDENCE, "word_maps", [2], 1, 0).grid, WEIGHTS[2, 1, 0])


def test_an_observation_of_a_plan_has_mass_one():
    grid = chosen_map(EVIDENCE, "transport", [1]).grid
    np.testing.assert_allclose(grid, PLAN[..., 1] / PLAN[..., 1].sum(), rtol=1e-5)
    both = chosen_map(EVIDENCE, "transport", [1, 4]).grid
    np.testing.assert_allclose(both.sum(), 1, rtol=1e-5)


def test_pooling_has_one_map_whatever_is_asked():
    np.testing.assert_array_equal(chosen_map(EVIDENCE, "pooling", []).grid, WEIGHTS[0, 0, 0])


@pytest.mark.parametrize(
    ("key", "items", "layer"),
    [("word_maps", [9], None), ("word_maps", [], None), ("word_maps", [0], 2), ("transport", [14], None),
     ("gradient", [0], None)],
)  # fmt: skip
def test_what_is_not_there_is_none(key, items, layer):
    assert chosen_map(EVIDENCE, key, items, layer) is None


def test_a_system_without_the_part_has_no_such_map():
    assert chosen_map(Evidence(), "word_maps", [0]) is None
    assert chosen_map(Evidence(), "pooling", []) is None

import numpy as np
import pytest

from radui.explain.attention import mean_map, word_maps
from radui.records import Frame

GRID = (2, 3, 4)


@pytest.fixture
def attention():
    """(5 tokens, 2 layers, 3 heads, 24), positive, summing to one."""
    weights = np.random.default_rng(0).uniform(size=(5, 2, 3, 24)).astype(np.float32)
    return weights / weights.sum(-1, keepdims=True)


def frame(width):
    return Frame((width, 100), (64, 64), (64 / width, 0.64), (0.0, 0.0))


def test_a_cell_is_where_the_patch_was(attention):
    frames = (frame(80), frame(90))
    maps = word_maps(attention, GRID, (0, 1), frames)
    assert maps.weights.shape == (5, 2, 3, 2, 3, 4)
    assert maps.frames == frames
    assert maps.weights[4, 1, 2, 1, 2, 3] == attention[4, 1, 2, 1 * 12 + 2 * 4 + 3]
    np.testing.assert_allclose(maps.weights.sum((3, 4, 5)), 1, rtol=1e-6)


def test_maps_follow_the_order_of_the_pictures(attention):
    straight = word_maps(attention, GRID, (0, 1), (frame(80), frame(90)))
    swapped = word_maps(attention, GRID, (1, 0), (frame(90), frame(80)))
    np.testing.assert_array_equal(swapped.weights, straight.weights[:, :, :, ::-1])
    assert [each.original_size[0] for each in swapped.frames] == [90, 80]


@pytest.mark.parametrize("slot", [0, 1])
def test_one_picture_has_all_the_attention(attention, slot):
    empty = attention.reshape(5, 2, 3, 2, 12).copy()
    empty[:, :, :, 1 - slot] = 0
    empty /= empty.sum((-2, -1), keepdims=True)
    maps = word_maps(empty.reshape(5, 2, 3, 24), GRID, (slot,), (frame(80),))
    assert maps.weights.shape == (5, 2, 3, 1, 3, 4)
    np.testing.assert_allclose(maps.weights.sum((3, 4, 5)), 1, rtol=1e-6)


def test_the_maps_are_an_array_of_their_own(attention):
    maps = word_maps(attention, GRID, (0, 1), (frame(80), frame(90)))
    assert maps.weights.dtype == np.float32
    assert maps.weights.flags.c_contiguous
    assert not np.shares_memory(maps.weights, attention)


def test_mean_map_averages_what_is_not_chosen(attention):
    maps = word_maps(attention, GRID, (0, 1), (frame(80), frame(90)))
    weights = maps.weights[2]
    np.testing.assert_allclose(mean_map(maps, 2), weights.mean((0, 1)), rtol=1e-6)
    np.testing.assert_allclose(mean_map(maps, 2, layer=1), weights[1].mean(0), rtol=1e-6)
    np.testing.assert_allclose(mean_map(maps, 2, head=0), weights[:, 0].mean(0), rtol=1e-6)
    np.testing.assert_array_equal(mean_map(maps, 2, layer=0, head=2), weights[0, 2])
    assert mean_map(maps, 2).sum() == pytest.approx(1)

import numpy as np
import pytest

from radui.explain.prototypes import prototypes, shared_share
from radui.observations import OBSERVATIONS

GRID, HEADS, GAMMA, PER_LABEL, TOKENS = (2, 2, 3), 2, 3, 5, 4
ROWS = 14 * PER_LABEL
LABELS = np.array([name in ("Edema", "Pneumonia") for name in OBSERVATIONS])
VISIBLE = np.flatnonzero(np.repeat(LABELS, PER_LABEL))


@pytest.fixture
def dense():
    """(heads, 12, 70): gamma visible rows a patch, weights that sum to one."""
    random = np.random.default_rng(0)
    weights = np.zeros((HEADS, 12, ROWS), np.float32)
    for head, patch in np.ndindex(HEADS, 12):
        chosen = random.choice(VISIBLE, GAMMA, replace=False)
        weights[head, patch, chosen] = random.dirichlet(np.ones(GAMMA))
    return weights


@pytest.fixture
def words():
    random = np.random.default_rng(1)
    index = np.stack(
        [[random.choice(VISIBLE, GAMMA, replace=False) for _ in range(HEADS)] for _ in range(TOKENS)]
    )
    return index, np.full((TOKENS, HEADS, GAMMA), 1 / GAMMA, np.float32)


def answer(dense, words, slots=(0, 1)):
    return prototypes(*words, dense, GRID, slots, LABELS, GAMMA)


def test_shapes_names_and_sums(dense, words):
    found = answer(dense, words)
    assert found.labels == ("Edema", "Pneumonia")
    assert found.prototypes_per_label == PER_LABEL
    assert found.word_indices.shape == found.word_weights.shape == (TOKENS, HEADS, GAMMA)
    assert found.patch_indices.shape == found.patch_weights.shape == (*GRID, HEADS, GAMMA)
    np.testing.assert_allclose(found.patch_weights.sum(-1), 1, rtol=1e-5)
    assert {OBSERVATIONS[row // PER_LABEL] for row in found.patch_indices.flatten()} == set(found.labels)


def test_a_patch_keeps_its_own_prototypes_strongest_first(dense, words):
    found = answer(dense, words)
    for view, row, column, head in np.ndindex(*GRID, HEADS):
        weights = dense[head, view * 6 + row * 3 + column]
        indices = found.patch_indices[view, row, column, head]
        np.testing.assert_array_equal(found.patch_weights[view, row, column, head], weights[indices])
        assert set(indices) == set(np.flatnonzero(weights))
        assert (np.diff(weights[indices]) <= 0).all()


def test_patches_follow_the_order_of_the_pictures(dense, words):
    straight, swapped, lateral = (answer(dense, words, slots) for slots in ((0, 1), (1, 0), (1,)))
    np.testing.assert_array_equal(swapped.patch_indices, straight.patch_indices[::-1])
    np.testing.assert_array_equal(swapped.patch_weights, straight.patch_weights[::-1])
    np.testing.assert_array_equal(lateral.patch_indices, straight.patch_indices[1:])
    np.testing.assert_array_equal(swapped.word_indices, straight.word_indices)


def test_shared_share_counts_prototypes_that_both_read(dense, words):
    index, weights = words
    patch = [np.flatnonzero(dense[head, 6 + 3 + 2]) for head in range(HEADS)]
    others = [np.setdiff1d(VISIBLE, each) for each in patch]
    index[0] = patch
    index[1] = [others[0][:GAMMA], others[1][:GAMMA]]
    index[2] = [[*patch[0][:2], others[0][0]], [*patch[1][:1], *others[1][:2]]]
    found = answer(dense, (index, weights))
    shares = [shared_share(found, token, 1, 1, 2) for token in range(3)]
    assert shares == pytest.approx([1, 0, (2 / 3 + 1 / 3) / 2])

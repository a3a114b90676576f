import numpy as np
import pytest
from scipy.linalg import sqrtm

from train.frechet import frechet_distance


def normal(seed, count=400, width=5):
    return np.random.default_rng(seed).normal(size=(count, width))


def test_equal_sets_have_no_distance():
    assert frechet_distance(normal(1), normal(1)) == pytest.approx(0, abs=1e-9)


def test_a_shift_counts_with_its_square():
    assert frechet_distance(normal(1), normal(1) + np.array([3, 4, 0, 0, 0])) == pytest.approx(25, rel=1e-9)


def test_a_wider_spread_counts_by_the_difference_of_deviations():
    """Spreads s and 2 s: the trace of s^2 + 4 s^2 - 2 * 2 s^2 is the trace of s^2."""
    features = normal(1)
    centred = features - features.mean(0)
    variance = np.cov(features.T).trace()
    assert frechet_distance(centred, 2 * centred) == pytest.approx(variance, rel=1e-9)


def test_it_is_the_published_formula():
    first, second = normal(1), normal(2) @ np.random.default_rng(3).normal(size=(5, 5)) + 1
    a, b = np.cov(first.T), np.cov(second.T)
    expected = np.square(first.mean(0) - second.mean(0)).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(second, first) == pytest.approx(expected, rel=1e-6)


def test_fewer_samples_than_dimensions_give_a_number_too_large():
    few, many = (frechet_distance(normal(1, n, 50), normal(2, n, 50)) for n in (30, 2000))
    assert np.isfinite(few)
    assert few > 10 * many

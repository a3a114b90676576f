import cv2
import numpy as np
import pytest
from scipy.io import savemat

from train.metrics.niqe import NaturalModel, asymmetric_gaussian, patch_features


@pytest.fixture(scope="module")
def photograph():
    from skimage.data import camera

    return camera().astype(float)


@pytest.fixture(scope="module")
def model():
    """Of textures that look alike: smoothed noise with a slow shading."""
    return NaturalModel.fit(texture(seed) for seed in range(12))


def texture(seed, side=288):
    random = np.random.default_rng(seed)
    rough = cv2.GaussianBlur(random.normal(size=(side, side)), (0, 0), 1.5) * 120
    slow = cv2.GaussianBlur(random.normal(size=(side, side)), (0, 0), 30) * 900
    return np.clip(128 + rough + slow, 0, 255)


@pytest.mark.parametrize(("name", "shape"), [("normal", 2.0), ("laplace", 1.0)])
def test_the_fit_finds_the_shape_of_known_distributions(name, shape):
    values = getattr(np.random.default_rng(0), name)(size=200_000)
    found, left, right = asymmetric_gaussian(values)
    assert found == pytest.approx(shape, abs=0.03)
    # The density exp(-(|x| / scale) ** shape): scale is sqrt(2) for the normal, 1 for the Laplace one.
    assert (left, right) == pytest.approx((2**0.5,) * 2 if shape == 2 else (1.0, 1.0), abs=0.03)


def test_the_fit_tells_left_from_right():
    values = np.random.default_rng(0).normal(size=200_000)
    values[values > 0] *= 3
    _, left, right = asymmetric_gaussian(values)
    assert right / left == pytest.approx(3, rel=0.02)


def test_features_are_those_of_another_implementation(photograph):
    """scikit-video 1.1.11 on the same photograph, borders repeated: patch 12, six features of each size."""
    row = patch_features(photograph)[12]
    assert len(patch_features(photograph)) == 25
    full = [2.301, 0.6724, 0.637, 0.0448, 0.0447, 0.0622]
    half = [2.752, 0.7536, 0.741, 0.0835, 0.0624, 0.1106]
    assert row[:6] == pytest.approx(full, abs=2e-3)
    assert row[18:24] == pytest.approx(half, abs=5e-3)


def test_blur_and_noise_are_less_natural(model):
    good = texture(50)
    noisy = np.clip(good + np.random.default_rng(1).normal(0, 25, good.shape), 0, 255)
    blurred = cv2.GaussianBlur(good, (0, 0), 3)
    plain = model.score(good)
    assert model.score(noisy) > 1.5 * plain
    assert model.score(blurred) > 1.5 * plain


def test_more_noise_is_less_natural(model):
    good, noise = texture(51), np.random.default_rng(1).normal(size=(288, 288))
    scores = [model.score(np.clip(good + level * noise, 0, 255)) for level in (0, 10, 40)]
    assert scores == sorted(scores)


def test_published_parameters_are_read_by_either_name(model, tmp_path):
    for names in (("mu_prisparam", "cov_prisparam"), ("pop_mu", "pop_cov")):
        path = tmp_path / f"{names[0]}.mat"
        savemat(path, {names[0]: model.mean[None], names[1]: model.covariance})
        assert NaturalModel.read(path).score(texture(50)) == pytest.approx(model.score(texture(50)))


def test_a_picture_of_one_patch_is_refused(model):
    with pytest.raises(ValueError, match="at least two patches"):
        model.score(texture(1, 100))


def test_too_few_patches_make_no_model():
    with pytest.raises(ValueError, match="more than 36 sharp patches"):
        NaturalModel.fit([texture(1)])

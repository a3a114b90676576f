"""The Fréchet distance between two sets of features, by whatever network they were made."""

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.floating]


def frechet_distance(first: Features, second: Features) -> float:
    """Of two (N, d) sets, each taken for a normal distribution (Heusel et al. 2017, eq. 6); 0 for equal ones.

    With fewer samples than dimensions the covariances are singular and the distance is too large: compare
    sets of one size only, beside a real-against-real value of that size.
    """
    means = first.mean(0, dtype=np.float64), second.mean(0, dtype=np.float64)
    spreads = _spread(first, means[0]), _spread(second, means[1])
    # The trace of the root of the covariances' product is the sum of singular values of A B^T, where each
    # covariance is X^T X: no root of a large singular matrix is needed.
    shared = np.linalg.svd(spreads[0] @ spreads[1].T, compute_uv=False).sum()
    own = sum(np.square(each).sum() for each in spreads)
    return float(np.square(means[0] - means[1]).sum() + own - 2 * shared)


def _spread(features: Features, mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """(min(N, d), d) matrix X with X^T X the covariance."""
    centred = (features.astype(np.float64) - mean) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r"))

"""95 % percentile bootstrap over studies, from sums that are tallied once."""

import numpy as np

from train.metrics.records import Array, Score, Tally

RESAMPLES = 1000
SEED = 20240
LEVEL = 95.0


def resample_weights(studies: int, resamples: int = RESAMPLES, seed: int = SEED) -> Array:
    """How often each study is drawn in each resample: (resamples, studies), rows sum to `studies`.

    The same seed gives the same draws, so that systems scored on the same studies are comparable.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(studies, np.full(studies, 1 / studies), size=resamples).astype(np.float64)


def score_tally(tally: Tally, weights: Array | None) -> dict[str, Score]:
    """Point values on all studies with percentile intervals; without intervals where weights is None."""
    points = tally.reduce(tally.statistics.sum(axis=0, keepdims=True))[0]
    if weights is None or not len(weights) or not tally.resampled:
        return {name: Score(float(point)) for name, point in zip(tally.names, points, strict=True)}
    values = tally.reduce(weights @ tally.statistics)
    return {name: with_interval(float(points[i]), values[:, i]) for i, name in enumerate(tally.names)}


def with_interval(point: float, draws: Array) -> Score:
    """A point value with the percentile interval of its resampled values; draws: (resamples,)."""
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return Score(point, float(low), float(high), draws)

"""Krippendorff's alpha from value counts.

Written here because the library that has it is under the GPL, which an Apache-2.0 project cannot build on.
Source: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section D and the differences of E.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Level = Literal["nominal", "ordinal", "interval"]
Counts = NDArray[np.int64]


def alpha(counts: Counts, domain: NDArray[np.float64], level: Level) -> float:
    """1 - observed / expected disagreement, NaN where none is to be expected.

    counts: (units, values), how often each value was given; units with fewer than two ratings do not count.
    domain: the values, ascending.
    """
    counts = counts[counts.sum(1) >= 2]
    coincidences = _coincidences(counts)
    totals = coincidences.sum(0)
    distance = _squared_distance(totals, domain, level)
    expected = (np.outer(totals, totals) * distance).sum()
    if expected == 0:
        return float("nan")
    return float(1 - (totals.sum() - 1) * (coincidences * distance).sum() / expected)


def _coincidences(counts: Counts) -> NDArray[np.float64]:
    """(values, values): how often two raters of a unit gave them, each unit weighing as its ratings."""
    raters = counts.sum(1, keepdims=True)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(counts.shape[1])
    found: NDArray[np.float64] = (pairs / (raters[:, :, None] - 1)).sum(0)
    return found


def _squared_distance(
    totals: NDArray[np.float64], domain: NDArray[np.float64], level: Level
) -> NDArray[np.float64]:
    if level == "nominal":
        return 1 - np.eye(len(domain))
    # Ordinal: as far apart as there are ratings between two values, half of their own on either side.
    position = domain if level == "interval" else np.cumsum(totals) - totals / 2
    return (position[:, None] - position[None, :]) ** 2

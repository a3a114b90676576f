"""Which automatic metric orders reports as the readers do."""

from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np
from scipy.stats import kendalltau, spearmanr

from radui.statistics.intervals import Bootstrap, Estimate, Rows, undefined

ReportKey = tuple[str, str]
"""(case, system)."""


def rank_correlation(
    scores: Mapping[ReportKey, float],
    ratings: Mapping[ReportKey, float],
    bootstrap: Bootstrap,
    method: str = "kendall",
) -> Estimate:
    """Kendall's tau-b (as ReXVal) or Spearman's rho between a metric and a rating over the reports that have
    both; n counts them, the interval resamples cases."""
    keys = [key for key in ratings if key in scores]
    first, second = (np.array([table[key] for key in keys], float) for table in (scores, ratings))
    if len(keys) < 3:
        return undefined("Fewer than three reports have both a score and a rating.", len(keys), "reports")
    for values, what in ((first, "score"), (second, "rating")):
        if len(np.unique(values)) < 2:
            return undefined(f"Every report has the same {what}, so there is no order.", len(keys), "reports")
    correlate: Callable[..., tuple[float, float]] = {"kendall": kendalltau, "spearman": spearmanr}[method]

    def coefficient(rows: Rows) -> float:
        if len(np.unique(first[rows])) < 2 or len(np.unique(second[rows])) < 2:
            return float("nan")
        return float(correlate(first[rows], second[rows])[0])

    cases: Sequence[Hashable] = [case for case, _ in keys]
    estimate = Estimate(coefficient(np.arange(len(keys))), n=len(keys), unit="reports")
    return bootstrap.interval(estimate, cases, coefficient)

"""How far readers agree with each other and with themselves, beyond chance."""

import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

from radui.statistics.intervals import Bootstrap, Estimate, Rows, undefined
from radui.statistics.krippendorff import Counts, Level, alpha


@dataclass(frozen=True)
class RatingTable:
    """Numeric ratings of one question, one row a thing rated.

    values: (units, readers) float64, NaN where a reader did not rate. cases: the case of each unit.
    domain: every value that could be given, ascending; None for those that occur.
    """

    readers: tuple[str, ...]
    cases: tuple[Hashable, ...]
    values: NDArray[np.float64]
    domain: tuple[float, ...] | None = None

    @property
    def categories(self) -> NDArray[np.float64]:
        """The values that count as categories, ascending."""
        if self.domain is not None:
            return np.array(self.domain, np.float64)
        return np.unique(self.values[~np.isnan(self.values)])


def rating_table(
    ratings: Mapping[tuple[Hashable, str], float],
    case_of: Mapping[Hashable, Hashable],
    domain: tuple[float, ...] | None = None,
) -> RatingTable:
    """Ratings by (unit, reader) as a table, units and readers in order of appearance and of the alphabet."""
    units = list(dict.fromkeys(unit for unit, _ in ratings))
    readers = tuple(sorted({reader for _, reader in ratings}))
    values = np.array([[ratings.get((unit, reader), np.nan) for reader in readers] for unit in units])
    return RatingTable(readers, tuple(case_of[unit] for unit in units), values, domain)


def krippendorff_alpha(table: RatingTable, level: Level, bootstrap: Bootstrap) -> Estimate:
    """Krippendorff's alpha, missing ratings allowed; n counts units with two ratings or more."""
    counts, domain = value_counts(table)
    paired: NDArray[np.bool_] = np.asarray(counts.sum(1)) >= 2
    counts, cases = counts[paired], _kept(table.cases, paired)

    return _estimate(counts, cases, lambda rows: alpha(counts[rows], domain, level), bootstrap)


def fleiss(table: RatingTable, bootstrap: Bootstrap) -> Estimate:
    """Fleiss' kappa over the units that every reader rated; n counts them."""
    complete: NDArray[np.bool_] = np.asarray(~np.isnan(table.values).any(1))
    counts = value_counts(table)[0][complete]
    if table.values.shape[1] < 2:
        return undefined("Agreement needs two readers.", len(counts), "units")
    cases = _kept(table.cases, complete)
    return _estimate(counts, cases, lambda rows: _quiet(fleiss_kappa, counts[rows]), bootstrap)


def cohen(table: RatingTable, first: str, second: str, level: Level, bootstrap: Bootstrap) -> Estimate:
    """Cohen's kappa of two readers on what both rated; with quadratic weights for ordered answers."""
    pair, cases = _pair(table, first, second)
    weights = None if level == "nominal" else "quadratic"

    def kappa(rows: Rows) -> float:
        square = _square(pair[rows], len(table.categories))
        return _quiet(cohens_kappa, square, return_results=False, wt=weights)

    return _estimate(_one_hot(pair, len(table.categories)), cases, kappa, bootstrap)


def pabak(table: RatingTable, first: str, second: str, bootstrap: Bootstrap) -> Estimate:
    """Prevalence- and bias-adjusted kappa of two readers (Byrt et al. 1993): (k p_o - 1) / (k - 1).

    k: the number of possible answers; with two answers 2 p_o - 1. Defined whatever the prevalence.
    """
    pair, cases = _pair(table, first, second)
    k = len(table.categories)
    if not len(pair) or k < 2:
        return undefined(
            "There are not two possible answers that both readers chose from.", len(pair), "units"
        )
    same = (pair[:, 0] == pair[:, 1]).astype(float)

    def adjusted(rows: Rows) -> float:
        return float((k * same[rows].mean() - 1) / (k - 1))

    value = adjusted(np.arange(len(pair)))
    return bootstrap.interval(Estimate(value, n=len(pair), unit="units"), cases, adjusted)


def reader_pairs(table: RatingTable) -> list[tuple[str, str]]:
    """Every two readers of a table."""
    return list(combinations(table.readers, 2))


def value_counts(table: RatingTable) -> tuple[Counts, NDArray[np.float64]]:
    """(units, values) how often each value was given, and the values, ascending."""
    domain = table.categories
    return (table.values[:, :, None] == domain).sum(1), domain


def _pair(table: RatingTable, first: str, second: str) -> tuple[Counts, list[Hashable]]:
    """(units, 2) numbers of the categories that both readers chose."""
    columns = [table.readers.index(first), table.readers.index(second)]
    both = table.values[:, columns]
    kept = np.asarray(~np.isnan(both).any(1))
    return np.searchsorted(table.categories, both[kept]), _kept(table.cases, kept)


def _square(pair: Counts, k: int) -> Counts:
    table = np.zeros((k, k), np.int64)
    np.add.at(table, (pair[:, 0], pair[:, 1]), 1)
    return table


def _one_hot(pair: Counts, k: int) -> Counts:
    return (pair[:, :, None] == np.arange(k)).sum(1)


def _kept(cases: Sequence[Hashable], kept: NDArray[np.bool_]) -> list[Hashable]:
    return [case for case, keep in zip(cases, kept, strict=True) if keep]


def _estimate(
    counts: Counts, cases: Sequence[Hashable], statistic: Callable[[Rows], float], bootstrap: Bootstrap
) -> Estimate:
    n = len(counts)
    if not n:
        return undefined("No two readers rated the same thing.", 0, "units")
    if (counts.sum(0) > 0).sum() < 2:
        return undefined(
            f"All {counts.sum()} ratings are the same, so agreement beyond chance is undefined.", n, "units"
        )
    value = statistic(np.arange(n))
    if np.isnan(value):
        return undefined(
            "Agreement expected by chance is complete, so agreement beyond it is undefined.", n, "units"
        )
    return bootstrap.interval(Estimate(value, n=n, unit="units"), cases, statistic)


def _quiet(function: Callable[..., float], *arguments: Counts, **options: object) -> float:
    """NaN without a warning where a resample has one value only."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(function(*arguments, **options))

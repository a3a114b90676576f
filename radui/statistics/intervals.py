"""Estimates with 95 % intervals from a bootstrap over cases."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
SEED = 20240
LEVEL = 0.95
FEW_CASES = 10
"""Fewer cases hardly vary when they are resampled, which makes intervals look surer than they are."""
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """A value with its interval. value is None where it is undefined, and `note` says why.

    n: of what `unit` names. low, high: None where there is no interval, `note` says why.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    unit: str = "ratings"
    note: str = ""


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: resamples of whole cases, since ratings of one case belong together."""

    resamples: int = RESAMPLES
    seed: int = SEED

    def rows(self, cases: Sequence[Hashable]) -> Iterator[Rows]:
        """For each resample the rows of the drawn cases; cases: the case of each row."""
        order: dict[Hashable, list[int]] = {}
        for row, case in enumerate(cases):
            order.setdefault(case, []).append(row)
        groups = [np.array(rows, np.int64) for rows in order.values()]
        draws = np.random.default_rng(self.seed).integers(len(groups), size=(self.resamples, len(groups)))
        return (np.concatenate([groups[index] for index in draw]) for draw in draws)

    def interval(
        self, estimate: Estimate, cases: Sequence[Hashable], statistic: Callable[[Rows], float]
    ) -> Estimate:
        """The estimate with the percentile interval of `statistic` over resampled rows.

        A resample in which the statistic is undefined (NaN) is left out, and the note tells how many were.
        """
        if estimate.value is None:
            return estimate
        if len(set(cases)) < 2:
            return replace(estimate, note=joined(estimate.note, "One case gives no interval."))
        estimate = replace(estimate, note=joined(estimate.note, few_cases(cases)))
        values = np.array([statistic(rows) for rows in self.rows(cases)])
        defined = values[~np.isnan(values)]
        if not len(defined):
            return replace(estimate, note=joined(estimate.note, "No resample has a value, so no interval."))
        low, high = np.percentile(defined, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
        lost = len(values) - len(defined)
        note = f"Undefined in {lost} of {len(values)} resamples, which are left out." if lost else ""
        return replace(estimate, low=float(low), high=float(high), note=joined(estimate.note, note))


def undefined(note: str, n: int = 0, unit: str = "ratings") -> Estimate:
    """An estimate without a value, and why."""
    return Estimate(None, n=n, unit=unit, note=note)


def few_cases(cases: Sequence[Hashable]) -> str:
    """A warning sentence where an interval rests on few cases, else nothing."""
    count = len(set(cases))
    return f"Only {count} cases: the interval is likely too narrow." if count < FEW_CASES else ""


def mean(values: Sequence[float], cases: Sequence[Hashable], bootstrap: Bootstrap) -> Estimate:
    """The mean with its interval."""
    if not len(values):
        return undefined("Nobody has rated this yet.")
    numbers = np.asarray(values, float)
    estimate = Estimate(float(numbers.mean()), n=len(numbers))
    return bootstrap.interval(estimate, cases, lambda rows: float(numbers[rows].mean()))


def joined(*notes: str) -> str:
    """Sentences with spaces between, empty ones left out."""
    return " ".join(note for note in notes if note)

"""What the metrics hand to each other: cases to score, tallies to resample, scores to print."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class MetricUnavailableError(RuntimeError):
    """A metric cannot run here; the message is the reason that the table prints."""


@dataclass(frozen=True)
class Cases:
    """Reports to score, one entry a study, in the same order everywhere.

    hypotheses: generated, as whitespace tokens. references: tokenised by `protocol_references`.
    reports: the radiologist's full reports, which the clinical labels of the reference come from.
    """

    hypotheses: tuple[str, ...]
    references: tuple[str, ...]
    reports: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.hypotheses) == len(self.references) == len(self.reports):
            raise ValueError(
                f"{len(self.hypotheses)} hypotheses, {len(self.references)} references and "
                f"{len(self.reports)} reports cannot be paired."
            )
        if not self.hypotheses:
            raise ValueError("There is no study to score.")


@dataclass(frozen=True)
class Tally:
    """A metric as a function of sums over studies, so that resampling studies costs one product.

    statistics: (studies, k) float64, what each study adds.
    reduce: (n, k) sums -> (n, len(names)) values.
    resampled: False for values that a resample with repeated studies would distort.
    """

    names: tuple[str, ...]
    statistics: Array
    reduce: Callable[[Array], Array]
    resampled: bool = True


@dataclass(frozen=True)
class Metric:
    """Names of the values and the function that tallies them; it may raise MetricUnavailableError."""

    names: tuple[str, ...]
    tally: Callable[[Cases], Tally]


@dataclass(frozen=True)
class Score:
    """A value and its 95 % bootstrap interval; `low` and `high` are None where there is none.

    draws: (resamples,) the value in each resample, for paired differences; None where there is no interval.
    """

    value: float
    low: float | None = None
    high: float | None = None
    draws: Array | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Unavailable:
    """A metric that could not run, and why."""

    reason: str


@dataclass(frozen=True)
class Scores:
    """All values of one system on one set of studies, by metric name, in the order they were asked for."""

    studies: int
    values: Mapping[str, Score | Unavailable] = field(default_factory=dict)

    def value(self, name: str) -> float | None:
        """The point value, or None where the metric is unavailable or was not asked for."""
        score = self.values.get(name)
        return score.value if isinstance(score, Score) else None

    def unavailable(self) -> dict[str, str]:
        """Reasons by metric name."""
        return {name: s.reason for name, s in self.values.items() if isinstance(s, Unavailable)}


def mean_tally(name: str, per_study: Array, resampled: bool = True) -> Tally:
    """A tally of a plain mean over studies; per_study: (studies,)."""
    statistics = np.column_stack([per_study, np.ones(len(per_study))]).astype(np.float64)
    return Tally((name,), statistics, lambda sums: sums[:, :1] / sums[:, 1:], resampled)

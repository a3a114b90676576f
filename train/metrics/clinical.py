"""Clinical efficacy: the rule labeler on both sides, precision, recall and F1 per observation and pooled."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from radui.observations import FIVE_OBSERVATIONS, OBSERVATION_INDEX, OBSERVATIONS, State
from radui.processing.labeler import label
from train.metrics.records import Array, Cases, Metric, Tally

Policy = Literal["positive only", "uncertain counts as positive"]
POLICIES: dict[Policy, frozenset[State]] = {
    "positive only": frozenset({State.POSITIVE}),
    "uncertain counts as positive": frozenset({State.POSITIVE, State.UNCERTAIN}),
}
MEASURES = ("precision", "recall", "F1")
GROUPS: dict[str, tuple[int, ...]] = {
    "CE-14": tuple(range(len(OBSERVATIONS))),
    "CE-5": tuple(OBSERVATION_INDEX[name] for name in FIVE_OBSERVATIONS),
}


def observation_names(observation: str) -> tuple[str, str, str]:
    """Metric names of an observation's precision, recall and F1."""
    return tuple(f"{observation} {measure}" for measure in MEASURES)  # type: ignore[return-value]


def support_name(observation: str) -> str:
    """Metric name of the number of studies whose reference states the observation."""
    return f"{observation} studies"


def _group_names(group: str) -> tuple[str, ...]:
    return tuple(f"{group} {average} {m}" for average in ("micro", "macro") for m in MEASURES)


CLINICAL_NAMES: tuple[str, ...] = (
    *(name for group in GROUPS for name in _group_names(group)),
    *(name for observation in OBSERVATIONS for name in observation_names(observation)),
)
SUPPORT_NAMES: tuple[str, ...] = tuple(map(support_name, OBSERVATIONS))


@lru_cache(maxsize=16384)
def _states(report: str) -> tuple[State, ...]:
    states = label(report)
    return tuple(states[name] for name in OBSERVATIONS)


def presence(reports: Sequence[str], policy: Policy = "positive only") -> NDArray[np.bool_]:
    """Which observations each report states: (reports, 14) bool, in the order of OBSERVATIONS."""
    counted = POLICIES[policy]
    return np.array([[state in counted for state in _states(report)] for report in reports], dtype=bool)


def confusion(predicted: NDArray[np.bool_], stated: NDArray[np.bool_]) -> Array:
    """True positives, false positives and false negatives of each study: (studies, 3 * 14), 0 or 1."""
    cells = (predicted & stated, predicted & ~stated, ~predicted & stated)
    return np.concatenate(cells, axis=1).astype(np.float64)


def clinical_from_sums(sums: Array) -> Array:
    """Values in the order of CLINICAL_NAMES from summed confusions (n, 42); 0 / 0 counts as 0."""
    cells = sums.reshape(len(sums), 3, len(OBSERVATIONS))
    by_observation = _measures(cells)  # (n, 3, 14)
    columns: list[Array] = []
    for members in map(list, GROUPS.values()):
        columns.append(_measures(cells[:, :, members].sum(axis=2)))
        columns.append(by_observation[:, :, members].mean(axis=2))
    columns.append(by_observation.transpose(0, 2, 1).reshape(len(sums), -1))
    return np.concatenate(columns, axis=1)


def _measures(cells: Array) -> Array:
    """(n, 3, ...) counts -> (n, 3, ...) precision, recall, F1."""
    hits, false_alarms, misses = cells[:, 0], cells[:, 1], cells[:, 2]
    pairs = (
        (hits, hits + false_alarms),
        (hits, hits + misses),
        (2 * hits, 2 * hits + false_alarms + misses),
    )
    ratios = [np.divide(top, under, out=np.zeros_like(top), where=under > 0) for top, under in pairs]
    return np.stack(ratios, axis=1)


def clinical_metric(policy: Policy = "positive only") -> Metric:
    """Own rule labeler on both sides: the generated report against the radiologist's full report.

    An observation is present where its state is in POLICIES[policy]; everything else is absent.
    Micro averages pool the confusions, macro averages weigh the observations alike, over all 14
    observations (CE-14, "No Finding" included) and the five of CheXpert's competition (CE-5).
    """

    def tally(cases: Cases) -> Tally:
        cells = confusion(presence(cases.hypotheses, policy), presence(cases.reports, policy))
        return Tally(CLINICAL_NAMES, cells, clinical_from_sums)

    return Metric(CLINICAL_NAMES, tally)


def support_metric(policy: Policy = "positive only") -> Metric:
    """Number of studies whose reference report states each observation."""

    def tally(cases: Cases) -> Tally:
        stated = presence(cases.reports, policy).astype(np.float64)
        return Tally(SUPPORT_NAMES, stated, lambda sums: sums, resampled=False)

    return Metric(SUPPORT_NAMES, tally)

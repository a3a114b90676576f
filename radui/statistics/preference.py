"""Which system readers prefer: win matrix, Bradley-Terry strengths, bias to a place on the page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import choix
import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.stats import binomtest

from radui.statistics.intervals import LEVEL, Bootstrap, Estimate, Rows, few_cases, joined, undefined
from radui.store.pairs import Pair

Matrix = NDArray[np.float64]
PSEUDO_WINS = 0.01
"""Added for each ordered pair of systems in a resample whose strengths would be infinite."""


@dataclass(frozen=True)
class WinMatrix:
    """wins[i, j]: how often system i was preferred to j, a tie counts half for both; comparisons are
    wins[i, j] + wins[j, i]."""

    systems: tuple[str, ...]
    wins: Matrix


@dataclass(frozen=True)
class PositionBias:
    """How often the earlier letter won, of decided comparisons; p_value: two-sided test of one half."""

    share: Estimate
    p_value: float | None


def win_matrix(pairs: Sequence[Pair]) -> WinMatrix:
    """Who won how often; systems in alphabetical order."""
    systems = tuple(sorted({name for pair in pairs for name in (pair.first, pair.second)}))
    return WinMatrix(systems, _wins(*_arrays(pairs, systems), len(systems)))


def bradley_terry(pairs: Sequence[Pair], bootstrap: Bootstrap) -> dict[str, Estimate]:
    """Log-strengths with mean 0: i is preferred to j with probability 1 / (1 + exp(s_j - s_i)); best first.

    Maximum likelihood (Bradley and Terry 1952), ties as half a win for each. Undefined where a group of
    systems never lost to the others or was never compared with them: its strength has no bound.
    """
    matrix = win_matrix(pairs)
    n, count = len(pairs), len(matrix.systems)
    if not _is_bounded(matrix.wins):
        note = (
            "Some systems won every comparison with the others, or none compares them, so that strengths "
            "have no bound; look at the win matrix."
        )
        return {system: undefined(note, n, "comparisons") for system in matrix.systems}
    strengths = choix.ilsr_pairwise_dense(matrix.wins)
    low, high, note = _intervals(pairs, matrix.systems, count, bootstrap)
    estimates = {
        system: Estimate(float(strengths[i]), low[i], high[i], n, "comparisons", note)
        for i, system in enumerate(matrix.systems)
    }
    return dict(sorted(estimates.items(), key=lambda item: -(item[1].value or 0.0)))


def position_bias(pairs: Sequence[Pair], bootstrap: Bootstrap) -> PositionBias:
    """Whether the earlier letter wins more often than half: binomial test with Wilson's interval.

    Comparisons out of rankings of more than two depend on each other: they get a bootstrap interval by case
    and no test.
    """
    decided = [pair for pair in pairs if pair.score != 0.5]
    if not decided:
        return PositionBias(undefined("No comparison was decided.", 0, "decided comparisons"), None)
    scores = np.array([pair.score for pair in decided])
    estimate = Estimate(float(scores.mean()), n=len(decided), unit="decided comparisons")
    if any(pair.ranked for pair in decided):
        note = "Comparisons out of one ranking depend on each other, so no test is made."
        cases = [pair.case_id for pair in decided]
        shown = replace(estimate, note=note)
        return PositionBias(bootstrap.interval(shown, cases, lambda rows: float(scores[rows].mean())), None)
    test = binomtest(int(scores.sum()), len(decided))
    bounds = test.proportion_ci(LEVEL, "wilson")
    return PositionBias(replace(estimate, low=float(bounds.low), high=float(bounds.high)), float(test.pvalue))


def _arrays(pairs: Sequence[Pair], systems: Sequence[str]) -> tuple[Rows, Rows, Matrix]:
    index = {system: number for number, system in enumerate(systems)}
    first = np.array([index[pair.first] for pair in pairs], np.int64)
    second = np.array([index[pair.second] for pair in pairs], np.int64)
    return first, second, np.array([pair.score for pair in pairs], np.float64)


def _wins(first: Rows, second: Rows, scores: Matrix, count: int) -> Matrix:
    wins = np.zeros((count, count))
    np.add.at(wins, (first, second), scores)
    np.add.at(wins, (second, first), 1 - scores)
    return wins


def _is_bounded(wins: Matrix) -> bool:
    """Ford's condition (1957): however the systems are split in two, each side has won against the other."""
    return len(wins) > 1 and connected_components(wins > 0, connection="strong")[0] == 1


def _intervals(
    pairs: Sequence[Pair], systems: Sequence[str], count: int, bootstrap: Bootstrap
) -> tuple[list[float | None], list[float | None], str]:
    cases = [pair.case_id for pair in pairs]
    if len(set(cases)) < 2:
        return [None] * count, [None] * count, "One case gives no interval."
    first, second, scores = _arrays(pairs, systems)
    samples, unbounded = [], 0
    for rows in bootstrap.rows(cases):
        wins = _wins(first[rows], second[rows], scores[rows], count)
        bounded = _is_bounded(wins)
        unbounded += not bounded
        samples.append(choix.ilsr_pairwise_dense(wins, alpha=0.0 if bounded else PSEUDO_WINS))
    low, high = np.percentile(samples, [50 * (1 - LEVEL), 50 * (1 + LEVEL)], axis=0)
    note = (
        f"In {unbounded} of {len(samples)} resamples strengths have no bound; there {PSEUDO_WINS} wins were "
        "added for every two systems."
        if unbounded
        else ""
    )
    note = joined(few_cases(cases), note)
    return [float(each) for each in low], [float(each) for each in high], note

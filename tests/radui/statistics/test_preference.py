"""Bradley-Terry against published fits; bias of position against tables of the binomial."""

import numpy as np
import pytest

from radui.statistics.intervals import Bootstrap
from radui.statistics.preference import bradley_terry, position_bias, win_matrix
from radui.store.pairs import Pair

FEW = Bootstrap(resamples=30)
# American League East 1987 (Agresti, Categorical Data Analysis): wins of row over column.
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
GAMES = [
    (0, 7, 9, 7, 7, 9, 11),
    (6, 0, 7, 5, 11, 9, 9),
    (4, 6, 0, 7, 7, 8, 12),
    (6, 8, 6, 0, 6, 7, 10),
    (6, 2, 6, 7, 0, 7, 12),
    (4, 4, 5, 6, 6, 0, 6),
    (2, 4, 1, 3, 1, 7, 0),
]
ABOVE_BALTIMORE = (1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0.0)


def games(systems, wins):
    return [
        Pair(f"case{number % 13}", "reader", 1, winner, loser, 1.0)
        for i, winner in enumerate(systems)
        for j, loser in enumerate(systems)
        for number in range(wins[i][j])
    ]


def test_strengths_of_agrestis_baseball_season():
    found = bradley_terry(games(TEAMS, GAMES), FEW)
    assert list(found) == list(TEAMS)
    above = [found[team].value - found["Baltimore"].value for team in TEAMS]
    assert above == pytest.approx(ABOVE_BALTIMORE, abs=6e-3)
    assert sum(estimate.value for estimate in found.values()) == pytest.approx(0, abs=1e-6)
    assert all(each.low < each.value < each.high and each.n == 273 for each in found.values())


def test_strengths_of_two_systems_are_the_log_odds_and_a_tie_is_half_a_win():
    # 6 wins, 2 losses, 2 ties: 7 to 3.
    scores = [1.0] * 6 + [0.0] * 2 + [0.5] * 2
    pairs = [Pair(f"case{i}", "r", 1, "a", "b", score) for i, score in enumerate(scores)]
    found = bradley_terry(pairs, FEW)
    assert found["a"].value - found["b"].value == pytest.approx(np.log(7 / 3))
    np.testing.assert_equal(win_matrix(pairs).wins, [[0, 7], [3, 0]])


def test_who_never_lost_has_no_bounded_strength():
    found = bradley_terry([Pair("1", "r", 1, "a", "b", 1.0), Pair("2", "r", 1, "b", "a", 0.0)], FEW)
    assert found["a"].value is None
    assert "have no bound" in found["a"].note
    assert bradley_terry([], FEW) == {}


def test_resamples_without_a_bound_are_told():
    pairs = [Pair(str(i), "r", 1, "a", "b", float(i != 0)) for i in range(3)]
    assert "resamples strengths have no bound" in bradley_terry(pairs, FEW)["a"].note


def test_position_bias_of_nine_in_ten():
    # Two-sided binomial of 9 in 10: 22 / 1024. Wilson's interval by hand: (.5958, .9821).
    pairs = [Pair(str(i), "r", 1, "a", "b", float(i != 0)) for i in range(10)]
    ties = [Pair("t", "r", 1, "a", "b", 0.5)]
    found = position_bias(pairs + ties, FEW)
    assert found.p_value == pytest.approx(22 / 1024)
    assert found.share.value == 0.9
    assert (found.share.low, found.share.high) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert found.share.n == 10


def test_position_bias_of_rankings_has_an_interval_and_no_test():
    pairs = [Pair(str(i), "r", 1, "a", "b", float(i % 2), ranked=True) for i in range(8)]
    found = position_bias(pairs, FEW)
    assert found.p_value is None
    assert found.share.low < 0.5 < found.share.high


def test_position_bias_without_a_decision_is_undefined():
    assert position_bias([Pair("1", "r", 1, "a", "b", 0.5)], FEW).share.value is None

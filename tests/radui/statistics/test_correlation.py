import pytest

from radui.statistics.correlation import rank_correlation
from radui.statistics.intervals import Bootstrap

FEW = Bootstrap(resamples=50)
# Ranks of two judges: 15 pairs of which 12 agree and 3 do not.
FIRST = {(str(i), "s"): value for i, value in enumerate((1, 2, 3, 4, 5, 6))}
SECOND = {(str(i), "s"): value for i, value in enumerate((2, 1, 4, 3, 6, 5))}


def test_kendall_counts_pairs_in_order():
    found = rank_correlation(FIRST, SECOND, FEW)
    assert found.value == pytest.approx((12 - 3) / 15)
    assert (found.n, found.unit) == (6, "reports")
    assert found.low <= found.value <= found.high


def test_spearman_squares_differences_of_ranks():
    # 1 - 6 * 6 / (6 * 35)
    assert rank_correlation(FIRST, SECOND, FEW, "spearman").value == pytest.approx(1 - 36 / 210)


def test_what_has_no_order_says_so():
    same = dict.fromkeys(FIRST, 1.0)
    assert (
        rank_correlation(same, SECOND, FEW).note == "Every report has the same score, so there is no order."
    )
    assert rank_correlation(FIRST, same, FEW).value is None
    assert rank_correlation({}, SECOND, FEW).n == 0

"""Agreement against published worked examples."""

import numpy as np
import pytest

from radui.statistics.agreement import (
    RatingTable,
    cohen,
    fleiss,
    krippendorff_alpha,
    pabak,
    rating_table,
    value_counts,
)
from radui.statistics.intervals import Bootstrap

FEW = Bootstrap(resamples=60)
N = np.nan
# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability: four observers, twelve units.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
        [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
    ]
)
# Fleiss (1971) as worked in textbooks: ten subjects, fourteen raters, five categories; kappa .210.
SUBJECTS = [
    (0, 0, 0, 0, 14),
    (0, 2, 6, 4, 2),
    (0, 0, 3, 5, 6),
    (0, 3, 9, 2, 0),
    (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0),
    (2, 5, 3, 2, 2),
    (6, 5, 2, 1, 0),
    (0, 2, 2, 3, 7),
]


def table(columns, domain=None):
    """One column of ratings a reader."""
    values = np.array(columns, float).T
    return RatingTable(tuple("abcdefghijklmn"[: values.shape[1]]), tuple(range(len(values))), values, domain)


def two_readers(yes_yes, yes_no, no_yes, no_no):
    cells = [(1, 1)] * yes_yes + [(1, 0)] * yes_no + [(0, 1)] * no_yes + [(0, 0)] * no_no
    return table(np.array(cells).T, (0, 1))


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_krippendorffs_example_with_missing_ratings(level, alpha):
    found = krippendorff_alpha(table(OBSERVERS), level, FEW)
    assert found.value == pytest.approx(alpha, abs=5e-4)
    assert found.n == 11  # unit 12 has one rating
    assert found.low < alpha < found.high


def test_fleiss_kappa_of_the_textbook_example():
    rows = [np.repeat(np.arange(5), counts) for counts in SUBJECTS]
    found = fleiss(table(np.array(rows).T), FEW)
    assert found.value == pytest.approx(0.210, abs=5e-4)
    assert found.n == 10


def test_fleiss_kappa_counts_only_what_every_reader_rated():
    assert fleiss(table([[1, 2, 1, 2], [1, 2, 2, N]]), FEW).n == 3


@pytest.mark.parametrize(
    ("cells", "kappa", "adjusted"),
    [
        # Feinstein and Cicchetti (1990): the same agreement of .85, balanced and not.
        ((40, 9, 6, 45), 0.70, 0.70),
        ((80, 10, 5, 5), 0.32, 0.70),
        # 20 and 15 of 50 grants agreed on: p_o .7, p_e .5.
        ((20, 5, 10, 15), 0.40, 0.40),
    ],
)
def test_cohens_kappa_falls_with_prevalence_and_pabak_does_not(cells, kappa, adjusted):
    ratings = two_readers(*cells)
    assert cohen(ratings, "a", "b", "nominal", FEW).value == pytest.approx(kappa, abs=5e-3)
    assert pabak(ratings, "a", "b", FEW).value == pytest.approx(adjusted, abs=5e-3)


def test_ordered_answers_weigh_distances_by_their_square():
    # Off by one in 1 of 4, ends at 1 and 3. Observed 1/4 * 1/4; expected from the margins
    # (2, 1, 1)/4 and (1, 2, 1)/4: sum of p_i q_j (i - j)^2 / 4 = 16/64 = 1/4.
    ratings = table([[1, 1, 2, 3], [1, 2, 2, 3]], (1, 2, 3))
    expected = np.outer([2, 1, 1], [1, 2, 1]) / 16 * (np.subtract.outer(range(3), range(3)) / 2) ** 2
    assert cohen(ratings, "a", "b", "ordinal", FEW).value == pytest.approx(1 - (1 / 16) / expected.sum())


def test_pabak_knows_how_many_answers_were_possible():
    # p_o = 3/4, k = 5: (5 * .75 - 1) / 4.
    ratings = table([[4, 4, 5, 4], [4, 4, 5, 5]], (1, 2, 3, 4, 5))
    assert pabak(ratings, "a", "b", FEW).value == pytest.approx(0.6875)


@pytest.mark.parametrize(
    "statistic",
    [
        lambda ratings: krippendorff_alpha(ratings, "ordinal", FEW),
        lambda ratings: fleiss(ratings, FEW),
        lambda ratings: cohen(ratings, "a", "b", "nominal", FEW),
    ],
)
def test_a_unanimous_study_says_why_agreement_is_undefined(statistic):
    found = statistic(table([[5, 5, 5], [5, 5, 5]], (1, 2, 3, 4, 5)))
    assert found.value is None
    assert found.note == "All 6 ratings are the same, so agreement beyond chance is undefined."


def test_readers_with_nothing_in_common_say_so():
    apart = table([[1, N], [N, 2]])
    assert cohen(apart, "a", "b", "nominal", FEW).note == "No two readers rated the same thing."
    assert krippendorff_alpha(apart, "nominal", FEW).value is None
    assert pabak(apart, "a", "b", FEW).value is None
    assert fleiss(table([[1, 2]]), FEW).note == "Agreement needs two readers."


def test_resamples_that_are_unanimous_are_left_out_and_counted():
    found = krippendorff_alpha(table([[1, 1, 2], [1, 1, 2]]), "nominal", FEW)
    assert found.value == 1
    assert "of 60 resamples, which are left out." in found.note


def test_a_table_is_built_from_ratings_by_unit_and_reader():
    built = rating_table({("u", "b"): 3.0, ("v", "a"): 1.0, ("u", "a"): 3.0}, {"u": "case1", "v": "case2"})
    assert built.readers == ("a", "b")
    assert built.cases == ("case1", "case2")
    np.testing.assert_equal(built.values, [[3, 3], [1, N]])
    np.testing.assert_equal(value_counts(built)[0], [[0, 2], [1, 0]])

import pytest

from radui.statistics.intervals import Bootstrap, mean
from radui.statistics.quality import acceptability, error_counts, graded, means, support_shares

FEW = Bootstrap(resamples=200)


def rating(event, case, system, acceptability, clarity=5):
    return {
        "event_id": event,
        "letter": "A",
        "case_id": case,
        "system": system,
        "acceptability": acceptability,
        "clarity": clarity,
    }


RATINGS = [
    rating("1", "x", "s", 5),
    rating("2", "x", "s", 4),
    rating("3", "y", "s", 2, None),
    rating("4", "y", "t", 3),
]
ERRORS = [
    {"event_id": "1", "letter": "A", "category": "omission", "significant": 1},
    {"event_id": "1", "letter": "A", "category": "omission", "significant": 1},
    {"event_id": "2", "letter": "A", "category": "omission", "significant": 0},
    {"event_id": "3", "letter": "A", "category": "false_finding", "significant": 1},
    {"event_id": "3", "letter": "B", "category": "false_finding", "significant": 1},
]


def test_errors_are_counted_a_report_by_category_and_significance():
    found = error_counts(RATINGS, ERRORS, ("omission", "false_finding"), FEW)
    assert found["s"]["omission", True].value == pytest.approx(2 / 3)
    assert found["s"]["omission", False].value == pytest.approx(1 / 3)
    assert found["s"]["all", True].value == 1
    assert found["s"]["all", True].n == 3
    assert found["t"]["all", True].value == 0


def test_cases_are_resampled_whole():
    # Case x has 2 and 0, case y has 1: a resample is xx, xy or yy, with means 1, 1 and 1.
    found = error_counts(RATINGS, ERRORS, (), FEW)["s"]["all", True]
    assert (found.low, found.high) == (1, 1)


def test_acceptability_as_mean_and_as_both_shares():
    found = acceptability(RATINGS, FEW)["s"]
    assert found["mean"].value == pytest.approx(11 / 3)
    assert found["standard"].value == pytest.approx(2 / 3)
    assert found["stringent"].value == pytest.approx(1 / 3)


def test_one_case_gives_no_interval_and_says_so():
    found = acceptability(RATINGS, FEW)["t"]["mean"]
    assert (found.value, found.low, found.note) == (3, None, "One case gives no interval.")


def test_an_interval_of_few_cases_warns():
    assert mean([1, 2], ["x", "y"], FEW).note == "Only 2 cases: the interval is likely too narrow."
    assert mean(range(10), range(10), FEW).note == ""


def test_unanswered_questions_are_left_out():
    assert means(RATINGS, ("clarity",), FEW)["s"]["clarity"].n == 2
    assert mean([], [], FEW).value is None


def test_regions_as_shares_of_each_answer():
    answers = ("yes", "yes", "no", "cannot_judge")
    rows = [{"case_id": number, "system": "s", "support": each} for number, each in enumerate(answers)]
    found = support_shares(rows, ("yes", "partly", "no", "cannot_judge"), FEW)["s"]
    assert [each.value for each in found.values()] == [0.5, 0, 0.25, 0.25]


def test_radpeer_and_refisco_become_numbers_where_they_were_asked():
    keys = {"event_id": "1", "case_id": "x", "system": "s"}
    rows = [
        {**keys, "letter": letter, "radpeer": score}
        for letter, score in zip("ABC", ("1", "2a", "3b"), strict=True)
    ]
    errors = [{"event_id": "1", "letter": "B", "severity": degree} for degree in (1, 3)]
    found = graded(rows, errors)
    assert [row["radpeer_concur"] for row in found] == [True, False, False]
    assert [row["radpeer_significant"] for row in found] == [False, False, True]
    assert [row["worst_severity"] for row in found] == [0, 3, 0]
    (silent,) = graded([{**rows[0], "radpeer": None}], [{**errors[0], "severity": None}])
    assert silent["radpeer_concur"] is silent["worst_severity"] is None


def test_the_interval_of_a_mean_covers_what_theory_says():
    # 100 cases of 0 and 1: standard error .05, so about .402 to .598.
    found = mean([0, 1] * 50, list(range(100)), Bootstrap(resamples=1000))
    assert (found.low, found.high) == pytest.approx((0.402, 0.598), abs=0.02)

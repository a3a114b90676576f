"""A reading study rated by three readers by script; the numbers were worked out by hand from the script."""

import math

import pytest

from radui.records import Study
from radui.statistics.intervals import Bootstrap
from radui.statistics.results import metric_correlation, study_results
from radui.store.creation import create_study, prepare_case
from radui.store.migrations import open_store
from radui.store.plan import GeneratedReport, NewCase, StudyPlan
from radui.store.queues import open_study
from radui.store.ratings import submit
from radui.store.readers import add_reader
from radui.store.tables import read_table
from radui.store.tasks import next_task

FEW = Bootstrap(resamples=40)
CASES = 6
# Acceptability by reader, of the cases in order: (of "good", of "bad").
SCORES = {
    "ann": ((5, 5, 4, 4, 5, 4), (2, 2, 3, 1, 2, 2)),
    "bob": ((5, 4, 4, 4, 5, 5), (2, 3, 3, 1, 2, 4)),
    "eve": ((4, 5, 4, 5, 5, 3), (2, 2, 3, 1, 2, 4)),
}
ERROR = {"category": "wrong_location", "significant": True, "start": 0, "end": 3}


@pytest.fixture(scope="module")
def rated(tmp_path_factory, draw):
    """The store and study after all have rated, ann two of her tasks twice with the same answers."""
    store = open_store(tmp_path_factory.mktemp("results") / "r.db")
    plan = StudyPlan("s", ("bad", "good"), repeat_share=1 / 3, seed=5)
    study_id = create_study(store, plan)
    for number in range(CASES):
        case = NewCase(str(number), Study((draw(number, (16, 16)),)))
        prepare_case(store, study_id, case, lambda system, study: GeneratedReport(f"Words of {len(system)}."))
    ids = {add_reader(store, name).reader_id: name for name in SCORES}
    open_study(store, study_id, list(ids))
    numbers = {row["case_id"]: int(row["name"]) for row in read_table(store, "cases")}
    tasks = {row["assignment_id"]: numbers[row["case_id"]] for row in read_table(store, "assignments")}
    for reader_id, name in ids.items():
        while task := next_task(store, reader_id, study_id):
            submit(store, reader_id, task.assignment_id, answers(task, name, tasks[task.assignment_id]), 10)
    return store, study_id


def answers(task, name, number):
    """The better one is preferred where they differ by two; each "bad" of 2 or less has one error."""
    systems = {shown.letter: int(shown.text == "Words of 4.") for shown in task.reports}  # 1: good
    scores = {letter: SCORES[name][1 - good][number] for letter, good in systems.items()}
    reports = {
        letter: {
            "acceptability": score,
            "no_errors": score > 2,
            "errors": [ERROR] if score <= 2 else [],
            "hallucination": False,
            "clarity": 3,
        }
        for letter, score in scores.items()
    }
    best = max(scores, key=scores.__getitem__)
    preferred = best if abs(scores["A"] - scores["B"]) >= 2 else "equivalent"
    return {"image_quality_sufficient": True, "confidence": 3, "reports": reports, "preference": preferred}


@pytest.fixture(scope="module")
def results(rated):
    return study_results(*rated, FEW)


def test_acceptability_and_errors_by_hand(results):
    # good: 27 + 27 + 26 of 18 ratings; bad: 12 + 15 + 14.
    assert results.acceptability["good"]["mean"].value == pytest.approx(80 / 18)
    assert results.acceptability["bad"]["mean"].value == pytest.approx(41 / 18)
    assert results.acceptability["good"]["standard"].value == pytest.approx(17 / 18)
    assert results.acceptability["good"]["stringent"].value == pytest.approx(9 / 18)
    # bad has an error where it got 1 or 2: 5 of ann's, 3 of bob's, 4 of eve's.
    assert results.errors["bad"]["wrong_location", True].value == pytest.approx(12 / 18)
    assert results.errors["good"]["all", True].value == 0
    assert results.acceptability["good"]["mean"].n == 18


def test_preferences_by_hand(results):
    # Closer than two: case 2 of all three (4, 3), case 1 of bob (4, 3), case 5 of bob (5, 4) and of eve
    # (3, 4); so 12 wins and 6 ties for "good".
    assert results.wins.systems == ("bad", "good")
    assert results.wins.wins.tolist() == [[0, 3], [15, 0]]
    assert results.strengths["good"].value == pytest.approx(math.log(15 / 3) / 2)
    assert results.position.share.n == 12
    assert results.both_unacceptable == 0


def test_agreement_by_question(results):
    found = {each.question: each for each in results.agreement}
    assert found.keys() == {
        *("acceptability", "clarity", "hallucination", "significant_errors"),
        *("image_quality", "preference"),
    }
    assert found["image_quality"].alpha.n == CASES
    assert found["acceptability"].alpha.n == 12
    # ann and bob agree on cases 0, 2, 3 and 4, of good and of bad: 8 of 12.
    assert found["acceptability"].pairs["ann", "bob"]["pabak"].value == pytest.approx((5 * 8 / 12 - 1) / 4)
    assert found["clarity"].alpha.note.startswith("All 36 ratings are the same")
    assert found["preference"].fleiss.n == 6


def test_repeated_tasks_count_for_intra_reader_agreement_only(results, rated):
    assert len(read_table(rated[0], "report_ratings")) == 3 * (6 + 2) * 2
    intra = next(each for each in results.agreement if each.question == "acceptability").intra
    assert intra.keys() == {"ann", "bob", "eve"}
    assert intra["ann"]["pabak"].value == 1
    assert intra["ann"]["pabak"].n == 4
    assert sum(row["submitted"] for row in results.progress) == 24


def test_a_metric_that_orders_as_the_readers_do_correlates(rated):
    keys = [(str(number), system) for number in range(CASES) for system in ("good", "bad")]
    scores = {key: float(key[1] == "good") for key in keys}
    found = metric_correlation(*rated, scores, bootstrap=FEW, method="spearman")
    assert found.n == 12
    assert found.value > 0.7


def test_a_study_without_ratings_has_no_numbers_and_no_error(tmp_path):
    store = open_store(tmp_path / "r.db")
    empty = study_results(store, create_study(store, StudyPlan("s", ("a",))), FEW)
    assert (empty.acceptability, empty.strengths, empty.agreement) == ({}, {}, [])
    assert empty.position.share.value is None

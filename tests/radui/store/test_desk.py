"""Ratings from a page without login."""

import pytest

from radui.store.desk import desk_task
from radui.store.errors import RuleError
from radui.store.plan import GeneratedReport
from radui.store.ratings import submit
from radui.store.readers import local_reader
from radui.store.tables import read_table
from radui.store.tasks import names_of

REPORTS = {"medrat": GeneratedReport("Clear ."), "xpronet": GeneratedReport("Normal.")}


def test_whoever_sits_at_the_machine_rates_what_the_page_shows(store, case, answers):
    task = desk_task(store, case(1).study, REPORTS)
    assert [(shown.letter, shown.text) for shown in task.reports] == [("A", "Clear ."), ("B", "Normal.")]
    reader = local_reader(store).reader_id
    assert names_of(store, reader, task.assignment_id) == {"A": "medrat", "B": "xpronet"}
    submit(store, reader, task.assignment_id, answers(task, preference="B"), 4)
    assert [row["preferred_system"] for row in read_table(store, "preferences")] == ["xpronet"]
    assert [row["blinded"] for row in read_table(store, "reading_studies")] == [0]


def test_the_same_study_may_be_rated_again_and_one_report_has_no_vote(store, case, rated):
    first, second = (desk_task(store, case(1).study, {"xpronet": REPORTS["xpronet"]}) for _ in range(2))
    assert first.assignment_id != second.assignment_id
    given = {"image_quality_sufficient": True, "confidence": 2, "reports": {"A": rated()}}
    submit(store, local_reader(store).reader_id, second.assignment_id, given, 4)
    assert read_table(store, "preferences") == []


def test_there_is_nothing_to_rate_before_a_report(store, case):
    with pytest.raises(RuleError, match="no report to rate yet"):
        desk_task(store, case(1).study, {})

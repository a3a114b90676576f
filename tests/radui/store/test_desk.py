"""Ratings from a page without login."""

import pytest

from radui.store.desk import desk_task
from radui.store.errors import RuleError
from radui.store.plan import GeneratedReport
from radui.store.queues import close_study
from radui.store.ratings import save_draft, submit
from radui.store.readers import local_reader
from radui.store.tables import list_studies, read_table
from radui.store.tasks import names_of

REPORTS = {"medrat": GeneratedReport("Clear ."), "xpronet": GeneratedReport("Normal.")}


def test_whoever_sits_at_the_machine_rates_what_the_page_shows(store, case, answers):
    study_id, task = desk_task(store, case(1).study, REPORTS)
    reader = local_reader(store).reader_id
    names = names_of(store, reader, task.assignment_id)
    assert {names[shown.letter]: shown.text for shown in task.reports} == {
        name: one.report for name, one in REPORTS.items()
    }
    letter = next(letter for letter, name in names.items() if name == "xpronet")
    submit(store, reader, task.assignment_id, answers(task, preference=letter), 4)
    assert [row["preferred_system"] for row in read_table(store, "preferences")] == ["xpronet"]
    (study,) = read_table(store, "reading_studies")
    assert (study["study_id"], study["blinded"]) == (study_id, 0)


def test_the_same_systems_share_a_study_so_that_their_results_add_up(store, case, answers):
    reader = local_reader(store).reader_id
    for number in (1, 2, 1):
        study_id, task = desk_task(store, case(number).study, REPORTS)
        submit(store, reader, task.assignment_id, answers(task), 4)
    assert task.number == 3
    other, _ = desk_task(store, case(1).study, dict(reversed(REPORTS.items())))
    assert other != study_id
    assert [row["submitted"] for row in list_studies(store)] == [3, 0]


def test_the_letters_are_dealt_anew_for_each_case(store, case, answers):
    reader, first = local_reader(store).reader_id, set()
    for _ in range(24):
        _, task = desk_task(store, case(1).study, REPORTS)
        again = desk_task(store, case(1).study, REPORTS)[1]
        assert again.assignment_id == task.assignment_id
        first.add(names_of(store, reader, task.assignment_id)["A"])
        submit(store, reader, task.assignment_id, answers(task), 4)
    assert first == set(REPORTS)


def test_the_same_again_goes_on_until_it_is_submitted_and_one_report_has_no_vote(store, case, rated):
    one, reader = {"xpronet": REPORTS["xpronet"]}, local_reader(store).reader_id
    _, first = desk_task(store, case(1).study, one)
    save_draft(store, reader, first.assignment_id, {"confidence": 2})
    _, again = desk_task(store, case(1).study, one)
    assert (again.assignment_id, again.draft) == (first.assignment_id, {"confidence": 2})
    assert desk_task(store, case(2).study, one)[1].assignment_id != first.assignment_id
    given = {"image_quality_sufficient": True, "confidence": 2, "reports": {"A": rated()}}
    submit(store, reader, first.assignment_id, given, 4)
    assert read_table(store, "preferences") == []


def test_a_closed_study_of_the_desk_says_where_it_is_opened(store, case):
    study_id, _ = desk_task(store, case(1).study, REPORTS)
    close_study(store, study_id)
    with pytest.raises(RuleError, match="reopen it on the Results tab"):
        desk_task(store, case(1).study, REPORTS)


def test_there_is_nothing_to_rate_before_a_report(store, case):
    with pytest.raises(RuleError, match="no report to rate yet"):
        desk_task(store, case(1).study, {})

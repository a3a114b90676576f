import json
from dataclasses import asdict

import pytest

from radui.store.adjudication import adjudicate, disagreements
from radui.store.errors import NotFoundError, RuleError, StoreError
from radui.store.ratings import submit
from radui.store.readers import add_reader
from radui.store.tables import read_table
from radui.store.tasks import next_task

ERROR = {"category": "omission", "significant": True}


@pytest.fixture
def split(store, begin, answers, rated):
    """Two readers of two cases; on xpronet's report of the first they are three levels and an error apart."""
    study_id, ids = begin(store, readers=("ann", "bob"), cases=2)
    systems = {row["candidate_id"]: row["system"] for row in read_table(store, "candidates")}
    letters = {
        (row["assignment_id"], row["letter"]): systems[row["candidate_id"]]
        for row in read_table(store, "assignment_letters")
    }
    cases = {row["case_id"]: row["name"] for row in read_table(store, "cases")}
    case_of = {row["assignment_id"]: cases[row["case_id"]] for row in read_table(store, "assignments")}
    for reader_id in ids:
        while task := next_task(store, reader_id, study_id):
            disputed = case_of[task.assignment_id] == "case-0" and reader_id == ids[1]
            reports = {
                shown.letter: rated(2, no_errors=False, errors=[ERROR])
                if disputed and letters[task.assignment_id, shown.letter] == "xpronet"
                else rated(5)
                for shown in task.reports
            }
            submit(store, reader_id, task.assignment_id, answers(task, reports=reports), 1)
    return study_id


def test_reports_on_which_readers_differ_are_queued_without_names(store, split):
    found = disagreements(store, split)
    assert [each.question for each in found] == ["acceptability", "significant errors"]
    assert sorted(opinion.acceptability for opinion in found[0].opinions) == [2, 5]
    assert sorted(each.errors for each in found[0].opinions) == [(), (("omission", True, None),)]
    assert len(found[0].pictures) == 1
    assert found[0].text == "The heart is normal in size. The lungs are clear."
    told = json.dumps([asdict(each) for each in found])
    assert not any(name in told for name in ("xpronet", "medrat", "ann", "bob"))
    assert [each.question for each in disagreements(store, split, far_apart=4)] == ["significant errors"]


def test_a_decision_is_appended_and_leaves_the_queue(store, split):
    admin = add_reader(store, "chief", "admin").reader_id
    first, second = disagreements(store, split)
    adjudicate(store, admin, first.candidate_id, first.question, "4", "a minor change")
    assert disagreements(store, split) == [second]
    (row,) = read_table(store, "adjudication_events")
    assert (row["decision"], row["note"], row["case_id"]) == ("4", "a minor change", first.case_id)
    assert len(read_table(store, "rating_events")) == 4
    with pytest.raises(StoreError, match="append-only"), store.writing() as database:
        database.execute("DELETE FROM adjudication_events")


def test_only_an_admin_decides_and_only_on_a_report(store, split):
    first, _ = disagreements(store, split)
    reader = read_table(store, "readers")[0]["reader_id"]
    with pytest.raises(RuleError, match="Only an admin"):
        adjudicate(store, reader, first.candidate_id, first.question, "4")
    admin = add_reader(store, "chief", "admin").reader_id
    with pytest.raises(NotFoundError):
        adjudicate(store, admin, "nothing", first.question, "4")
    with pytest.raises(RuleError, match="Adjudicate one of: acceptability, significant errors"):
        adjudicate(store, admin, first.candidate_id, "style", "4")
    with pytest.raises(RuleError, match="Write down the decision"):
        adjudicate(store, admin, first.candidate_id, first.question, " ")

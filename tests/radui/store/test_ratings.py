"""Drafts, undo, submission and skipping; what a reader is given tells no names."""

import json
import sqlite3
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest

from radui.store.creation import create_study
from radui.store.errors import AnswerError, NotFoundError, RuleError, StoreError
from radui.store.plan import StudyPlan
from radui.store.queues import close_study
from radui.store.ratings import save_draft, skip, submit, undo
from radui.store.readers import set_active
from radui.store.tables import list_studies, read_table
from radui.store.tasks import get_task, names_of, next_task, reader_progress, skipped_tasks, task_picture


def test_nothing_of_a_task_tells_a_system(store, begin):
    study_id, (ann,) = begin(store, cases=2, repeat_share=1.0, include_reference=True)
    task = next_task(store, ann, study_id)
    told = json.dumps(asdict(task)).casefold()
    hidden = [row["candidate_id"] for row in read_table(store, "candidates")]
    for name in ("xpronet", "medrat", '"reference', "-sha", "case-", "round", "system", *hidden):
        assert name not in told
    assert [report.letter for report in task.reports] == ["A", "B", "C"]
    assert all(report.text[0].isupper() and report.text.endswith(".") for report in task.reports)
    with pytest.raises(RuleError, match="names stay hidden"):
        names_of(store, ann, task.assignment_id)


def test_names_are_told_after_submission_where_the_study_says_so(store, begin, answers):
    study_id, (ann,) = begin(store, reveal_names=True)
    task = next_task(store, ann, study_id)
    with pytest.raises(RuleError):
        names_of(store, ann, task.assignment_id)
    submit(store, ann, task.assignment_id, answers(task), 1)
    assert sorted(names_of(store, ann, task.assignment_id).values()) == ["medrat", "xpronet"]


def test_names_stay_hidden_after_submission_unless_the_study_says_so(store, begin, answers):
    study_id, (ann,) = begin(store)
    task = next_task(store, ann, study_id)
    submit(store, ann, task.assignment_id, answers(task), 1)
    with pytest.raises(RuleError):
        names_of(store, ann, task.assignment_id)


def test_drafts_are_kept_at_each_change_and_undone_one_by_one(store, begin):
    study_id, (ann,) = begin(store)
    task = next_task(store, ann, study_id).assignment_id
    for confidence in (1, 2, 2, 3):
        save_draft(store, ann, task, {"confidence": confidence})
    assert get_task(store, ann, task).draft == {"confidence": 3}
    assert [undo(store, ann, task) for _ in range(4)] == [{"confidence": 2}, {"confidence": 1}, None, None]


def test_readers_never_see_or_touch_each_others_tasks(store, begin, answers):
    study_id, (ann, bob) = begin(store, readers=("ann", "bob"))
    task = next_task(store, ann, study_id)
    save_draft(store, ann, task.assignment_id, {"reason": "secret"})
    assert next_task(store, bob, study_id).draft is None
    for attempt in (
        lambda: get_task(store, bob, task.assignment_id),
        lambda: save_draft(store, bob, task.assignment_id, {}),
        lambda: undo(store, bob, task.assignment_id),
        lambda: submit(store, bob, task.assignment_id, answers(task), 1),
        lambda: skip(store, bob, task.assignment_id, "why"),
        lambda: names_of(store, bob, task.assignment_id),
    ):
        with pytest.raises(NotFoundError, match="no such task in your queue"):
            attempt()
    assert get_task(store, ann, task.assignment_id).draft == {"reason": "secret"}


def test_pictures_are_given_to_the_reader_of_the_task_only(store, begin):
    study_id, (ann, bob) = begin(store, readers=("ann", "bob"), cases=2)
    task = next_task(store, ann, study_id)
    (own,) = task.pictures
    assert task_picture(store, ann, task.assignment_id, own).startswith(b"\x89PNG")
    (other,) = {path.stem for path in store.pictures.iterdir()} - {own}
    for reader_id, digest in ((ann, other), (ann, "../ratings"), (bob, own)):
        with pytest.raises(NotFoundError):
            task_picture(store, reader_id, task.assignment_id, digest)


def test_a_reader_who_was_kept_out_cannot_go_on(store, begin):
    study_id, (ann,) = begin(store)
    task = next_task(store, ann, study_id).assignment_id
    set_active(store, "ann", False)
    with pytest.raises(NotFoundError):
        save_draft(store, ann, task, {})


def test_an_event_holds_all_that_was_shown(store, begin, answers):
    study_id, (ann,) = begin(store)
    task = next_task(store, ann, study_id)
    receipt = submit(store, ann, task.assignment_id, answers(task), 12.5)
    (event,) = read_table(store, "rating_events")
    shown = json.loads(event["shown_json"])
    assert {letter: each["text"] for letter, each in shown["reports"].items()} == {
        report.letter: report.text for report in task.reports
    }
    assert sorted(each["checkpoint_sha256"] for each in shown["reports"].values()) == [
        "medrat-sha",
        "xpronet-sha",
    ]
    assert shown["pictures_sha256"] == list(task.pictures)
    assert shown["order_seed"] == read_table(store, "assignments")[0]["order_seed"]
    assert (event["event_id"], event["recorded_at"]) == (receipt.event_id, receipt.recorded_at)
    assert (event["active_seconds"], event["schema_version"], event["revision"]) == (12.5, 1, 1)
    assert get_task(store, ann, task.assignment_id).draft is None


def test_what_was_submitted_is_fixed_and_a_second_click_counts_once(store, begin, answers):
    study_id, (ann,) = begin(store)
    task = next_task(store, ann, study_id)
    given = answers(task)
    first = submit(store, ann, task.assignment_id, given, 1)
    assert submit(store, ann, task.assignment_id, given, 2) == first
    with pytest.raises(RuleError, match="submitted already"):
        submit(store, ann, task.assignment_id, answers(task, confidence=1), 1)
    for attempt in (save_draft, lambda *a: skip(*a[:3], "why")):
        with pytest.raises(RuleError, match="submitted already"):
            attempt(store, ann, task.assignment_id, {})
    assert len(read_table(store, "rating_events")) == 1


@pytest.mark.parametrize("table", ["rating_events", "candidates", "cases", "pictures", "assignment_letters"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET rowid = rowid + 1000"])
def test_nobody_changes_or_deletes_what_was_shown_and_said(store, begin, answers, table, change):
    study_id, (ann,) = begin(store)
    task = next_task(store, ann, study_id)
    submit(store, ann, task.assignment_id, answers(task), 1)
    with pytest.raises(StoreError, match=f"{table} are append-only"), store.writing() as database:
        database.execute(change.format(table))


def test_answers_that_are_incomplete_leave_the_draft(store, begin):
    study_id, (ann,) = begin(store)
    task = next_task(store, ann, study_id).assignment_id
    save_draft(store, ann, task, {"confidence": 2})
    with pytest.raises(AnswerError, match="Choose whether the image quality is sufficient"):
        submit(store, ann, task, {"confidence": 2}, 1)
    assert get_task(store, ann, task).draft == {"confidence": 2}


def test_a_skipped_task_has_a_reason_and_may_be_rated_later(store, begin, answers):
    study_id, (ann,) = begin(store, cases=2)
    task = next_task(store, ann, study_id)
    with pytest.raises(AnswerError, match="why you skip"):
        skip(store, ann, task.assignment_id, "  ")
    skip(store, ann, task.assignment_id, "rotated")
    assert next_task(store, ann, study_id).number == 2
    assert skipped_tasks(store, ann, study_id) == [task.assignment_id]
    assert [row["reason"] for row in read_table(store, "current_ratings")] == ["rotated"]
    submit(store, ann, task.assignment_id, answers(task), 1)
    assert skipped_tasks(store, ann, study_id) == []
    assert [(row["kind"], row["revision"]) for row in read_table(store, "current_ratings")] == [
        ("submitted", 2)
    ]
    assert [row["kind"] for row in read_table(store, "rating_events")] == ["skipped", "submitted"]


def test_progress_and_the_first_unfinished_task(store, begin, answers):
    study_id, (ann,) = begin(store, cases=3)
    task = next_task(store, ann, study_id)
    assert (task.number, task.total) == (1, 3)
    submit(store, ann, task.assignment_id, answers(task), 30)
    skip(store, ann, next_task(store, ann, study_id).assignment_id, "blurred", 5)
    (progress,) = reader_progress(store, ann)
    assert (progress.submitted, progress.skipped, progress.remaining, progress.active_seconds) == (
        1,
        1,
        1,
        35,
    )
    last = next_task(store, ann, study_id)
    assert last.number == 3
    submit(store, ann, last.assignment_id, answers(last), float("nan"))
    assert next_task(store, ann, study_id) is None


def test_a_closed_study_takes_no_ratings(store, begin, answers):
    study_id, (ann,) = begin(store)
    task = next_task(store, ann, study_id)
    close_study(store, study_id)
    with pytest.raises(RuleError, match="is closed and takes no ratings"):
        submit(store, ann, task.assignment_id, answers(task), 1)
    assert reader_progress(store, ann) == []


def test_a_clock_that_goes_back_is_told_and_changes_no_order(store, begin, answers):
    study_id, (ann,) = begin(store)
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    task = next_task(store, ann, study_id)
    assert skip(replace(store, clock=lambda: now), ann, task.assignment_id, "later").warning is None
    earlier = replace(store, clock=lambda: now - timedelta(hours=1))
    receipt = submit(earlier, ann, task.assignment_id, answers(task), 1)
    assert receipt.warning.startswith("Your rating is saved, but the server's clock was set back")
    assert [row["kind"] for row in read_table(store, "current_ratings")] == ["submitted"]
    assert [row["clock_set_back"] for row in read_table(store, "rating_events")] == [0, 1]


def test_events_and_drafts_keep_their_order_although_the_clock_goes_back_at_each(store, begin, answers):
    study_id, readers = begin(store, readers=("ann", "ben"), cases=2)
    start = datetime(2026, 11, 22, 12, tzinfo=UTC)
    hours = iter(range(100))
    store = replace(store, clock=lambda: start - timedelta(hours=next(hours)))
    first, last = {}, []
    for reader in readers:
        first[reader] = next_task(store, reader, study_id)
        for step in range(3):
            save_draft(store, reader, first[reader].assignment_id, {"confidence": step + 1})
        assert get_task(store, reader, first[reader].assignment_id).draft == {"confidence": 3}
        assert undo(store, reader, first[reader].assignment_id) == {"confidence": 2}
        skip(store, reader, first[reader].assignment_id, "later")
        last.append((reader, "skipped"))
    for reader in readers:
        submit(store, reader, first[reader].assignment_id, answers(first[reader]), 1)
        last.append((reader, "submitted"))
    events = read_table(store, "rating_events")
    assert [(row["reader_id"], row["kind"]) for row in events] == last
    times = [row["recorded_at"] for row in events]
    assert times == sorted(times, reverse=True)  # each carries an earlier time than the one before
    assert [row["clock_set_back"] for row in events] == [0, 1, 1, 1]
    current = {
        row["reader_id"]: (row["kind"], row["revision"]) for row in read_table(store, "current_ratings")
    }
    assert current == dict.fromkeys(readers, ("submitted", 2))


def test_studies_stand_in_the_order_that_they_were_made_in_whatever_the_clock_says(store):
    start = datetime(2026, 11, 22, 12, tzinfo=UTC)
    for number, title in enumerate("zay"):
        earlier = replace(store, clock=lambda number=number: start - timedelta(days=number))
        create_study(earlier, StudyPlan(title, ("xpronet", "medrat")))
    assert [row["title"] for row in list_studies(store)] == list("zay")


@pytest.mark.parametrize("draft", [{"a": {1, 2}}, {"a": float("nan")}, {"a": "x" * 1_000_001}])
def test_what_cannot_be_kept_as_a_draft_says_so(store, begin, draft):
    study_id, (ann,) = begin(store)
    with pytest.raises(AnswerError):
        save_draft(store, ann, next_task(store, ann, study_id).assignment_id, draft)


def test_the_file_opens_in_any_program_and_its_views_are_flat(store, begin, answers, rated):
    study_id, (ann,) = begin(store)
    task = next_task(store, ann, study_id)
    wrong = rated(
        no_errors=False, errors=[{"category": "omission", "significant": True, "anatomy": "left base"}]
    )
    reports = {"A": wrong, "B": rated(2, edited_report="Clear.", edit_seconds=3.5)}
    regions = [{"letter": "B", "start": 0, "end": 5, "support": "partly", "box": [1, 2, 3, 4]}]
    given = answers(task, reports=reports, preference="B", explanations=regions)
    submit(store, ann, task.assignment_id, given, 1)
    plain = sqlite3.connect(store.path)
    plain.row_factory = sqlite3.Row
    rows = {row["letter"]: row for row in plain.execute("SELECT * FROM report_ratings")}
    assert (rows["A"]["significant_errors"], rows["A"]["insignificant_errors"]) == (1, 0)
    assert (rows["B"]["acceptability"], rows["B"]["edited_report"], rows["B"]["edit_seconds"]) == (
        2,
        "Clear.",
        3.5,
    )
    (error,) = plain.execute("SELECT * FROM report_errors").fetchall()
    assert (error["category"], error["anatomy"], error["quote"]) == ("omission", "left base", None)
    (vote,) = plain.execute("SELECT * FROM preferences").fetchall()
    assert vote["preferred_system"] == rows["B"]["system"]
    (region,) = plain.execute("SELECT * FROM explanation_ratings").fetchall()
    assert (region["quote"], region["support"]) == (task.reports[1].text[:5], "partly")
    assert json.loads(region["box_json"]) == [1, 2, 3, 4]
    plain.close()

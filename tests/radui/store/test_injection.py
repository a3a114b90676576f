"""Texts that would be SQL if they were pasted into a statement: they come back as texts, all tables stay."""

import pytest

from radui.store.creation import create_study
from radui.store.errors import RuleError, StoreError
from radui.store.plan import StudyPlan
from radui.store.ratings import save_draft, skip, submit
from radui.store.readers import add_reader, find_reader, list_readers, log_in
from radui.store.tables import find_study, list_studies, read_table
from radui.store.tasks import get_task, next_task

TEXTS = (
    "'; DROP TABLE rating_events; --",
    "x' OR '1'='1",
    'a" OR ""="',
    "Robert'); DELETE FROM readers WHERE ('1'='1",
    "%_*?[a-z]",
    "x /* é */ \\ ;",
)


def tables(store):
    with store.reading() as database:
        return {name: database.table(name).count for name in sorted(database.table_names())}


@pytest.mark.parametrize("text", TEXTS)
def test_names_titles_and_answers_are_kept_as_they_were_written(store, begin, answers, rated, text):
    study_id, (ann,) = begin(store, cases=2)
    before = tables(store)
    assert create_study(store, StudyPlan(text, ("xpronet", "medrat"), instructions=text)) != study_id
    with pytest.raises(RuleError, match="A reader's name is"):
        add_reader(store, text, password="long enough")
    assert log_in(store, text, text) is None
    assert log_in(store, "ann", text) is None
    task = next_task(store, ann, study_id)
    save_draft(store, ann, task.assignment_id, {text: text})
    assert get_task(store, ann, task.assignment_id).draft == {text: text}
    skip(store, ann, task.assignment_id, text)
    assert [row["reason"] for row in read_table(store, "current_ratings", study_id)] == [text]
    edited = {"A": rated(edited_report=text, edit_seconds=1.0), "B": rated()}
    submit(store, ann, task.assignment_id, answers(task, reports=edited), 1)
    assert text in [row["edited_report"] for row in read_table(store, "report_ratings", study_id)]
    assert text in [row["title"] for row in list_studies(store)]
    after = tables(store)
    assert set(after) == set(before)
    assert all(after[name] >= before[name] for name in before)
    assert [reader.name for reader in list_readers(store)] == ["ann"]


@pytest.mark.parametrize("text", TEXTS)
def test_ids_and_tables_of_that_kind_name_nothing(store, begin, text):
    study_id, (ann,) = begin(store)
    assignment, before = next_task(store, ann, study_id).assignment_id, tables(store)
    for ask in (
        lambda: get_task(store, ann, text),
        lambda: get_task(store, text, assignment),
        lambda: save_draft(store, text, assignment, {}),
        lambda: find_reader(store, text),
        lambda: find_study(store, text),
        lambda: read_table(store, text),
    ):
        with pytest.raises(StoreError, match=r"\.$"):
            ask()
    assert read_table(store, "rating_events", text) == []
    assert next_task(store, text, study_id) is None
    assert next_task(store, ann, text) is None
    assert tables(store) == before

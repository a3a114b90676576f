"""Several sites' files become one, however often they are merged."""

import shutil

import pytest

from radui.store.errors import MergeError
from radui.store.maintenance import backup, check
from radui.store.merge import merge
from radui.store.migrations import open_store
from radui.store.ratings import save_draft, skip, submit
from radui.store.readers import add_reader, list_readers, log_in
from radui.store.tables import list_studies, read_table
from radui.store.tasks import next_task


@pytest.fixture
def sites(store, begin, tmp_path):
    """The admin's file and two copies of it, for two readers at two sites."""
    study_id, ids = begin(store, readers=("ann", "bob"), cases=3)
    copies = [open_store(backup(store, tmp_path / f"{name}.db")) for name in ("north", "south")]
    return study_id, ids, copies


def rate(store, reader_id, study_id, answers, tasks=3):
    for _ in range(tasks):
        task = next_task(store, reader_id, study_id)
        submit(store, reader_id, task.assignment_id, answers(task), 1)


def everything(store):
    tables = ("rating_events", "candidates", "assignments", "report_ratings", "readers", "cases")
    return {table: read_table(store, table) for table in tables}


def test_ratings_of_two_sites_come_together_once(store, sites, answers):
    study_id, ids, copies = sites
    for reader_id, copy in zip(ids, copies, strict=True):
        rate(copy, reader_id, study_id, answers)
    reports = [merge(store, copy) for copy in copies]
    assert [report.added["rating_events"] for report in reports] == [3, 3]
    merged = everything(store)
    assert len(merged["rating_events"]) == 6
    assert check(store) == []
    for _ in range(2):
        assert sum(sum(merge(store, copy).added.values()) for copy in copies) == 0
    assert everything(store) == merged


def test_the_order_of_merging_does_not_matter(store, sites, answers, tmp_path):
    study_id, ids, copies = sites
    for reader_id, copy in zip(ids, copies, strict=True):
        rate(copy, reader_id, study_id, answers)
    other = open_store(backup(store, tmp_path / "other.db"))
    for copy in copies:
        merge(store, copy)
    for copy in reversed(copies):
        merge(other, copy)
    events = [sorted(row["event_id"] for row in read_table(each, "rating_events")) for each in (store, other)]
    assert events[0] == events[1]


def test_a_study_of_another_site_comes_with_pictures_and_readers_who_cannot_log_in(
    store, begin, answers, tmp_path
):
    elsewhere = open_store(tmp_path / "north.db")
    study_id, (ann,) = begin(elsewhere)
    rate(elsewhere, ann, study_id, answers, 1)
    add_reader(elsewhere, "eve", password="correct horse")
    begin(store)  # a study of the same title and a reader of the same name, and yet others
    report = merge(store, elsewhere)
    assert report.renamed == {"ann": "ann@north"}
    assert {reader.name for reader in list_readers(store)} == {"ann", "ann@north", "eve"}
    assert log_in(store, "eve", "correct horse") is None
    assert {row["title"] for row in list_studies(store)} == {"first", "first@north"}
    assert check(store) == []
    assert sum(merge(store, elsewhere).added.values()) == 0


def test_pictures_that_are_not_here_are_copied(sites, store, tmp_path):
    _, _, (north, _) = sites
    shutil.rmtree(store.pictures)
    assert check(store)
    assert merge(store, north).pictures == 3
    assert check(store) == []


def test_files_that_contradict_each_other_are_refused_whole(store, sites, answers):
    study_id, (ann, _), (north, _) = sites
    rate(north, ann, study_id, answers)
    with north.writing() as database:
        database.execute("DROP TRIGGER cases_are_not_changed")
        database.execute("UPDATE cases SET indication = 'another' WHERE position = 0")
    before = everything(store)
    with pytest.raises(MergeError, match=r"in cases, .*: indication differs; nothing was merged"):
        merge(store, north)
    assert everything(store) == before


def test_one_task_rated_at_two_sites_is_kept_twice_and_reported(store, sites, answers):
    study_id, (ann, _), copies = sites
    for copy in copies:
        rate(copy, ann, study_id, answers, 1)
        merge(store, copy)
    assert len(read_table(store, "rating_events")) == 2
    assert len(read_table(store, "current_ratings")) == 1
    assert any("was rated 2 times as revision 1" in problem for problem in check(store))


def test_drafts_stay_at_their_site_and_skips_travel(store, sites):
    study_id, (ann, _), (north, _) = sites
    task = next_task(north, ann, study_id).assignment_id
    skip(north, ann, task, "blurred")
    save_draft(north, ann, next_task(north, ann, study_id).assignment_id, {"confidence": 1})
    merge(store, north)
    assert [row["kind"] for row in read_table(store, "rating_events")] == ["skipped"]
    assert next_task(store, ann, study_id).draft is None

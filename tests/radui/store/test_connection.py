"""What a full disk, a locked file and a read-only file say; nothing half-written stays."""

import multiprocessing
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from radui.store import connection
from radui.store.errors import DiskFullError, LockedError, NotFoundError, ReadOnlyError
from radui.store.migrations import open_store
from radui.store.ratings import save_draft
from radui.store.readers import add_reader, list_readers
from radui.store.tasks import get_task, next_task

NOBODY = 65534


def test_a_full_disk_is_told_and_leaves_the_last_draft(store, begin, monkeypatch):
    study_id, (ann,) = begin(store)
    task = next_task(store, ann, study_id).assignment_id
    save_draft(store, ann, task, {"reason": "short"})
    connect = connection.connect

    def connect_when_full(path, busy_seconds=1.0):
        opened = connect(path, busy_seconds)
        pages = opened.execute("PRAGMA page_count").fetchone()[0]
        opened.execute(f"PRAGMA max_page_count = {pages}")
        return opened

    monkeypatch.setattr(connection, "connect", connect_when_full)
    with pytest.raises(DiskFullError, match="is full, so nothing was saved; what you entered is still here"):
        save_draft(store, ann, task, {"reason": "long " * 20_000})
    monkeypatch.undo()
    assert get_task(store, ann, task).draft == {"reason": "short"}


def test_a_file_that_another_program_holds_is_told(store):
    hasty = replace(store, busy_seconds=0.05)
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LockedError, match="is locked by another program, so nothing was saved"):
            add_reader(hasty, "ann")
    add_reader(hasty, "ann")


def write_as_nobody(path, answers):
    """Root may write anywhere, so it steps down first."""
    if os.getuid() == 0:
        os.setuid(NOBODY)
    try:
        add_reader(open_store(path), "ann")
    except ReadOnlyError as error:
        answers.send(str(error))
    else:
        answers.send("written")


def test_a_read_only_file_is_told_and_can_still_be_read():
    folder = Path(tempfile.mkdtemp(prefix="radui-test-"))  # tmp_path is closed to other users
    try:
        store = open_store(folder / "r.db")
        folder.chmod(0o777)
        store.path.chmod(0o444)
        here, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        process = context.Process(target=write_as_nobody, args=(store.path, there))
        process.start()
        assert here.poll(20)
        assert "cannot be written to, so nothing was saved" in here.recv()
        process.join()
        assert list_readers(store) == []
    finally:
        shutil.rmtree(folder)


def test_a_missing_file_is_not_made_by_reading_it(store):
    gone = replace(store, path=store.path.with_name("gone.db"))
    with pytest.raises(NotFoundError, match=r"There is no database .*gone\.db"):
        list_readers(gone)
    assert not gone.path.exists()


def test_a_block_that_fails_writes_nothing(store):
    def half():
        with store.writing() as database:
            database.execute("INSERT INTO readers VALUES ('1', 'ann', 'reader', NULL, 1, 'now')")
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert list_readers(store) == []


def test_names_with_odd_signs_are_files_all_the_same(tmp_path):
    store = open_store(tmp_path / "a?mode=memory #1 é.db")
    add_reader(store, "ann")
    assert [reader.name for reader in list_readers(open_store(store.path))] == ["ann"]

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from radui.records import Radiograph
from radui.store import pictures
from radui.store.errors import DamagedError, DiskFullError, NotFoundError, StoreError
from radui.store.maintenance import backup, check
from radui.store.migrations import open_store
from radui.store.pictures import picture_path, read_picture, save_picture
from radui.store.ratings import skip
from radui.store.tables import read_table
from radui.store.tasks import next_task


def test_a_backup_is_a_file_of_its_own_with_its_pictures(store, begin, tmp_path):
    begin(store, cases=2)
    (tmp_path / "copy").mkdir()
    target = backup(store, tmp_path / "copy" / "b.db")
    assert [path.name for path in target.parent.iterdir() if path.is_file()] == ["b.db"]
    store.path.unlink()
    copy = open_store(target)
    assert check(copy) == []
    assert len(read_table(copy, "candidates")) == 4


def test_a_backup_never_replaces_a_file(store, tmp_path):
    (tmp_path / "b.db").write_text("precious")
    with pytest.raises(StoreError, match="exists already"):
        backup(store, tmp_path / "b.db")
    assert (tmp_path / "b.db").read_text() == "precious"


def test_check_finds_what_was_tampered_with(store, begin):
    study_id, (ann,) = begin(store, cases=2)
    tomorrow = replace(store, clock=lambda: datetime(2999, 1, 1, tzinfo=UTC))
    skip(tomorrow, ann, next_task(store, ann, study_id).assignment_id, "why")
    skip(store, ann, next_task(store, ann, study_id).assignment_id, "why")
    first, second = sorted(store.pictures.iterdir())
    first.unlink()
    second.write_bytes(b"other")
    with store.writing() as database:
        database.execute("DROP TRIGGER candidates_are_not_changed")
        database.execute("UPDATE candidates SET shown_report = 'forged' WHERE system = 'medrat'")
    problems = " ".join(check(store))
    assert problems.count("does not have the hash that was stored with it") == 2
    assert f"The picture {first.name} is missing" in problems
    assert f"The picture {second.name} has changed" in problems
    assert "after the server's clock had been set back" in problems


def test_a_picture_is_what_was_shown_and_nothing_else(store):
    display = np.arange(600, dtype=np.uint16).reshape(20, 30).astype(np.uint8)
    digest = save_picture(store, Radiograph(display, display.astype(np.float32) / 255))
    data = read_picture(store, digest)
    import cv2

    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), display)
    chunks = {data[at + 4 : at + 8] for at in offsets(data)}
    assert chunks <= {b"IHDR", b"IDAT", b"IEND"}  # no text, no date, no profile
    assert save_picture(store, Radiograph(display, display.astype(np.float32))) == digest
    assert len(list(store.pictures.iterdir())) == 1


def offsets(data):
    at = 8
    while at < len(data):
        yield at
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def test_a_picture_that_is_gone_or_changed_says_so(store):
    display = np.zeros((4, 4), np.uint8)
    digest = save_picture(store, Radiograph(display, display.astype(np.float32)))
    picture_path(store, digest).write_bytes(b"x")
    with pytest.raises(DamagedError, match="has changed on disk"):
        read_picture(store, digest)
    picture_path(store, digest).unlink()
    with pytest.raises(NotFoundError, match="is missing; copy the folder"):
        read_picture(store, digest)


def test_a_disk_that_fills_up_leaves_no_half_picture(store, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pictures.os, "fsync", full)
    display = np.zeros((4, 4), np.uint8)
    with pytest.raises(DiskFullError):
        save_picture(store, Radiograph(display, display.astype(np.float32)))
    assert list(store.pictures.iterdir()) == []

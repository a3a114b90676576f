import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils.migrations import Migrations

from radui.store.errors import DamagedError, NewerSchemaError, StoreError
from radui.store.maintenance import check
from radui.store.migrations import MIGRATIONS, open_store
from radui.store.ratings import save_draft
from radui.store.readers import find_reader
from radui.store.tables import find_study, read_table
from radui.store.tasks import next_task

VERSION1 = Path(__file__).with_name("version1.sql")


@pytest.fixture
def version1(tmp_path):
    """A file that version 1 wrote, with a submitted rating and a draft."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION1.read_text(encoding="utf-8"))
    return path


def steps(path):
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]


def backups(path):
    return sorted(path.parent.glob(f"{path.name}.before-*"))


def newer(fail=False):
    """The program of tomorrow: one more step, which may break half way."""
    tomorrow = Migrations("radui")
    for each in MIGRATIONS._migrations:
        tomorrow(name=each.name)(each.fn)

    @tomorrow(name="0003_tomorrow")
    def step(database):
        database.execute("CREATE TABLE tomorrow (x INTEGER)")
        if fail:
            raise sqlite3.OperationalError("power cut")

    return tomorrow


def test_a_new_file_is_private_in_wal_and_needs_no_backup(tmp_path):
    store = open_store(tmp_path / "new.db")
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    with store.reading() as database:
        assert database.journal_mode == "wal"
        assert database.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert backups(store.path) == []
    assert check(store) == []


def test_a_file_of_version_1_keeps_its_ratings_and_goes_on(version1):
    store = open_store(version1)
    assert steps(version1) == ["0001_reading_room", "0002_adjudication"]
    rows = read_table(store, "report_ratings")
    assert sorted(row["significant_errors"] for row in rows) == [0, 1]
    assert read_table(store, "adjudication_events") == []
    ann, study_id = find_reader(store, "ann").reader_id, find_study(store, "pilot")
    task = next_task(store, ann, study_id)
    assert task.draft == {"confidence": 2}
    save_draft(store, ann, task.assignment_id, {"confidence": 3})


def schema(path):
    """Name and statement of everything in a file, spaces and quotes apart."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        return {name: "".join(sql.replace('"', "").split()) for name, sql in rows}


def test_an_old_file_ends_with_the_tables_of_a_new_one(version1, tmp_path):
    open_store(version1)
    assert schema(version1) == schema(open_store(tmp_path / "new.db").path)


def test_programs_that_start_at_once_take_each_step_once(version1):
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(open_store, [version1] * 4))
    assert steps(version1) == ["0001_reading_room", "0002_adjudication"]
    assert len(backups(version1)) == 1
    assert [check_but_pictures(store) for store in stores] == [[]] * 4


def check_but_pictures(store):
    """The old file came without its folder."""
    return [problem for problem in check(store) if "picture" not in problem]


def test_each_step_leaves_a_backup_that_is_a_whole_file_of_the_version_before(version1):
    open_store(version1, migrations=newer())
    first, second = backups(version1)
    assert (first.name.split("-")[1], second.name.split("-")[1]) == ("0002_adjudication", "0003_tomorrow")
    assert steps(first) == ["0001_reading_room"]
    assert steps(second) == ["0001_reading_room", "0002_adjudication"]
    with closing(sqlite3.connect(first)) as connection:
        assert connection.execute("SELECT count(*) FROM rating_events").fetchone() == (1,)


def test_a_step_that_fails_leaves_the_file_as_it_was(version1):
    with pytest.raises(StoreError, match="power cut"):
        open_store(version1, migrations=newer(fail=True))
    store = open_store(version1)
    with store.reading() as database:
        assert "tomorrow" not in database.table_names()


def test_a_newer_file_is_refused_with_a_sentence_and_left_alone(tmp_path):
    path = open_store(tmp_path / "r.db", migrations=newer()).path
    with pytest.raises(NewerSchemaError, match="0003_tomorrow that this version of radui does not know"):
        open_store(path)
    assert steps(path)[-1] == "0003_tomorrow"


def test_a_file_that_is_no_database_says_so(tmp_path):
    (tmp_path / "letter.db").write_text("Dear colleague, " * 100)
    with pytest.raises(DamagedError, match="not a sound SQLite database"):
        open_store(tmp_path / "letter.db")


def test_a_folder_that_does_not_exist_says_so(tmp_path):
    with pytest.raises(StoreError, match="No such file or directory"):
        open_store(tmp_path / "missing" / "r.db")

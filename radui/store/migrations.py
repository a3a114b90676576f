"""The store's file at the newest version: numbered steps, a backup before each, never a step back."""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from radui.store.connection import Store, connect, copy_database, create_file, utc_now
from radui.store.errors import NewerSchemaError, typed_errors
from radui.store.schema import ADJUDICATIONS, APPEND_ONLY, TABLES, append_only
from radui.store.views import VIEWS

MIGRATIONS = Migrations("radui")


@MIGRATIONS(name="0001_reading_room")
def _reading_room(database: Database) -> None:
    for statement in (*TABLES, *VIEWS):
        database.execute(statement)
    for table in APPEND_ONLY:
        for trigger in append_only(table):
            database.execute(trigger)


@MIGRATIONS(name="0002_adjudication")
def _adjudication(database: Database) -> None:
    for statement in ADJUDICATIONS:
        database.execute(statement)


def open_store(
    path: Path | str, clock: Callable[[], datetime] = utc_now, migrations: Migrations = MIGRATIONS
) -> Store:
    """Open or create a store and bring it to the newest version; each step is taken whole or not at all.

    A file that has data is copied to <file>.before-<step>-<time> first. Raises NewerSchemaError for a file
    of a newer program and StoreError where it cannot be opened.
    """
    store = Store(Path(path).absolute(), clock)
    if not store.path.exists():
        create_file(store.path)
    with typed_errors(store.path), closing(connect(store.path)) as connection:
        _use_wal(connection)
        known = _steps(connection, migrations, store.path)
        while known.pending:
            known = _take(connection, migrations, store, backup=bool(known.applied))
    return store


@dataclass(frozen=True)
class _Steps:
    applied: tuple[str, ...]
    pending: tuple[str, ...]


def _use_wal(connection: sqlite3.Connection) -> None:
    """Readers and a writer side by side; a backup comes without. A read-only file stays as it is."""
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = WAL")


def _steps(connection: sqlite3.Connection, migrations: Migrations, path: Path) -> _Steps:
    database = Database(connection, execute_plugins=False)
    applied = tuple(each.name for each in migrations.applied(database))
    with closing(Database(memory=True)) as empty:
        known = [each.name for each in migrations.pending(empty)]
    if unknown := [name for name in applied if name not in known]:
        raise NewerSchemaError(
            f"{path} has the step {unknown[-1]} that this version of radui does not know; update radui, or "
            "open the copy that was made before that step."
        )
    return _Steps(applied, tuple(name for name in known if name not in applied))


def _take(connection: sqlite3.Connection, migrations: Migrations, store: Store, backup: bool) -> _Steps:
    """Take one step, or find it taken: under the write lock, so that two programs that start at once do not
    both take it. A file that was empty a moment ago needs no backup; what is left to do is returned.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        pending = _steps(connection, migrations, store.path).pending
        if pending and backup:
            stamp = store.clock().strftime("%Y%m%dT%H%M%S%f")
            copy_database(store.path, store.path.with_name(f"{store.path.name}.before-{pending[0]}-{stamp}"))
        if pending:
            migrations.apply(Database(connection, execute_plugins=False), stop_before=pending[1:2])
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    after = _steps(connection, migrations, store.path)
    return after if backup else _Steps((), after.pending)

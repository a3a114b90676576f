"""A connection to the store's file for each call: handlers run in many threads, and SQLite wants one each."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from sqlite_utils import Database

from radui.store.errors import NotFoundError, typed_errors

BUSY_SECONDS = 30.0


def utc_now() -> datetime:
    """The server's time; readers' browsers have no say in it."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Store:
    """A store's file; `migrations.open_store` makes one. Safe to share between threads.

    clock: the server's time in UTC, for the time stamps. Nothing is ordered by it.
    """

    path: Path
    clock: Callable[[], datetime] = utc_now
    busy_seconds: float = BUSY_SECONDS

    @property
    def pictures(self) -> Path:
        """The folder of the pictures, beside the file."""
        return self.path.with_name(self.path.name + ".pictures")

    def now(self) -> str:
        """The server's time as ISO 8601 with microseconds in UTC, so that text order is time order."""
        return self.clock().astimezone(UTC).isoformat(timespec="microseconds")

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """One snapshot for several queries; raises StoreError."""
        with self._transaction("BEGIN") as database:
            yield database

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """All or nothing, and on disk when the block has ended; raises StoreError.

        The write lock is taken at once: a transaction that reads first and asks for it later is refused
        at once when another writer was faster, whatever the waiting time.
        """
        with self._transaction("BEGIN IMMEDIATE") as database:
            yield database

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Database]:
        with typed_errors(self.path), closing(connect(self.path, self.busy_seconds)) as connection:
            connection.execute(begin)
            try:
                yield Database(connection, execute_plugins=False)
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise


def connect(path: Path, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Open an existing file; its commits are on the disk before they return."""
    if not path.exists():
        raise NotFoundError(f"There is no database {path}; `create-study` makes one.")
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=busy_seconds)
    connection.execute("PRAGMA foreign_keys = ON")
    # A power cut may take the last commits under NORMAL.
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def create_file(path: Path) -> None:
    """Make an empty file that only its owner may read, unless there is one; it switches to WAL for good."""
    with typed_errors(path):
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            return
        with closing(connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")


def copy_database(source: Path, target: Path) -> None:
    """Copy a database that others may be writing to, by SQLite's own online backup; raises StoreError."""
    with typed_errors(target):
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with (
        typed_errors(source),
        closing(connect(source)) as origin,
        typed_errors(target),
        closing(sqlite3.connect(target)) as copy,
    ):
        origin.backup(copy)
        # A copy in rollback mode is one file, whole without -wal and -shm.
        copy.execute("PRAGMA journal_mode = DELETE")

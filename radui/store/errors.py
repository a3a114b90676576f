"""What can go wrong with the store, each as one sentence that says what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, EDQUOT, ENOSPC, EPERM, EROFS
from pathlib import Path


class StoreError(Exception):
    """A request that the store cannot serve; str() is one sentence."""


class DiskFullError(StoreError):
    """Nothing was written, because the disk is full."""


class ReadOnlyError(StoreError):
    """Nothing was written, because the file or its folder may not be changed."""


class LockedError(StoreError):
    """Nothing was written, because another program held the file for too long."""


class DamagedError(StoreError):
    """The file is not a database, or not a sound one."""


class NewerSchemaError(StoreError):
    """The file was written by a newer version of this program."""


class NotFoundError(StoreError):
    """There is no such row, or it is not this reader's."""


class RuleError(StoreError):
    """The request breaks a rule of the study, as a change to what was submitted."""


class AnswerError(StoreError):
    """Answers that cannot be submitted as they are."""


class MergeError(StoreError):
    """Two files that contradict each other."""


@contextmanager
def typed_errors(path: Path) -> Iterator[None]:
    """Raise what SQLite and the file system say of `path` as a StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        raise _of_sqlite(error, path) from error
    except OSError as error:
        raise _of_system(error, path) from error


def _of_sqlite(error: sqlite3.Error, path: Path) -> StoreError:
    # Extended codes carry the plain one in their lowest byte.
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return _full(path)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return _read_only(path)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LockedError(
            f"{path} is locked by another program, so nothing was saved; what you entered is still here: "
            "try again in a moment."
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreError(f"{path} cannot be opened; check that its folder exists and can be written to.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return DamagedError(f"{path} is not a sound SQLite database; go back to its last backup.")
    return StoreError(f"{path} could not be used: {error}.")


def _of_system(error: OSError, path: Path) -> StoreError:
    if error.errno in (ENOSPC, EDQUOT):
        return _full(path)
    if error.errno in (EACCES, EPERM, EROFS):
        return _read_only(path)
    return StoreError(f"{path} could not be used: {error.strerror or error}.")


def _full(path: Path) -> DiskFullError:
    return DiskFullError(
        f"The disk of {path} is full, so nothing was saved; what you entered is still here: free some space "
        "and save again."
    )


def _read_only(path: Path) -> ReadOnlyError:
    return ReadOnlyError(
        f"{path} cannot be written to, so nothing was saved; what you entered is still here: make the file "
        "and its folder writable and save again."
    )

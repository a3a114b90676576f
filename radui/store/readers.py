"""Who may rate: names, roles and hashed passwords."""

import re
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from radui.store.connection import Store
from radui.store.errors import NotFoundError, RuleError
from radui.store.passwords import hash_password, verify

Role = Literal["reader", "admin"]
MIN_PASSWORD = 8
LOCAL = "local"
"""The reader of a page without login: whoever sits at the machine."""
_NAME = re.compile(r"[\w.@+-]{1,64}")


@dataclass(frozen=True)
class Reader:
    """A person who rates, or an admin who may also create studies and see results."""

    reader_id: str
    name: str
    role: Role
    active: bool


def add_reader(store: Store, name: str, role: Role = "reader", password: str | None = None) -> Reader:
    """Add a reader; without a password the reader can come only through a proxy's single sign-on.

    RuleError for a name that is taken or cannot be one, and for a short password.
    """
    if not _NAME.fullmatch(name):
        raise RuleError("A reader's name is 1 to 64 letters, digits and the signs . @ + - _, without spaces.")
    hashed = None if password is None else hash_password(_checked(password))
    reader = Reader(uuid4().hex, name, role, True)
    with store.writing() as database:
        if list(database.query("SELECT 1 FROM readers WHERE name = ?", [name])):
            raise RuleError(f"There is a reader {name} already; choose another name.")
        database.execute(
            "INSERT INTO readers (reader_id, name, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?)",
            [reader.reader_id, name, role, hashed, store.now()],
        )
    return reader


def _checked(password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise RuleError(f"A password has at least {MIN_PASSWORD} characters.")
    return password


def log_in(store: Store, name: str, password: str) -> Reader | None:
    """The reader with this name and password, None for any other; takes as long for an unknown name."""
    with store.reading() as database:
        rows = list(database.query("SELECT * FROM readers WHERE name = ? AND active", [name]))
    stored = rows[0]["password_hash"] if rows else None
    matches = verify(password, stored or hash_password("", b"no such reader"))
    return _reader(rows[0]) if matches and stored else None


def find_reader(store: Store, name: str) -> Reader:
    """The active reader of this name, as after a single sign-on; NotFoundError where there is none."""
    with store.reading() as database:
        rows = list(database.query("SELECT * FROM readers WHERE name = ? AND active", [name]))
    if not rows:
        raise NotFoundError(f"There is no reader {name}; an admin adds one with `add-reader`.")
    return _reader(rows[0])


def local_reader(store: Store) -> Reader:
    """The reader of a page without login, added at the first call; nobody can log in as it."""
    try:
        return find_reader(store, LOCAL)
    except NotFoundError:
        return add_reader(store, LOCAL, "admin")


def list_readers(store: Store) -> list[Reader]:
    """All readers by name, those set inactive too."""
    with store.reading() as database:
        return [_reader(row) for row in database.query("SELECT * FROM readers ORDER BY name")]


def set_password(store: Store, name: str, password: str) -> None:
    """Give a reader a new password."""
    _update(store, name, "password_hash", hash_password(_checked(password)))


def set_active(store: Store, name: str, active: bool) -> None:
    """Let a reader in or keep the reader out; ratings stay."""
    _update(store, name, "active", int(active))


def _update(store: Store, name: str, column: str, value: str | int) -> None:
    with store.writing() as database:
        if not database.execute(f"UPDATE readers SET {column} = ? WHERE name = ?", [value, name]).rowcount:
            raise NotFoundError(f"There is no reader {name}.")


def _reader(row: dict[str, Any]) -> Reader:
    return Reader(row["reader_id"], row["name"], row["role"], bool(row["active"]))

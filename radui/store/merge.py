"""Ratings of several sites in one file: each row comes once, whatever is merged how often.

The admin prepares a study, copies file and pictures to each site, and merges the files that come back.
Rows carry random ids, so a row that is in both files is the same row; one that differs is refused.
"""

import json
from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from radui.store.connection import Store
from radui.store.errors import MergeError
from radui.store.maintenance import copy_pictures

# Parents before children. What a table compares by is its key; the rest of a row has to be equal.
_KEYS = {
    "reading_studies": ("study_id",),
    "pictures": ("picture_sha256",),
    "cases": ("case_id",),
    "case_pictures": ("case_id", "position"),
    "candidates": ("candidate_id",),
    "assignments": ("assignment_id",),
    "assignment_letters": ("assignment_id", "letter"),
    "rating_events": ("event_id",),
    "adjudication_events": ("event_id",),
}
# A study may be open at one site and closed at another, and named otherwise where its title was taken;
# the order of arrival is each file's own.
_LOCAL = {
    "reading_studies": {"state", "title"},
    "rating_events": {"sequence"},
    "adjudication_events": {"sequence"},
}


@dataclass(frozen=True)
class MergeReport:
    """What a merge brought: new rows by table, pictures copied, {name at the site: name here} of readers."""

    added: dict[str, int]
    pictures: int
    renamed: dict[str, str]


def merge(store: Store, other: Store) -> MergeReport:
    """Take over all ratings of another file, with their studies, readers and pictures; all or nothing.

    Unfinished drafts and passwords stay where they are: taken-over readers cannot log in here. MergeError
    where the files contradict each other.
    """
    with other.reading() as source:
        rows = {table: list(source.query(f"SELECT * FROM {table}")) for table in ("readers", *_KEYS)}
    pictures = copy_pictures(other, store)
    with store.writing() as database:
        renamed = _merge_readers(database, rows["readers"], other.path.stem)
        rows["reading_studies"] = _retitled(database, rows["reading_studies"], other.path.stem)
        added = {table: _merge_table(database, table, keys, rows[table]) for table, keys in _KEYS.items()}
        database.execute(
            "INSERT INTO merges VALUES (NULL, ?, ?, ?, ?)",
            [store.now(), other.path.name, added["rating_events"], json.dumps(renamed)],
        )
    return MergeReport(added, pictures, renamed)


def _merge_readers(database: Database, rows: list[dict[str, Any]], site: str) -> dict[str, str]:
    """Two sites' readers may have the same name and yet be two people."""
    renamed = {}
    for row in rows:
        if list(database.query("SELECT 1 FROM readers WHERE reader_id = ?", [row["reader_id"]])):
            continue
        taken = {each["name"].casefold() for each in database.query("SELECT name FROM readers")}
        name = _free_name(row["name"], site, taken)
        if name != row["name"]:
            renamed[row["name"]] = name
        database.table("readers").insert({**row, "name": name, "password_hash": None})
    return renamed


def _retitled(database: Database, rows: list[dict[str, Any]], site: str) -> list[dict[str, Any]]:
    """Another study may have the same title here."""
    here = list(database.query("SELECT title, study_id FROM reading_studies"))
    studies = []
    for row in rows:
        taken = {each["title"].casefold() for each in here if each["study_id"] != row["study_id"]}
        studies.append({**row, "title": _free_name(row["title"], site, taken)})
    return studies


def _free_name(name: str, site: str, taken: Set[str]) -> str:
    candidates = (name, f"{name}@{site}", *(f"{name}@{site}-{number}" for number in range(2, 1000)))
    return next(each for each in candidates if each.casefold() not in taken)


def _merge_table(database: Database, table: str, keys: tuple[str, ...], rows: list[dict[str, Any]]) -> int:
    local = _LOCAL.get(table, set())
    query = f"SELECT * FROM {table} WHERE " + " AND ".join(f"{key} = ?" for key in keys)
    added = 0
    for row in rows:
        found = next(iter(database.query(query, [row[key] for key in keys])), None)
        if found is None:
            database.table(table).insert({name: row[name] for name in row if name != "sequence"})
            added += 1
        elif differing := [name for name in row if name not in local and row[name] != found[name]]:
            raise MergeError(
                f"The files contradict each other in {table}, {row[keys[0]]}: {differing[0]} differs; "
                "nothing was merged."
            )
    return added

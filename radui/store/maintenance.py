"""Is the file sound, and a copy of it that is."""

import json
from hashlib import sha256
from pathlib import Path

from sqlite_utils import Database

from radui.store.connection import Store, copy_database
from radui.store.creation import text_sha256
from radui.store.errors import StoreError, typed_errors
from radui.store.pictures import picture_path, write_once


def backup(store: Store, target: Path) -> Path:
    """Copy the database, while it is in use, and its pictures to a new file and the folder beside it.

    StoreError where the target exists: a backup never replaces another.
    """
    if target.exists():
        raise StoreError(f"{target} exists already; choose another name for the backup.")
    copy_database(store.path, target)
    copy_pictures(store, Store(target.absolute()))
    return target


def copy_pictures(source: Store, target: Store) -> int:
    """Copy the pictures that the target does not have; return how many."""
    copied = 0
    with typed_errors(target.path):
        for path in sorted(source.pictures.glob("*.png")):
            if not (target.pictures / path.name).exists():
                write_once(target.pictures / path.name, path.read_bytes())
                copied += 1
    return copied


def check(store: Store) -> list[str]:
    """What is wrong with the file, a sentence each; empty when nothing is."""
    with store.reading() as database:
        return [
            *_structure(database),
            *_texts(database),
            *_events(database),
            *_pictures(store, database),
        ]


def _structure(database: Database) -> list[str]:
    found = [row[0] for row in database.execute("PRAGMA integrity_check").fetchall()]
    problems = [f"SQLite finds the file damaged: {text}." for text in found if text != "ok"]
    for table, row, parent, _ in database.execute("PRAGMA foreign_key_check").fetchall():
        problems.append(f"Row {row} of {table} points to a row of {parent} that does not exist.")
    return problems


def _texts(database: Database) -> list[str]:
    rows = database.query("SELECT candidate_id, shown_report, shown_sha256 FROM candidates")
    return [
        f"The text of candidate {row['candidate_id']} does not have the hash that was stored with it."
        for row in rows
        if text_sha256(row["shown_report"]) != row["shown_sha256"]
    ]


def _events(database: Database) -> list[str]:
    problems = []
    for row in database.query("SELECT event_id, shown_json, clock_set_back FROM rating_events"):
        shown = json.loads(row["shown_json"])["reports"]
        if any(text_sha256(each["text"]) != each["text_sha256"] for each in shown.values()):
            problems.append(f"Event {row['event_id']} has a text that does not have its hash.")
        if row["clock_set_back"]:
            problems.append(
                f"Event {row['event_id']} was recorded after the server's clock had been set back; its order "
                "is right, its time may not be."
            )
    twice = database.query(
        "SELECT assignment_id, revision, count(*) AS n FROM rating_events "
        "GROUP BY assignment_id, revision HAVING n > 1"
    )
    problems += [
        f"Assignment {row['assignment_id']} was rated {row['n']} times as revision {row['revision']}, at "
        "different sites; the views show one of them."
        for row in twice
    ]
    return problems


def _pictures(store: Store, database: Database) -> list[str]:
    problems = []
    for row in database.query("SELECT picture_sha256 FROM pictures"):
        path = picture_path(store, row["picture_sha256"])
        if not path.exists():
            problems.append(f"The picture {path.name} is missing in {store.pictures}.")
        elif sha256(path.read_bytes()).hexdigest() != row["picture_sha256"]:
            problems.append(f"The picture {path.name} has changed on disk.")
    return problems

"""Drafts at each change, and what a reader submits or skips: events that nobody changes afterwards."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from sqlite_utils import Database

from radui.store.answer_parsing import MAX_TEXT, parse_answers
from radui.store.connection import Store
from radui.store.creation import read_plan
from radui.store.errors import AnswerError, RuleError
from radui.store.schema import SCHEMA_VERSION
from radui.store.tasks import AssignedTask, find_task, letter_rows, newest_draft, picture_digests

MAX_DRAFT = 1_000_000
KEPT_STEPS = 200
"""Changes that can be undone."""


@dataclass(frozen=True)
class Receipt:
    """Proof that an event is on the disk. warning: one sentence where the server's clock went back."""

    event_id: str
    recorded_at: str
    warning: str | None = None


def save_draft(store: Store, reader_id: str, assignment_id: str, answers: Mapping[str, Any]) -> None:
    """Keep the answers as they are now; on the disk when this returns. Unfinished ones are welcome.

    RuleError once the rating is submitted or the study closed.
    """
    encoded = _encoded(answers)
    with store.writing() as database:
        _unlocked(database, reader_id, assignment_id)
        if newest_draft(database, assignment_id) == json.loads(encoded):
            return
        query = "SELECT coalesce(max(step), 0) + 1 FROM drafts WHERE assignment_id = ?"
        (step,) = database.execute(query, [assignment_id]).fetchone()
        database.execute(
            "INSERT INTO drafts VALUES (?, ?, ?, ?)", [assignment_id, step, encoded, store.now()]
        )
        database.execute(
            "DELETE FROM drafts WHERE assignment_id = ? AND step <= ?", [assignment_id, step - KEPT_STEPS]
        )


def undo(store: Store, reader_id: str, assignment_id: str) -> dict[str, Any] | None:
    """Take the last change back and return the answers before it, None when nothing is left."""
    with store.writing() as database:
        _unlocked(database, reader_id, assignment_id)
        database.execute(
            "DELETE FROM drafts WHERE assignment_id = ? AND step = "
            "(SELECT max(step) FROM drafts WHERE assignment_id = ?)",
            [assignment_id, assignment_id],
        )
        return newest_draft(database, assignment_id)


def submit(
    store: Store, reader_id: str, assignment_id: str, answers: Mapping[str, Any], active_seconds: float
) -> Receipt:
    """Check the answers and append them; on the disk when this returns, and fixed from then on.

    active_seconds: time on the case without idle time, as the page measured it. The same answers sent twice
    count once. AnswerError says what is missing, RuleError that the rating was submitted before.
    """
    with store.writing() as database:
        task = find_task(database, reader_id, assignment_id)
        plan, state = read_plan(database, task.study_id)
        letters = letter_rows(database, assignment_id)
        texts = {row["letter"]: row["shown_report"] for row in letters}
        drawn = [row["letter"] for row in letters if row["picture_sha256"]]
        parsed = json.dumps(asdict(parse_answers(answers, plan.questions, texts, drawn)))
        if task.state == "submitted":
            return _sent_twice(database, assignment_id, parsed)
        _open(state, plan.title)
        return _append(store, database, task, "submitted", parsed, active_seconds)


def skip(
    store: Store, reader_id: str, assignment_id: str, reason: str, active_seconds: float = 0.0
) -> Receipt:
    """Pass a task over with a reason; it may be rated later."""
    if not reason.strip() or len(reason) > MAX_TEXT:
        raise AnswerError("Say in a few words why you skip this case.")
    with store.writing() as database:
        task = _unlocked(database, reader_id, assignment_id)
        answers = json.dumps({"reason": reason.strip()})
        return _append(store, database, task, "skipped", answers, active_seconds)


def _encoded(answers: Mapping[str, Any]) -> str:
    try:
        encoded = json.dumps(dict(answers), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise AnswerError("The answers cannot be saved as they are; load the page again.") from error
    if len(encoded) > MAX_DRAFT:
        raise AnswerError("The answers are too long to be saved; shorten the texts.")
    return encoded


def _unlocked(database: Database, reader_id: str, assignment_id: str) -> AssignedTask:
    task = find_task(database, reader_id, assignment_id)
    if task.state == "submitted":
        raise RuleError("This rating was submitted already and cannot be changed.")
    plan, state = read_plan(database, task.study_id)
    _open(state, plan.title)
    return task


def _open(state: str, title: str) -> None:
    if state != "open":
        raise RuleError(f"The reading study {title!r} is {state} and takes no ratings.")


def _sent_twice(database: Database, assignment_id: str, parsed: str) -> Receipt:
    query = "SELECT event_id, recorded_at, answers_json FROM current_ratings WHERE assignment_id = ?"
    row = next(iter(database.query(query, [assignment_id])))
    if json.loads(row["answers_json"]) != json.loads(parsed):
        raise RuleError("This rating was submitted already and cannot be changed.")
    return Receipt(row["event_id"], row["recorded_at"])


def _append(
    store: Store, database: Database, task: AssignedTask, kind: str, answers: str, active_seconds: float
) -> Receipt:
    now, event_id = store.now(), uuid4().hex
    (newest,) = database.execute("SELECT max(recorded_at) FROM rating_events").fetchone()
    back = newest is not None and now < newest
    database.table("rating_events").insert(
        {
            "event_id": event_id,
            "kind": kind,
            "recorded_at": now,
            "clock_set_back": int(back),
            "reader_id": task.reader_id,
            "study_id": task.study_id,
            "case_id": task.case_id,
            "assignment_id": task.assignment_id,
            "revision": task.revision + 1,
            "schema_version": SCHEMA_VERSION,
            "active_seconds": max(0.0, active_seconds) if math.isfinite(active_seconds) else 0.0,
            "shown_json": json.dumps(_shown(database, task)),
            "answers_json": answers,
        }
    )
    if kind == "submitted":
        database.execute("DELETE FROM drafts WHERE assignment_id = ?", [task.assignment_id])
    return Receipt(event_id, now, _clock_sentence(newest, now) if back else None)


def _clock_sentence(newest: str, now: str) -> str:
    return (
        f"Your rating is saved, but the server's clock was set back ({now} after {newest}); tell the admin. "
        "The order of ratings does not depend on the clock."
    )


def _shown(database: Database, task: AssignedTask) -> dict[str, Any]:
    """All that the reader had on the page, so that the event can be read without any other row."""
    plan, _ = read_plan(database, task.study_id)
    reports = {
        row["letter"]: {
            "system": row["system"],
            "text": row["shown_report"],
            "text_sha256": row["shown_sha256"],
            "normalisations": json.loads(row["normalisations_json"]),
            "checkpoint_sha256": row["checkpoint_sha256"],
            "picture_sha256": row["picture_sha256"],
        }
        for row in letter_rows(database, task.assignment_id)
    }
    return {
        "blinded": plan.blinded,
        "order_seed": task.order_seed,
        "pictures_sha256": picture_digests(database, task.case_id),
        "reports": reports,
    }

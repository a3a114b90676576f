"""What a reader is given: the next task with letters in place of names, and how far the reader is.

Everything in a `Task` may go to the browser. Systems, candidates' ids and whether the case is a repeated one
stay here. Whatever a reader asks for is looked up with the reader's id, so nobody sees another's drafts.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from sqlite_utils import Database

from radui.store.connection import Store
from radui.store.creation import read_plan
from radui.store.errors import NotFoundError, RuleError
from radui.store.pictures import read_picture
from radui.store.plan import Questions

TaskState = Literal["open", "submitted", "skipped"]


@dataclass(frozen=True)
class ShownReport:
    """A report under its letter; picture: SHA-256 of its synthetic radiograph, if it has one."""

    letter: str
    text: str
    picture: str | None


@dataclass(frozen=True)
class Task:
    """A case as a reader sees it; number counts from 1. pictures: their SHA-256, for `task_picture`.

    draft: what was saved last, None before the first change. state: of the newest submission or skip.
    """

    assignment_id: str
    number: int
    total: int
    instructions: str
    indication: str
    pictures: tuple[str, ...]
    reports: tuple[ShownReport, ...]
    questions: Questions
    draft: dict[str, Any] | None
    state: TaskState


@dataclass(frozen=True)
class Progress:
    """How far a reader is in a study."""

    study_id: str
    title: str
    assigned: int
    submitted: int
    skipped: int
    active_seconds: float

    @property
    def remaining(self) -> int:
        """Tasks that were neither submitted nor skipped."""
        return self.assigned - self.submitted - self.skipped


@dataclass(frozen=True)
class AssignedTask:
    """A reader's right to a task, looked up before anything is read or written for it."""

    assignment_id: str
    study_id: str
    case_id: str
    reader_id: str
    queue_position: int
    order_seed: int
    revision: int
    state: TaskState


def next_task(store: Store, reader_id: str, study_id: str) -> Task | None:
    """The first task of the queue that was neither submitted nor skipped, None when all are."""
    with store.reading() as database:
        rows = list(
            database.query(
                "SELECT assignment_id FROM assignments LEFT JOIN rating_events USING (assignment_id) "
                "WHERE assignments.reader_id = ? AND assignments.study_id = ? AND event_id IS NULL "
                "ORDER BY queue_position LIMIT 1",
                [reader_id, study_id],
            )
        )
        return _task(database, find_task(database, reader_id, rows[0]["assignment_id"])) if rows else None


def get_task(store: Store, reader_id: str, assignment_id: str) -> Task:
    """A task of this reader; NotFoundError for another's."""
    with store.reading() as database:
        return _task(database, find_task(database, reader_id, assignment_id))


def skipped_tasks(store: Store, reader_id: str, study_id: str) -> list[str]:
    """The assignment_id of each task that the reader skipped and may still rate, in the queue's order."""
    with store.reading() as database:
        rows = database.query(
            "SELECT assignment_id FROM current_ratings JOIN assignments USING (assignment_id) "
            "WHERE assignments.reader_id = ? AND assignments.study_id = ? AND kind = 'skipped' "
            "ORDER BY queue_position",
            [reader_id, study_id],
        )
        return [row["assignment_id"] for row in rows]


def reader_progress(store: Store, reader_id: str) -> list[Progress]:
    """The open studies in which a reader has tasks, by title."""
    with store.reading() as database:
        rows = database.query(
            "SELECT study_id, title, assigned, submitted, skipped, active_seconds FROM reader_progress "
            "JOIN reading_studies USING (study_id) WHERE reader_id = ? AND state = 'open' ORDER BY title",
            [reader_id],
        )
        return [Progress(**row) for row in rows]


def names_of(store: Store, reader_id: str, assignment_id: str) -> dict[str, str]:
    """{letter: system} of a task that this reader submitted, where the study tells; RuleError before."""
    with store.reading() as database:
        task = find_task(database, reader_id, assignment_id)
        plan, _ = read_plan(database, task.study_id)
        if plan.blinded and not (plan.reveal_names and task.state == "submitted"):
            raise RuleError("The names stay hidden until the study tells them.")
        return {row["letter"]: row["system"] for row in letter_rows(database, assignment_id)}


def task_picture(store: Store, reader_id: str, assignment_id: str, digest: str) -> bytes:
    """The PNG of a picture that this reader's task shows; NotFoundError for any other."""
    task = get_task(store, reader_id, assignment_id)
    if digest not in (*task.pictures, *(report.picture for report in task.reports)):
        raise NotFoundError("There is no such picture in this task; load the page again.")
    return read_picture(store, digest)


def find_task(database: Database, reader_id: str, assignment_id: str) -> AssignedTask:
    """The assignment, if it is this reader's and the reader is active; else NotFoundError."""
    rows = list(
        database.query(
            "SELECT assignment_id, study_id, case_id, reader_id, queue_position, order_seed, "
            "coalesce(rating.revision, 0) AS revision, coalesce(rating.kind, 'open') AS state "
            "FROM assignments JOIN readers USING (reader_id) "
            "LEFT JOIN (SELECT assignment_id, revision, kind FROM current_ratings WHERE assignment_id = ?) "
            "AS rating USING (assignment_id) "
            "WHERE assignment_id = ? AND reader_id = ? AND readers.active",
            [assignment_id, assignment_id, reader_id],
        )
    )
    if not rows:
        raise NotFoundError("There is no such task in your queue; load the page again.")
    return AssignedTask(**rows[0])


def letter_rows(database: Database, assignment_id: str) -> list[dict[str, Any]]:
    """Each letter of a task with its candidate, by letter."""
    return list(
        database.query(
            "SELECT letter, candidates.* FROM assignment_letters JOIN candidates USING (candidate_id) "
            "WHERE assignment_id = ? ORDER BY letter",
            [assignment_id],
        )
    )


def picture_digests(database: Database, case_id: str) -> tuple[str, ...]:
    """The SHA-256 of a case's pictures in their order."""
    rows = database.query(
        "SELECT picture_sha256 FROM case_pictures WHERE case_id = ? ORDER BY position", [case_id]
    )
    return tuple(row["picture_sha256"] for row in rows)


def _task(database: Database, task: AssignedTask) -> Task:
    plan, _ = read_plan(database, task.study_id)
    query = "SELECT count(*) FROM assignments WHERE study_id = ? AND reader_id = ?"
    (total,) = database.execute(query, [task.study_id, task.reader_id]).fetchone()
    (indication,) = database.execute(
        "SELECT indication FROM cases WHERE case_id = ?", [task.case_id]
    ).fetchone()
    return Task(
        assignment_id=task.assignment_id,
        number=task.queue_position + 1,
        total=total,
        instructions=plan.instructions,
        indication=indication,
        pictures=picture_digests(database, task.case_id),
        reports=tuple(
            ShownReport(row["letter"], row["shown_report"], row["picture_sha256"])
            for row in letter_rows(database, task.assignment_id)
        ),
        questions=plan.questions,
        draft=newest_draft(database, task.assignment_id),
        state=task.state,
    )


def newest_draft(database: Database, assignment_id: str) -> dict[str, Any] | None:
    """The answers saved last, None where there are none."""
    query = "SELECT answers_json FROM drafts WHERE assignment_id = ? ORDER BY step DESC LIMIT 1"
    row = database.execute(query, [assignment_id]).fetchone()
    return json.loads(row[0]) if row else None

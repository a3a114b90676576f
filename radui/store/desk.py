"""Ratings without a reading study: whoever sits at the machine rates what the page shows, names and all."""

from collections.abc import Mapping
from uuid import uuid4

from sqlite_utils import Database

from radui.records import Study
from radui.store.connection import Store
from radui.store.creation import create_study, prepare_case
from radui.store.errors import RuleError
from radui.store.plan import GeneratedReport, NewCase, Questions, StudyPlan
from radui.store.queues import LETTERS
from radui.store.readers import local_reader
from radui.store.tasks import Task, get_task

_QUESTIONS = Questions(preference=False)


def desk_task(store: Store, study: Study, reports: Mapping[str, GeneratedReport]) -> Task:
    """A task for the local reader with the reports {system: report} as they stand on the page, A first.

    Stored as a small study of its own that is not blinded, so that no blind result is mixed with it.
    """
    if not reports:
        raise RuleError("There is no report to rate yet.")
    reader, name = local_reader(store), f"Compare tab {store.now()} {uuid4().hex[:6]}"
    questions = _QUESTIONS if len(reports) == 1 else Questions()
    plan = StudyPlan(name, tuple(reports), blinded=False, reveal_names=True, questions=questions)
    study_id = create_study(store, plan)
    prepare_case(store, study_id, NewCase("1", study), lambda system, _: reports[system])
    with store.writing() as database:
        assignment_id = _assign(store, database, study_id, reader.reader_id, tuple(reports))
        database.execute("UPDATE reading_studies SET state = 'open' WHERE study_id = ?", [study_id])
    return get_task(store, reader.reader_id, assignment_id)


def _assign(store: Store, database: Database, study_id: str, reader_id: str, systems: tuple[str, ...]) -> str:
    """The letters keep the page's order; there is nothing to hide."""
    assignment_id = uuid4().hex
    rows = list(
        database.query(
            "SELECT case_id, system, candidate_id FROM cases "
            "JOIN candidates USING (case_id) WHERE study_id = ?",
            [study_id],
        )
    )
    database.execute(
        "INSERT INTO assignments VALUES (?, ?, ?, ?, 1, 0, 0, ?)",
        [assignment_id, study_id, rows[0]["case_id"], reader_id, store.now()],
    )
    ids = {row["system"]: row["candidate_id"] for row in rows}
    for letter, system in zip(LETTERS, systems, strict=False):
        database.execute(
            "INSERT INTO assignment_letters VALUES (?, ?, ?)", [assignment_id, letter, ids[system]]
        )
    return assignment_id

"""Ratings without a reading study: whoever sits at the machine rates what the page shows."""

import random
from collections.abc import Mapping
from uuid import uuid4

from sqlite_utils import Database

from radui.records import Study
from radui.store.connection import Store
from radui.store.creation import create_study, set_state, write_case
from radui.store.errors import RuleError
from radui.store.pictures import save_picture
from radui.store.plan import GeneratedReport, NewCase, Questions, StudyPlan
from radui.store.queues import letter_order
from radui.store.readers import local_reader
from radui.store.tables import list_studies
from radui.store.tasks import Task, get_task, next_task


def desk_task(store: Store, study: Study, reports: Mapping[str, GeneratedReport]) -> tuple[str, Task]:
    """The study_id and the task of the local reader with the reports {system: report} as they stand on the
    page, under shuffled letters. The same again is the same task until it is submitted.

    The same systems share a study, so that their results add up; it does not count as blinded, since the
    page has told the names, so that no blind result is mixed with it.
    """
    if not reports:
        raise RuleError("There is no report to rate yet.")
    plan = _plan(tuple(reports))
    study_id, reader_id = _open_study(store, plan), local_reader(store).reader_id
    waiting = next_task(store, reader_id, study_id)
    if waiting and _shows(store, waiting, study, reports):
        return study_id, waiting
    name = f"{store.now()} {uuid4().hex[:6]}"
    case_id, _ = write_case(store, study_id, plan, NewCase(name, study), lambda system, _: reports[system])
    with store.writing() as database:
        assignment_id = _assign(store, database, (study_id, case_id, reader_id), plan.systems)
    return study_id, get_task(store, reader_id, assignment_id)


def _plan(systems: tuple[str, ...]) -> StudyPlan:
    return StudyPlan(
        title=f"Compare tab: {', '.join(systems)}",
        systems=systems,
        blinded=False,
        reveal_names=True,
        questions=Questions(preference=len(systems) > 1),
    )


def _open_study(store: Store, plan: StudyPlan) -> str:
    """The study of these systems, made at the first call."""
    for row in list_studies(store):
        if row["title"] == plan.title and row["state"] != "preparing":
            if row["state"] == "closed":
                raise RuleError(f"The study {plan.title!r} is closed; reopen it on the Results tab.")
            return str(row["study_id"])
    study_id = create_study(store, plan)
    set_state(store, study_id, "open", ("preparing",))
    return study_id


def _shows(store: Store, task: Task, study: Study, reports: Mapping[str, GeneratedReport]) -> bool:
    texts = sorted(report.report for report in reports.values())
    pictures = tuple(save_picture(store, view) for view in study.views)
    return sorted(shown.text for shown in task.reports) == texts and task.pictures == pictures


def _assign(store: Store, database: Database, place: tuple[str, str, str], systems: tuple[str, ...]) -> str:
    """A task at the end of the queue; place: (study_id, case_id, reader_id)."""
    assignment_id, seed = uuid4().hex, random.getrandbits(31)
    study_id, case_id, reader_id = place
    query = "SELECT count(*) FROM assignments WHERE study_id = ? AND reader_id = ?"
    (position,) = database.execute(query, [study_id, reader_id]).fetchone()
    database.execute(
        "INSERT INTO assignments VALUES (?, ?, ?, ?, 1, ?, ?, ?)",
        [assignment_id, *place, position, seed, store.now()],
    )
    query = "SELECT system, candidate_id FROM candidates WHERE case_id = ?"
    ids = {row["system"]: row["candidate_id"] for row in database.query(query, [case_id])}
    for letter, candidate_id in letter_order(seed, [ids[system] for system in systems]).items():
        row = [assignment_id, letter, candidate_id]
        database.execute("INSERT INTO assignment_letters VALUES (?, ?, ?)", row)
    return assignment_id

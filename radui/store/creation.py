"""A reading study from plan to open: cases stored, reports written ahead with resume, queues dealt."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any
from uuid import uuid4

from sqlite_utils import Database

from radui.store.blindness import BlindText, leaks, normalise
from radui.store.connection import Store
from radui.store.errors import NotFoundError, RuleError
from radui.store.pictures import register_picture, save_picture
from radui.store.plan import (
    REFERENCE,
    Generate,
    GeneratedReport,
    NewCase,
    Questions,
    StudyPlan,
)


def create_study(store: Store, plan: StudyPlan) -> str:
    """Store a plan and return its study_id; the same plan again returns the study that is being prepared.

    RuleError where another plan has this title, the study is open already, or a blinded one names a system.
    """
    row = _plan_row(plan)
    if plan.blinded:
        for what, text in (("title", plan.title), ("instructions", plan.instructions)):
            _check_blind(f"The {what} of a blinded study", text, plan.systems)
    with store.writing() as database:
        found = list(database.query("SELECT * FROM reading_studies WHERE title = ?", [plan.title]))
        if found:
            return _same_plan(found[0], row)
        study_id = uuid4().hex
        database.table("reading_studies").insert(
            {"study_id": study_id, **row, "state": "preparing", "created_at": store.now()}
        )
    return study_id


def _same_plan(found: dict[str, Any], row: dict[str, Any]) -> str:
    if found["state"] != "preparing":
        raise RuleError(
            f"The reading study {found['title']!r} is {found['state']} already; choose another title."
        )
    differing = [name for name, value in row.items() if found[name] != value]
    if differing:
        raise RuleError(
            f"The reading study {found['title']!r} was begun with another {differing[0]}; repeat the first "
            "command or choose another title."
        )
    return str(found["study_id"])


def _check_blind(what: str, text: str, systems: Sequence[str]) -> None:
    if named := leaks(text, systems):
        raise RuleError(f"{what} names {named[0]}, which readers must not know; word it otherwise.")


def _plan_row(plan: StudyPlan) -> dict[str, Any]:
    return {
        "title": plan.title,
        "instructions": plan.instructions,
        "design": plan.design,
        "systems_json": json.dumps(plan.systems),
        "questions_json": json.dumps(asdict(plan.questions)),
        "include_reference": int(plan.include_reference),
        "readers_per_case": plan.readers_per_case,
        "repeat_share": plan.repeat_share,
        "seed": plan.seed,
        "blinded": int(plan.blinded),
        "reveal_names": int(plan.reveal_names),
    }


def read_plan(database: Database, study_id: str) -> tuple[StudyPlan, str]:
    """The plan of a study and its state; NotFoundError where there is none."""
    rows = list(database.query("SELECT * FROM reading_studies WHERE study_id = ?", [study_id]))
    if not rows:
        raise NotFoundError("There is no such reading study.")
    row = rows[0]
    plan = StudyPlan(
        title=row["title"],
        systems=tuple(json.loads(row["systems_json"])),
        design=row["design"],
        include_reference=bool(row["include_reference"]),
        readers_per_case=row["readers_per_case"],
        repeat_share=row["repeat_share"],
        seed=row["seed"],
        blinded=bool(row["blinded"]),
        reveal_names=bool(row["reveal_names"]),
        instructions=row["instructions"],
        questions=Questions(**json.loads(row["questions_json"])),
    )
    return plan, row["state"]


def prepare_case(store: Store, study_id: str, case: NewCase, generate: Generate) -> int:
    """Store a case and have its missing reports written, each on disk once it is there; return how many were.

    After an interruption the same call goes on where it stopped.
    """
    with store.reading() as database:
        plan, state = read_plan(database, study_id)
    if state != "preparing":
        raise RuleError(f"The reading study {plan.title!r} is {state}; its cases are fixed.")
    if plan.include_reference and not (case.reference_report or "").strip():
        raise RuleError(f"The case {case.name} has no reference report, which this study shows; add it.")
    if plan.blinded:
        _check_blind(f"The indication of the case {case.name}", case.study.indication, plan.systems)
    return write_case(store, study_id, plan, case, generate)[1]


def write_case(
    store: Store, study_id: str, plan: StudyPlan, case: NewCase, generate: Generate
) -> tuple[str, int]:
    """Store a case with its missing reports, in any state of the study; case_id, reports written."""
    case_id = _store_case(store, study_id, case)
    missing = _missing(store, case_id, plan)
    for system in missing:
        _store_candidate(store, case_id, plan, system, _write(system, case, generate))
    return case_id, len(missing)


def _write(system: str, case: NewCase, generate: Generate) -> GeneratedReport:
    if system == REFERENCE:
        return GeneratedReport(case.reference_report or "")
    return generate(system, case.study)


def _store_case(store: Store, study_id: str, case: NewCase) -> str:
    digests = [save_picture(store, view) for view in case.study.views]
    with store.writing() as database:
        found = list(
            database.query("SELECT * FROM cases WHERE study_id = ? AND name = ?", [study_id, case.name])
        )
        if found:
            return _same_case(database, found[0], case, digests)
        case_id = uuid4().hex
        query = "SELECT count(*) FROM cases WHERE study_id = ?"
        (position,) = database.execute(query, [study_id]).fetchone()
        database.execute(
            "INSERT INTO cases (case_id, study_id, position, name, indication, reference_report) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [case_id, study_id, position, case.name, case.study.indication, case.reference_report],
        )
        for number, (digest, view) in enumerate(zip(digests, case.study.views, strict=True)):
            register_picture(database, digest, view)
            database.execute("INSERT INTO case_pictures VALUES (?, ?, ?)", [case_id, number, digest])
    return case_id


def _same_case(database: Database, found: dict[str, Any], case: NewCase, digests: Sequence[str]) -> str:
    rows = database.query(
        "SELECT picture_sha256 FROM case_pictures WHERE case_id = ? ORDER BY position", [found["case_id"]]
    )
    stored = ([row["picture_sha256"] for row in rows], found["indication"], found["reference_report"])
    if stored != (list(digests), case.study.indication, case.reference_report):
        raise RuleError(
            f"The case {case.name} was stored with other pictures or texts; give each case its own name."
        )
    return str(found["case_id"])


def _missing(store: Store, case_id: str, plan: StudyPlan) -> list[str]:
    with store.reading() as database:
        rows = database.query("SELECT system FROM candidates WHERE case_id = ?", [case_id])
        there = {row["system"] for row in rows}
    return [system for system in plan.candidates if system not in there]


def _store_candidate(
    store: Store, case_id: str, plan: StudyPlan, system: str, written: GeneratedReport
) -> None:
    shown = normalise(written.report, plan.systems) if plan.blinded else BlindText(written.report, ())
    digest = None if written.picture is None else save_picture(store, written.picture)
    with store.writing() as database:
        if written.picture is not None and digest is not None:
            register_picture(database, digest, written.picture)
        row = {
            "candidate_id": uuid4().hex,
            "case_id": case_id,
            "system": system,
            "report": written.report,
            "shown_report": shown.text,
            "shown_sha256": text_sha256(shown.text),
            "normalisations_json": json.dumps(shown.changes),
            "checkpoint_sha256": written.checkpoint_sha256,
            "picture_sha256": digest,
            "generation_seconds": written.seconds,
            "created_at": store.now(),
        }
        # Another process may have prepared the same case at the same time; the first report stays.
        database.table("candidates").insert(row, ignore=True)


def text_sha256(text: str) -> str:
    """The SHA-256 of a text's UTF-8 bytes."""
    return sha256(text.encode()).hexdigest()


def set_state(store: Store, study_id: str, state: str, allowed: Iterable[str]) -> None:
    """Move a study to a state from one of the allowed ones; RuleError from another."""
    with store.writing() as database:
        plan, now = read_plan(database, study_id)
        if now not in allowed:
            raise RuleError(f"The reading study {plan.title!r} is {now} and cannot become {state}.")
        database.execute("UPDATE reading_studies SET state = ? WHERE study_id = ?", [state, study_id])

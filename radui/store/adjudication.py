"""Where readers disagree, and what an adjudicator decides; names stay hidden there too."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlite_utils import Database

from radui.store.connection import Store
from radui.store.creation import read_plan
from radui.store.errors import NotFoundError, RuleError
from radui.store.tasks import picture_digests

QUESTIONS = ("acceptability", "significant errors")
FAR_APART = 2
"""Levels of acceptability between two readers from which on a report is discussed."""


@dataclass(frozen=True)
class Opinion:
    """What one reader said, the reader unnamed: acceptability 1-5; errors: (category, significant, quote)."""

    acceptability: int | None
    errors: tuple[tuple[str, bool, str | None], ...]


@dataclass(frozen=True)
class Disagreement:
    """A report on which readers differ. question: one of `QUESTIONS`; pictures: SHA-256 of the case's."""

    case_id: str
    candidate_id: str
    question: str
    indication: str
    text: str
    pictures: tuple[str, ...]
    opinions: tuple[Opinion, ...]


_OPINIONS = """
    SELECT case_id, candidate_id, indication, shown_report, count(*) AS readers,
        max(acceptability) - min(acceptability) AS distance,
        min(significant_errors) = 0 AND max(significant_errors) > 0 AS split,
        json_group_array(json_array(acceptability, json(errors))) AS opinions
    FROM (SELECT *, (SELECT json_group_array(json_array(category, significant, quote)) FROM report_errors
            WHERE report_errors.event_id = report_ratings.event_id
            AND report_errors.letter = report_ratings.letter) AS errors
        FROM report_ratings WHERE study_id = ? AND round = 1 ORDER BY acceptability)
    JOIN candidates USING (case_id, candidate_id) JOIN cases USING (study_id, case_id)
    GROUP BY candidate_id HAVING readers > 1 ORDER BY cases.position, shown_sha256
"""


def disagreements(store: Store, study_id: str, far_apart: int = FAR_APART) -> list[Disagreement]:
    """Reports whose acceptability differs by `far_apart` or more, or that only some call significantly wrong.

    Those that were adjudicated are left out. Reports of a case come in an order that tells no system.
    """
    with store.reading() as database:
        read_plan(database, study_id)
        query = "SELECT candidate_id, question FROM adjudication_events WHERE study_id = ?"
        decided = {(row["candidate_id"], row["question"]) for row in database.query(query, [study_id])}
        found = [
            each
            for row in list(database.query(_OPINIONS, [study_id]))
            for each in _disagreements(row, picture_digests(database, row["case_id"]), far_apart)
        ]
    return [each for each in found if (each.candidate_id, each.question) not in decided]


def _disagreements(row: dict[str, Any], pictures: tuple[str, ...], far_apart: int) -> Iterator[Disagreement]:
    apart = dict(zip(QUESTIONS, ((row["distance"] or 0) >= far_apart, bool(row["split"])), strict=True))
    opinions = tuple(
        Opinion(level, tuple((category, bool(significant), quote) for category, significant, quote in errors))
        for level, errors in json.loads(row["opinions"])
    )
    for question in (name for name, differs in apart.items() if differs):
        yield Disagreement(
            row["case_id"],
            row["candidate_id"],
            question,
            row["indication"],
            row["shown_report"],
            pictures,
            opinions,
        )


def adjudicate(
    store: Store, admin_id: str, candidate_id: str, question: str, decision: str, note: str = ""
) -> str:
    """Append an adjudicator's decision and return its event_id; the readers' ratings stay as they are."""
    if question not in QUESTIONS:
        raise RuleError(f"Adjudicate one of: {', '.join(QUESTIONS)}.")
    if not decision.strip():
        raise RuleError("Write down the decision.")
    event_id = uuid4().hex
    with store.writing() as database:
        _check_admin(database, admin_id)
        query = "SELECT study_id, case_id FROM candidates JOIN cases USING (case_id) WHERE candidate_id = ?"
        found = list(database.query(query, [candidate_id]))
        if not found:
            raise NotFoundError("There is no such report to adjudicate.")
        database.table("adjudication_events").insert(
            {
                "event_id": event_id,
                "recorded_at": store.now(),
                "reader_id": admin_id,
                **found[0],
                "candidate_id": candidate_id,
                "question": question,
                "decision": decision.strip(),
                "note": note.strip(),
            }
        )
    return event_id


def _check_admin(database: Database, admin_id: str) -> None:
    query = "SELECT 1 FROM readers WHERE reader_id = ? AND role = 'admin' AND active"
    if not list(database.query(query, [admin_id])):
        raise RuleError("Only an admin adjudicates.")

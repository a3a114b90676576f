"""The tables and views as rows."""

from typing import Any

from radui.store.connection import Store
from radui.store.dictionary import DICTIONARY
from radui.store.errors import NotFoundError

_STUDIES = """
    SELECT study_id, title, state, blinded,
        (SELECT count(*) FROM cases WHERE cases.study_id = study.study_id) AS cases,
        (SELECT count(DISTINCT reader_id) FROM assignments
            WHERE assignments.study_id = study.study_id) AS readers,
        (SELECT count(*) FROM current_ratings
            WHERE current_ratings.study_id = study.study_id AND kind = 'submitted') AS submitted
    FROM reading_studies AS study ORDER BY study.rowid
"""

_CASES = """
    SELECT cases.name AS case_name, readers.name AS reader_name, count(*) AS assigned,
        count(*) FILTER (WHERE kind = 'submitted') AS submitted,
        group_concat(reason, '; ') FILTER (WHERE kind = 'skipped') AS reasons
    FROM assignments JOIN cases USING (case_id) JOIN readers USING (reader_id)
    LEFT JOIN current_ratings USING (assignment_id)
    WHERE assignments.study_id = ? GROUP BY cases.case_id, readers.reader_id
    ORDER BY cases.position, readers.name
"""


def read_table(store: Store, table: str, study_id: str | None = None) -> list[dict[str, Any]]:
    """All rows of a table or view of `DICTIONARY`, or those of one study; NotFoundError for any other."""
    if table not in DICTIONARY:
        raise NotFoundError(f"There is no table {table}; choose from {', '.join(DICTIONARY)}.")
    columns = ", ".join(DICTIONARY[table])
    with store.reading() as database:
        if study_id is None:
            return list(database.query(f"SELECT {columns} FROM {table}"))
        return list(database.query(f"SELECT {columns} FROM {table} WHERE study_id = ?", [study_id]))


def list_studies(store: Store) -> list[dict[str, Any]]:
    """The reading studies with their numbers of cases, readers and ratings, in the order they came in."""
    with store.reading() as database:
        return list(database.query(_STUDIES))


def case_progress(store: Store, study_id: str) -> list[dict[str, Any]]:
    """How many of its tasks on each case each reader has submitted, and why tasks were skipped."""
    with store.reading() as database:
        return list(database.query(_CASES, [study_id]))


def find_study(store: Store, title: str) -> str:
    """The study_id of a title; NotFoundError names the titles that there are."""
    studies = {row["title"]: row["study_id"] for row in list_studies(store)}
    if title not in studies:
        raise NotFoundError(
            f"There is no reading study {title!r}; there are: {', '.join(studies) or 'none'}."
        )
    return str(studies[title])

"""What readers found in each system's reports: errors, acceptability, clarity, hallucination, edits."""

from collections.abc import Mapping, Sequence
from typing import Any

from radui.statistics.intervals import Bootstrap, Estimate, mean

Row = Mapping[str, Any]
ACCEPTABLE, UNCHANGED = 4, 5


def error_counts(
    ratings: Sequence[Row], errors: Sequence[Row], categories: Sequence[str], bootstrap: Bootstrap
) -> dict[str, dict[tuple[str, bool], Estimate]]:
    """{system: {(category, significant): errors a report}}; the category "all" counts every one.

    ratings, errors: rows of report_ratings and report_errors; a report without errors counts as 0.
    """
    found: dict[tuple[Any, ...], int] = {}
    for error in errors:
        for category in (error["category"], "all"):
            key = (error["event_id"], error["letter"], category, bool(error["significant"]))
            found[key] = found.get(key, 0) + 1
    table: dict[str, dict[tuple[str, bool], Estimate]] = {}
    for system, rows in by_system(ratings).items():
        cases = [row["case_id"] for row in rows]
        table[system] = {
            (category, significant): mean(
                [found.get((row["event_id"], row["letter"], category, significant), 0) for row in rows],
                cases,
                bootstrap,
            )
            for category in ("all", *categories)
            for significant in (True, False)
        }
    return table


def acceptability(ratings: Sequence[Row], bootstrap: Bootstrap) -> dict[str, dict[str, Estimate]]:
    """{system: {"mean", "standard", "stringent"}}: standard is the share that is acceptable with minor
    changes at most, stringent the share acceptable as it is."""
    return {
        system: {
            "mean": _mean(rows, "acceptability", bootstrap),
            "standard": _share(rows, ACCEPTABLE, bootstrap),
            "stringent": _share(rows, UNCHANGED, bootstrap),
        }
        for system, rows in by_system(ratings).items()
    }


def means(
    ratings: Sequence[Row], columns: Sequence[str], bootstrap: Bootstrap
) -> dict[str, dict[str, Estimate]]:
    """{system: {column: mean}} of answers that are numbers or 0 and 1; unanswered ones are left out."""
    return {
        system: {column: _mean(rows, column, bootstrap) for column in columns}
        for system, rows in by_system(ratings).items()
    }


def support_shares(
    ratings: Sequence[Row], answers: Sequence[str], bootstrap: Bootstrap
) -> dict[str, dict[str, Estimate]]:
    """{system: {answer: share}} of the regions that were judged; ratings: rows of explanation_ratings."""
    return {
        system: {
            answer: mean(
                [row["support"] == answer for row in rows], [row["case_id"] for row in rows], bootstrap
            )
            for answer in answers
        }
        for system, rows in by_system(ratings).items()
    }


def graded(ratings: Sequence[Row], errors: Sequence[Row]) -> list[Row]:
    """Rows of report_ratings with what RADPEER and ReFiSco say in numbers, None where not asked.

    radpeer_concur, radpeer_significant: 1 for a score of 1, for 2b or 3b. worst_severity: of the report's
    errors, 0 for none.
    """
    degrees: dict[tuple[str, str], list[int]] = {}
    for error in errors:
        if error["severity"] is not None:
            degrees.setdefault((error["event_id"], error["letter"]), []).append(error["severity"])
    return [
        {
            **row,
            "radpeer_concur": None if row["radpeer"] is None else row["radpeer"] == "1",
            "radpeer_significant": None if row["radpeer"] is None else row["radpeer"].endswith("b"),
            "worst_severity": max(degrees.get((row["event_id"], row["letter"]), [0])) if degrees else None,
        }
        for row in ratings
    ]


def by_system(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by their system, systems in alphabetical order."""
    grouped: dict[str, list[Row]] = {system: [] for system in sorted({row["system"] for row in rows})}
    for row in rows:
        grouped[row["system"]].append(row)
    return grouped


def _mean(rows: Sequence[Row], column: str, bootstrap: Bootstrap) -> Estimate:
    answered = [row for row in rows if row[column] is not None]
    return mean([row[column] for row in answered], [row["case_id"] for row in answered], bootstrap)


def _share(rows: Sequence[Row], least: int, bootstrap: Bootstrap) -> Estimate:
    answered = [row for row in rows if row["acceptability"] is not None]
    return mean(
        [row["acceptability"] >= least for row in answered], [row["case_id"] for row in answered], bootstrap
    )

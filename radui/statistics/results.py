"""All numbers of a reading study from its store, ready for tables and figures."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radui.statistics.agreement import (
    Level,
    RatingTable,
    cohen,
    fleiss,
    krippendorff_alpha,
    pabak,
    rating_table,
    reader_pairs,
)
from radui.statistics.correlation import ReportKey, rank_correlation
from radui.statistics.intervals import Bootstrap, Estimate
from radui.statistics.preference import PositionBias, WinMatrix, bradley_terry, position_bias, win_matrix
from radui.statistics.quality import acceptability, error_counts, graded, means, support_shares
from radui.store.answers import CATEGORIES, SUPPORT
from radui.store.connection import Store
from radui.store.pairs import Pair, read_pairs
from radui.store.tables import read_table

QUESTIONS: dict[str, tuple[Level, tuple[float, ...] | None]] = {
    "acceptability": ("ordinal", (1, 2, 3, 4, 5)),
    "clarity": ("ordinal", (1, 2, 3, 4, 5)),
    "hallucination": ("nominal", (0, 1)),
    "significant_errors": ("interval", None),
}
"""Questions whose agreement is told, with their scale and the answers that were possible."""
MEANS = (
    *("hallucination", "clarity", "edited_characters", "edited_words", "edit_seconds"),
    *("radpeer_concur", "radpeer_significant", "worst_severity"),
)
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Agreement:
    """Agreement on one question: alpha over all readers, fleiss over what all of them rated.

    pairs: {(reader, reader): {"cohen", "pabak"}}. intra: {reader: the same}, first round with second.
    """

    question: str
    level: Level
    alpha: Estimate
    fleiss: Estimate
    pairs: dict[tuple[str, str], dict[str, Estimate]]
    intra: dict[str, dict[str, Estimate]]


@dataclass(frozen=True)
class StudyResults:
    """What a reading study found, by system where it names one; repeated tasks count for `intra` only.

    support: shares of the answers on regions; pictures: means of realism and agreement of synthetic ones.
    """

    progress: list[dict[str, Any]]
    errors: dict[str, dict[tuple[str, bool], Estimate]]
    acceptability: dict[str, dict[str, Estimate]]
    means: dict[str, dict[str, Estimate]]
    support: dict[str, dict[str, Estimate]]
    pictures: dict[str, dict[str, Estimate]]
    wins: WinMatrix
    strengths: dict[str, Estimate]
    position: PositionBias
    both_unacceptable: int
    agreement: list[Agreement]


def study_results(store: Store, study_id: str, bootstrap: Bootstrap | None = None) -> StudyResults:
    """Compute everything from the ratings that are submitted now."""
    bootstrap = bootstrap or Bootstrap()
    ratings = _with_units(read_table(store, "report_ratings", study_id))
    first, errors, regions, pictures = (
        [row for row in rows if row["round"] == 1]
        for rows in (
            ratings,
            read_table(store, "report_errors", study_id),
            read_table(store, "explanation_ratings", study_id),
            read_table(store, "picture_ratings", study_id),
        )
    )
    pairs = [pair for pair in read_pairs(store, study_id) if pair.round == 1]
    return StudyResults(
        progress=sorted(
            read_table(store, "reader_progress", study_id), key=lambda row: str(row["reader_name"])
        ),
        errors=error_counts(first, errors, tuple(CATEGORIES), bootstrap),
        acceptability=acceptability(first, bootstrap),
        means=means(graded(first, errors), MEANS, bootstrap),
        support=support_shares(regions, SUPPORT, bootstrap),
        pictures=means(pictures, ("realism", "agreement"), bootstrap),
        wins=win_matrix(pairs),
        strengths=bradley_terry(pairs, bootstrap),
        position=position_bias(pairs, bootstrap),
        both_unacceptable=sum(pair.both_unacceptable for pair in pairs),
        agreement=_agreements(store, study_id, ratings, bootstrap),
    )


@dataclass(frozen=True)
class _Question:
    """One question with all its answers: rows with unit, case_id, reader_id, round and the column."""

    name: str
    level: Level
    rows: Rows
    column: str
    domain: tuple[float, ...] | None

    def table(self, rows: Rows, names: Mapping[str, str]) -> RatingTable:
        """Answers by unit and reader's name."""
        ratings: dict[tuple[Hashable, str], float] = {
            (row["unit"], names[row["reader_id"]]): float(row[self.column]) for row in rows
        }
        return rating_table(ratings, {row["unit"]: row["case_id"] for row in rows}, self.domain)


def _agreements(store: Store, study_id: str, ratings: Rows, bootstrap: Bootstrap) -> list[Agreement]:
    """Of each question that the study asked."""
    names = {row["reader_id"]: row["name"] for row in read_table(store, "readers")}
    questions = [
        _Question(name, level, _answered(ratings, name), name, domain)
        for name, (level, domain) in QUESTIONS.items()
    ]
    quality = _answered(read_table(store, "current_ratings", study_id), "image_quality_sufficient")
    shown = {row["assignment_id"]: row["unit"][1:] for row in ratings}
    seen = [{**row, "unit": (row["case_id"], *shown[row["assignment_id"]])} for row in quality]
    questions.append(_Question("image_quality", "nominal", seen, "image_quality_sufficient", (0.0, 1.0)))
    votes = _votes(read_pairs(store, study_id))
    questions.append(_Question("preference", "nominal", votes, "score", (0.0, 0.5, 1.0)))
    return [_agreement(question, names, bootstrap) for question in questions if question.rows]


def _answered(rows: Rows, column: str) -> Rows:
    return [row for row in rows if row[column] is not None]


def _votes(pairs: Sequence[Pair]) -> Rows:
    """Each comparison with its two systems in alphabetical order, whichever letters they had."""
    rows = []
    for pair in pairs:
        swapped = pair.first > pair.second
        unit = (pair.case_id, *sorted((pair.first, pair.second)))
        score = 1 - pair.score if swapped else pair.score
        keys = {"case_id": pair.case_id, "reader_id": pair.reader_id, "round": pair.round}
        rows.append({**keys, "unit": unit, "score": score})
    return rows


def _with_units(ratings: Rows) -> Rows:
    """What is rated is a report beside others: a pairwise study shows one report several times."""
    shown: dict[str, list[str]] = {}
    for row in ratings:
        shown.setdefault(row["assignment_id"], []).append(row["candidate_id"])
    return [{**row, "unit": (row["candidate_id"], *sorted(shown[row["assignment_id"]]))} for row in ratings]


def _agreement(question: _Question, names: Mapping[str, str], bootstrap: Bootstrap) -> Agreement:
    table = question.table([row for row in question.rows if row["round"] == 1], names)
    pairs = {pair: _two(table, pair, question.level, bootstrap) for pair in reader_pairs(table)}
    return Agreement(
        question=question.name,
        level=question.level,
        alpha=krippendorff_alpha(table, question.level, bootstrap),
        fleiss=fleiss(table, bootstrap),
        pairs=pairs,
        intra=_intra(question, names, bootstrap),
    )


def _two(
    table: RatingTable, pair: tuple[str, str], level: Level, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    return {"cohen": cohen(table, *pair, level, bootstrap), "pabak": pabak(table, *pair, bootstrap)}


def _intra(
    question: _Question, names: Mapping[str, str], bootstrap: Bootstrap
) -> dict[str, dict[str, Estimate]]:
    """Each reader's two rounds, as if two readers had rated."""
    repeated = {row["reader_id"] for row in question.rows if row["round"] == 2}
    found = {}
    for reader_id in sorted(repeated, key=names.__getitem__):
        own = [row for row in question.rows if row["reader_id"] == reader_id]
        rounds = [{**row, "reader_id": str(row["round"])} for row in own]
        table = question.table(rounds, {"1": "1", "2": "2"})
        if len(table.readers) == 2:
            found[names[reader_id]] = _two(table, ("1", "2"), question.level, bootstrap)
    return found


def metric_correlation(
    store: Store,
    study_id: str,
    scores: Mapping[ReportKey, float],
    column: str = "acceptability",
    bootstrap: Bootstrap | None = None,
    method: str = "kendall",
) -> Estimate:
    """Rank correlation of a metric {(case name, system): score} with the readers' mean answer to `column`."""
    case_names = {row["case_id"]: row["name"] for row in read_table(store, "cases", study_id)}
    answers: dict[ReportKey, list[float]] = {}
    for row in read_table(store, "report_ratings", study_id):
        if row["round"] == 1 and row[column] is not None:
            answers.setdefault((case_names[row["case_id"]], row["system"]), []).append(row[column])
    ratings = {key: sum(values) / len(values) for key, values in answers.items()}
    return rank_correlation(scores, ratings, bootstrap or Bootstrap(), method)

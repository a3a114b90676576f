"""The studies that are scored and what the baselines may know of the rest."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from radui.processing.vocabulary import Vocabulary
from train.data.iu_xray import read_iu_xray
from train.data.study import SPLITS, StudyRow
from train.metrics.protocol import MAX_LENGTH, protocol_hypothesis, protocol_references

THRESHOLD = 3
"""Times that a word must stand in the train reports of IU X-Ray to be in the vocabulary."""
LONG = 100
"""Ids of a reference with its impression, beginning and end included."""


class EvaluationError(Exception):
    """What was given cannot be scored; the message says what to change."""


@dataclass(frozen=True)
class ScoredStudies:
    """rows: the studies to score, references: theirs; all texts are tokenised by the protocol."""

    rows: list[StudyRow]
    references: list[str]
    train_rows: list[StudyRow]
    train_texts: list[str]
    val_texts: list[str]


def read_corpus(root: Path, split: str, limit: int | None = None, impression: bool = False) -> ScoredStudies:
    """Read IU X-Ray and tokenise all reports with the vocabulary of the train reports.

    limit: keep the first so many studies of the scored split. impression: a report is its findings and its
    impression, cut at LONG words (AdaMatch-Cyclic 4.1), in place of the findings alone, cut at MAX_LENGTH.
    Errors: DataError of the reader; EvaluationError where a split is empty.
    """
    rows = [with_impression(row) if impression else row for row in read_iu_xray(root)]
    length = LONG if impression else MAX_LENGTH
    by_split = {name: [row for row in rows if row.split == name] for name in SPLITS}
    for name in ("train", "val", split):
        if not by_split[name]:
            raise EvaluationError(f"{root} has no {name} studies; the baselines need train and val.")
    vocabulary = Vocabulary.build((row.report for row in by_split["train"]), threshold=THRESHOLD)
    scored = by_split[split][:limit]
    return ScoredStudies(
        rows=scored,
        references=protocol_references(scored, vocabulary, length),
        train_rows=by_split["train"],
        train_texts=protocol_references(by_split["train"], vocabulary, length),
        val_texts=protocol_references(by_split["val"], vocabulary, length),
    )


def with_impression(row: StudyRow) -> StudyRow:
    """A study whose report is its findings followed by its impression, where it has one."""
    return replace(row, report=f"{row.report} {row.impression}".strip())


def read_reports(path: Path, rows: Sequence[StudyRow]) -> list[str]:
    """Reports of the given studies from a JSON Lines file of {"id": …, "report": …}, cleaned.

    Errors: EvaluationError where the file cannot be read or a study has no report in it.
    """
    try:
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        reports = {entry["id"]: protocol_hypothesis(entry["report"]) for entry in entries}
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(f'{path} needs one {{"id": …, "report": …}} object a line.') from error
    missing = [row.id for row in rows if row.id not in reports]
    if missing:
        raise EvaluationError(f"{path} has no report for {len(missing)} studies, for instance {missing[0]}.")
    return [reports[row.id] for row in rows]

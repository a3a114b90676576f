"""The R2Gen protocol of scoring: what counts as the reference."""

from collections.abc import Iterable

from radui.processing.reports import UNKNOWN_WORD, clean
from radui.processing.vocabulary import Vocabulary
from train.data.study import StudyRow

MAX_LENGTH = 60
"""Ids of an IU X-Ray reference, beginning and end included (100 on MIMIC-CXR)."""
_KEPT = "\0"


def protocol_references(
    rows: Iterable[StudyRow], vocabulary: Vocabulary, max_length: int = MAX_LENGTH
) -> list[str]:
    """References as the R2Gen protocol scores them: cleaned, encoded, cut and decoded.

    vocabulary: built from the train reports (threshold 3 on IU X-Ray); other words become "<unk>".
    max_length: ids with beginning and end, so that at most max_length - 1 words remain.
    Scores are higher than against the reports as written, and the same for all papers of this line.
    """
    return [vocabulary.decode(vocabulary.encode(row.report, max_length=max_length)) for row in rows]


def protocol_hypothesis(report: str) -> str:
    """A report from anywhere as hypothesis: cleaned like a reference, not cut, "<unk>" kept as one word."""
    cleaned = clean(report.replace(UNKNOWN_WORD, _KEPT)).replace(_KEPT, UNKNOWN_WORD)
    return " ".join(cleaned.split())

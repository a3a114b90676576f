"""What a reader may answer, in words that stay in the file: keys, choices and their titles for the page."""

from dataclasses import dataclass

CATEGORIES = {
    "false_finding": "False prediction of finding",
    "omission": "Omission of finding",
    "wrong_location": "Incorrect location or position of finding",
    "wrong_severity": "Incorrect severity of finding",
    "false_comparison": "Mention of a comparison that is not in the reference",
    "missing_comparison": "Omission of a comparison that describes a change from a previous study",
}
"""The six categories of ReXVal (Yu et al., Patterns 2023)."""
WITHOUT_SPAN = frozenset({"omission", "missing_comparison"})
SIGNIFICANT = "A clinically significant error is one that likely affects treatment, management, or outcomes."
"""The definition of CheXprompt, to be shown beside the question."""
ACCEPTABILITY = {
    5: "Acceptable, no changes",
    4: "Minor changes",
    3: "Moderate changes",
    2: "Unacceptable, significant changes",
    1: "Unusable",
}
SEVERITY = ("No error", "Not actionable", "Actionable nonurgent error", "Urgent error", "Emergent error")
"""ReFiSco's five degrees, 0 to 4."""
RADPEER = ("1", "2a", "2b", "3a", "3b")
EQUIVALENT, BOTH_UNACCEPTABLE = "equivalent", "both_unacceptable"
SUPPORT = ("yes", "partly", "no", "cannot_judge")


@dataclass(frozen=True)
class ReportError:
    """An error in a report; start and end are characters of the shown text, None where it has a gap."""

    category: str
    significant: bool
    start: int | None
    end: int | None
    quote: str | None
    replacement: str
    severity: int | None
    anatomy: str
    note: str


@dataclass(frozen=True)
class ReportRating:
    """What a reader says of one report.

    edited_*: distances in characters and words from the shown to the edited text, None without an edit.
    """

    errors: tuple[ReportError, ...]
    no_errors: bool
    acceptability: int | None
    hallucination: bool | None
    clarity: int | None
    radpeer: str | None
    edited_report: str | None
    edited_characters: int | None
    edited_words: int | None
    edit_seconds: float


@dataclass(frozen=True)
class ExplanationRating:
    """Whether the region shown for report[start:end] supports it; box: (x0, y0, x1, y1) in original pixels
    of picture number `view`, None where the reader drew none."""

    letter: str
    start: int
    end: int
    quote: str
    support: str
    view: int
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class PictureRating:
    """What a reader says of one synthetic radiograph, each from 1 to 5, and findings missing or added."""

    realism: int
    agreement: int
    missing: str
    added: str


@dataclass(frozen=True)
class Answers:
    """A whole submission. preference: a letter, EQUIVALENT or BOTH_UNACCEPTABLE (two reports);
    ranking: {letter: rank}, 1 best, ties allowed (more than two). strength: -3 (first) to 3 (last letter)."""

    image_quality_sufficient: bool | None
    confidence: int | None
    reports: dict[str, ReportRating]
    preference: str | None
    strength: int | None
    ranking: dict[str, int] | None
    reason: str
    explanations: tuple[ExplanationRating, ...]
    pictures: dict[str, PictureRating]

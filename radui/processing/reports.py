"""Report text: the R2Gen protocol's cleaning, sentences and words with offsets, and back to readable text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

REDACTION_MARK = "[redacted]"
UNKNOWN_MARK = "[unknown]"
UNKNOWN_WORD = "<unk>"
REDACTED_WORD = "xxxx"

# The protocol's class of deleted characters holds an unescaped range from ":" to "[". So ";<=>?@[" and
# capitals go while the hyphen, which looks as if it were listed, stays: "air-space" is one word. The
# published vocabulary (760 types) and scores rest on this.
_DELETED = str.maketrans("", "", "".join(map(chr, range(ord(":"), ord("[") + 1))) + "\"'/\\.,*!%^&_+()]{}")
_REPEATED_STOPS = re.compile(r"\.{2,}")

# Looked for just before a stop: a title with initials, a Latin abbreviation; or a time of day, which ends
# a sentence unless a small letter follows.
_ABBREVIATION = re.compile(
    r"\b(?:(?:dr|mr|mrs|ms|prof)(?:\.\s{1,2}[a-z])*|e\.g|i\.e|vs|cf|approx)\.\Z", re.IGNORECASE
)
_BEFORE_SMALL_LETTER = re.compile(r"\b(?:[ap]\.m|etc)\.\Z", re.IGNORECASE)
_SMALL_LETTER = re.compile(r"\s+[a-z]")
_ABBREVIATION_LENGTH = 16
_END = re.compile(r"(?<![.!?])[.!?]++[\"')\]]*+(?=\s|$|[A-Z])|\n\s*\n")
_LIST_NUMBER = re.compile(r"\s*\(?\d{1,2}[.)]+")
_WORD = re.compile(
    r"<unk>|\[redacted\]|\[unknown\]|(?:[A-Za-z]\.){2,}|\d+(?:[.,/]\d+)+|[^\W_]+(?:[-'’][^\W_]+)*"
)
_HAS_WORD = re.compile(r"[^\W_]")

_ACRONYMS = frozenset(
    {"ap", "pa", "ct", "mri", "picc", "svc", "ivc", "cabg", "copd", "chf", "icd", "aicd", "ecg", "ekg", "tb"}
)
_VERTEBRA = re.compile(r"[ctl]\d{1,2}(?:-[ctl]?\d{1,2})?")


@dataclass(frozen=True)
class Span:
    """A piece of a report: report[start:end] == text, offsets in characters."""

    text: str
    start: int
    end: int


def clean(report: str) -> str:
    """The report as the R2Gen protocol sees it: lower case, sentences joined with " . ", ends with " .".

    Both quirks of the protocol are kept, since published scores depend on them: the hyphen stays,
    and empty sentences survive as double stops. Line breaks count as spaces, so reports with wrapped
    lines (MIMIC-CXR) go through the same function. An empty report becomes " .".
    """
    report = " ".join(report.split())
    sentences = _drop_list_numbers(_REPEATED_STOPS.sub(".", report)).strip().lower().split(". ")
    return " . ".join(sentence.strip().translate(_DELETED) for sentence in sentences) + " ."


def _drop_list_numbers(report: str) -> str:
    report = report.replace("1. ", "")
    for before in (". ", " "):
        for number in "2345":
            report = report.replace(f"{before}{number}. ", ". ")
    return report


def sentences(report: str) -> list[Span]:
    """Sentences of a raw, cleaned or displayed report in order, each with its closing stop.

    A stop inside a decimal, after a title or an abbreviation, or after a list number does not end a
    sentence; an empty line does. Pieces without any letter or digit are left out.
    """
    spans = (_trimmed(report, start, end) for start, end in _sentence_bounds(report))
    return [span for span in spans if _HAS_WORD.search(span.text)]


def _sentence_bounds(report: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _END.finditer(report):
        if not _inside_sentence(report, start, match.end()):
            yield start, match.end()
            start = match.end()
    yield start, len(report)


def _inside_sentence(report: str, start: int, end: int) -> bool:
    """Whether the stop before `end` belongs to a list number at `start` or to an abbreviation."""
    if _LIST_NUMBER.fullmatch(report, start, end):
        return True
    before = report[max(start, end - _ABBREVIATION_LENGTH) : end]
    if _ABBREVIATION.search(before):
        return True
    return bool(_BEFORE_SMALL_LETTER.search(before) and _SMALL_LETTER.match(report, end))


def words(report: str) -> list[Span]:
    """Words of a report in order, without punctuation; "2.5", "air-space" and "e.g." are one word each."""
    return [Span(match.group(), *match.span()) for match in _WORD.finditer(report)]


def _trimmed(report: str, start: int, end: int) -> Span:
    piece = report[start:end]
    text = piece.strip()
    start += len(piece) - len(piece.lstrip())
    return Span(text, start, start + len(text))


def display(cleaned: str) -> str:
    """A cleaned or generated report as people read it: sentence case, no space before a stop."""
    return assemble(cleaned.split())[0]


def assemble(words: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The display report of generated words, and for each word its (start, end) in that report.

    A word's look depends only on the words before it, so the report of the first n words is a prefix
    of the report of n + 1: what has been streamed never changes. "xxxx", the archive's mark for
    removed text, is shown as "[redacted]", and a word outside the vocabulary as "[unknown]".
    """
    report, offsets, sentence_start = "", [], True
    for word in words:
        text = _shown(word, sentence_start)
        separator = "" if word == "." or not report else " "
        start = len(report) + len(separator)
        report += separator + text
        offsets.append((start, len(report)))
        sentence_start = word == "."
    return report, offsets


def _shown(word: str, sentence_start: bool) -> str:
    if word == REDACTED_WORD:
        return REDACTION_MARK
    if word == UNKNOWN_WORD:
        return UNKNOWN_MARK
    if word in _ACRONYMS or _VERTEBRA.fullmatch(word):
        return word.upper()
    return word[:1].upper() + word[1:] if sentence_start else word

"""Texts without what tells one system from another: case, spacing, layout, marks, the system's own name.

A lower-case report beside one in sentence case names its author to every reader (the trap that the chat
arenas met first). All candidates of a blinded case therefore go through `normalise`, the reference too.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

REDACTED = "[redacted]"
_ROUNDS = 10

_ACRONYMS = ("AP", "PA", "CT", "MRI", "PICC", "SVC", "IVC", "CABG", "COPD", "CHF", "ICD", "ECG", "EKG", "TB")
_ACRONYM = re.compile(rf"\b(?:{'|'.join(_ACRONYMS)}|[ctl]\d{{1,2}}(?:-[ctl]?\d{{1,2}})?)\b", re.IGNORECASE)
_HEADER = re.compile(
    r"(?:^|(?<=[.!?\n]))[ \t]*(?:final |chest |radiology |x-ray )*"
    r"(?:findings?|impressions?|reports?|conclusions?|comparisons?"
    r"|techniques?|indications?|examinations?|history|opinion|summary)[ \t]*:[ \t]*",
    re.IGNORECASE,
)
_BULLET = re.compile(r"(?:(?:^|(?<=\n))[ \t]*|(?<=[.!?] ))(?:[-*•]+|\(?\d{1,2}[.)])[ \t]+")
# A line is a sentence where an empty line or a list item follows; other line breaks only wrap.
_LINE_END = re.compile(r"(?<=[^\s.!?:])[ \t]*\n(?=[ \t]*(?:\n|(?:[-*•]+|\(?\d{1,2}[.)])[ \t]))")
_MARKUP = re.compile(r"\*\*|__(?!_)|^#+ ?|`", re.MULTILINE)
_MARK = re.compile(r"\[redacted\]|\[unknown\]|<unk>|\bx{3,}\b|_{3,}", re.IGNORECASE)
_SENTENCE_START = re.compile(r"(?:^|(?<=[.!?] ))[^\w\[]*([a-z])")
_QUOTES = str.maketrans("“”„‘’–—\u2011", '"""\'\'---')


@dataclass(frozen=True)
class BlindText:
    """A report as readers see it; changes: names of the steps that altered it, in their order."""

    text: str
    changes: tuple[str, ...]


def normalise(report: str, names: Sequence[str] = ()) -> BlindText:
    """The report as one paragraph in sentence case; what is normal already comes back unchanged.

    names: of systems, taken out wherever they stand as a word.
    """
    steps: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("system names", lambda text: _without(text, names)),
        ("redaction marks", lambda text: _MARK.sub(REDACTED, text)),
        ("markup", lambda text: _MARKUP.sub("", text)),
        ("section headers", _without_headers),
        ("list marks", lambda text: _BULLET.sub("", _LINE_END.sub(".\n", text))),
        ("punctuation", _punctuated),
        ("letter case", _sentence_case),
    )
    changes: dict[str, None] = {}
    # One step may uncover what another takes out, as a bullet behind a header.
    for _ in range(_ROUNDS):
        before = report
        for name, step in steps:
            changed = step(report)
            if changed != report:
                changes[name] = None
            report = changed
        if report == before:
            break
    return BlindText(report, tuple(changes))


def leaks(text: str, names: Sequence[str]) -> tuple[str, ...]:
    """Which of the names stand in a text, letter case and separators apart."""
    return tuple(name for name in names if _name(name).search(text))


def _name(name: str) -> re.Pattern[str]:
    pattern = r"[\s_-]*".join(re.escape(part) for part in re.split(r"[\s_-]+", name) if part)
    return re.compile(rf"(?<![^\W_]){pattern}(?![^\W_])", re.IGNORECASE)


def _without(text: str, names: Sequence[str]) -> str:
    for name in sorted(names, key=len, reverse=True):
        text = _name(name).sub(REDACTED, text)
    return text


def _without_headers(text: str) -> str:
    # A header may follow a header ("REPORT: FINDINGS:").
    while (shorter := _HEADER.sub(" ", text)) != text:
        text = shorter
    return text


def _punctuated(text: str) -> str:
    text = " ".join(text.translate(_QUOTES).split())
    text = re.sub(r"\s+([.,;:!?])", r"\1", text)
    text = re.sub(r"\.{2,}", ".", text).lstrip(".,;: ")
    return text + "." if text and text[-1] not in ".!?" else text


def _sentence_case(text: str) -> str:
    text = _ACRONYM.sub(lambda match: match.group().upper(), text.lower())
    return _SENTENCE_START.sub(lambda match: match.group()[:-1] + match.group(1).upper(), text)

"""Entities of a report in AdaMatch's four groups (section 3.2.1), found by a list of terms."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from radui.processing.entity_lexicon import LEXICON

GROUPS = ("biological structure", "detailed description", "disease disorder", "sign symptom")


@dataclass(frozen=True)
class Entity:
    """A term of a report: report[start:end].lower() is its text, up to a plural's s and white space."""

    text: str
    group: str
    start: int
    end: int


Recogniser = Callable[[Sequence[str]], list[list[Entity]]]
"""From reports to the entities of each, in order."""


def find_entities(report: str) -> list[Entity]:
    """The terms of a report, the longest where several begin at the same word; none inside another."""
    found = []
    for match in _pattern().finditer(report.lower()):
        text = re.sub(r"\s+", " ", match.group(1))
        found.append(Entity(text, _groups()[text], match.start(), match.end()))
    return found


def recognise(reports: Sequence[str]) -> list[list[Entity]]:
    """`find_entities` of each report; a `Recogniser`."""
    return [find_entities(report) for report in reports]


@cache
def _groups() -> dict[str, str]:
    return {term: group for group in GROUPS for term in LEXICON[group]}


@cache
def _pattern() -> re.Pattern[str]:
    terms = sorted(_groups(), key=len, reverse=True)
    options = "|".join(re.escape(term).replace(r"\ ", r"\s+") for term in terms)
    # A hyphen joins: the "left" of "left-sided" is no term of its own.
    return re.compile(rf"(?<![\w-])({options})(?:e?s)?(?![\w-])")

"""What a report says, tied to its words: its sentences, and the observations that it mentions."""

from collections.abc import Sequence
from dataclasses import dataclass

from radui.observations import NO_FINDING, OBSERVATIONS, State
from radui.processing.labeler import Mention, label, mentions
from radui.processing.reports import Span, sentences
from radui.records import Token


@dataclass(frozen=True)
class Sentence:
    """A sentence: report[start:end], the indices of its tokens, and what it says of which observations."""

    start: int
    end: int
    tokens: tuple[int, ...]
    states: dict[str, State]


@dataclass(frozen=True)
class Statement:
    """What the whole report says of one observation, and the tokens of all its mentions."""

    observation: str
    state: State
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Reading:
    """Sentences in the order of the text; statements in canonical order, the unmentioned left out."""

    sentences: tuple[Sentence, ...]
    statements: tuple[Statement, ...]


def read_report(report: str, tokens: Sequence[Token]) -> Reading:
    """Read a report with the rule labeler.

    "No Finding" has no words of its own: it is stated where the report makes it so, with no tokens.
    """
    found = mentions(report)
    spans = sentences(report)
    said = label(report)
    return Reading(
        tuple(_sentence(span, index, tokens, found) for index, span in enumerate(spans)),
        tuple(
            Statement(name, said[name], _mention_tokens(name, tokens, found))
            for name in OBSERVATIONS
            if said[name] is not State.UNMENTIONED and (name != NO_FINDING or report.strip())
        ),
    )


def covered(start: int, end: int, tokens: Sequence[Token]) -> tuple[int, ...]:
    """Indices of the tokens that share a character with report[start:end]."""
    return tuple(index for index, token in enumerate(tokens) if token.start < end and token.end > start)


def _sentence(span: Span, index: int, tokens: Sequence[Token], found: Sequence[Mention]) -> Sentence:
    states: dict[str, State] = {}
    for mention in found:
        if mention.sentence == index:
            states[mention.observation] = _heavier(mention.state, states.get(mention.observation))
    return Sentence(span.start, span.end, covered(span.start, span.end, tokens), states)


def _heavier(state: State, other: State | None) -> State:
    """Positive outweighs uncertain outweighs negative, as in the labeler."""
    order = (State.POSITIVE, State.UNCERTAIN, State.NEGATIVE)
    return state if other is None else min(state, other, key=order.index)


def _mention_tokens(name: str, tokens: Sequence[Token], found: Sequence[Mention]) -> tuple[int, ...]:
    spans = [(mention.start, mention.end) for mention in found if mention.observation == name]
    return tuple(sorted({index for start, end in spans for index in covered(start, end, tokens)}))

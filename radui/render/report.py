"""Predictions -> the HTML of a report card: words and sentences that can be chosen, and what they state."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from html import escape

from radui.explain.reading import Reading, Sentence, Statement, read_report
from radui.observations import OBSERVATION_INDEX, STATE_NAMES, State
from radui.processing.reports import sentences
from radui.records import Finding, Prediction, Token
from radui.render.evidence import has_maps

SIGNS = {State.POSITIVE: "+", State.NEGATIVE: "−", State.UNCERTAIN: "?", State.UNMENTIONED: "·"}
# What a reader looks for first stands first.
_BY_INTEREST = (State.POSITIVE, State.UNCERTAIN, State.NEGATIVE)
_PRESENT = (State.POSITIVE, State.UNCERTAIN)


class Phase(StrEnum):
    """Where a system stands with its report."""

    IDLE = "idle"
    WAITING = "waiting"
    WRITING = "writing"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


def card_html(title: str, phase: Phase, prediction: Prediction | None = None, problem: str = "") -> str:
    """Return one system's card; its parts keep their places from the first word to the last finding."""
    done = prediction if prediction and phase is Phase.DONE else None
    statements = reading(done.report, done.tokens).statements if done else ()
    progress = _phase_text(phase, prediction)
    return (
        f'<article class="rd-card" data-phase="{phase}" aria-label="{escape(title)}">'
        f"<header><h3>{escape(title)}</h3>{_card_button(title)}"
        f'<span class="rd-phase">{progress}</span></header>'
        f'<div class="rd-report">{_report_html(title, phase, prediction, problem)}</div>'
        f'<p class="rd-stance" aria-live="polite">{_note(done)}</p>'
        f"{statements_html(statements, done.findings if done else ())}</article>"
    )


def _card_button(title: str) -> str:
    hint = f"Model card of {escape(title)}: training, scores, where it fails"
    return f'<button type="button" data-model-card="{escape(title)}" title="{hint}">Card</button>'


@lru_cache(maxsize=256)
def reading(report: str, tokens: tuple[Token, ...]) -> Reading:
    """Return what a complete report says; the same report is shown many times."""
    return read_report(report, tokens)


def words_html(report: str, tokens: Sequence[Token], clickable: bool, start: int = 0, end: int = -1) -> str:
    """Return report[start:end] with a span round each token; clickable ones can be reached by the keyboard.

    One word is in the tab order, the arrow keys move between words (roving tabindex).
    """
    end = len(report) if end < 0 else end
    parts: list[str] = []
    position = start
    for index, token in enumerate(tokens):
        if start <= token.start < end:
            parts.append(escape(report[position : token.start]))
            parts.append(_word_html(index, token, clickable))
            position = token.end
    parts.append(escape(report[position : max(position, end)]))
    return "".join(parts)


def statements_html(statements: Iterable[Statement], findings: Sequence[Finding]) -> str:
    """Return what the report states, present before absent, each with the classifier's probability."""
    by_name = {finding.observation: finding for finding in findings}
    ordered = sorted(statements, key=lambda one: _BY_INTEREST.index(one.state))
    chips = "".join(f"<li>{_chip_html(one, by_name.get(one.observation))}</li>" for one in ordered)
    return f'<ul class="rd-stated" aria-label="What the report states">{chips}</ul>'


def _chip_html(statement: Statement, finding: Finding | None) -> str:
    name, state = statement.observation, STATE_NAMES[statement.state]
    number, hint = "", f"{name}: {state} in the report"
    if finding is not None:
        apart = (finding.state in _PRESENT) != (statement.state in _PRESENT)
        number = f'<b data-apart="{str(apart).lower()}">{finding.positive:.2f}</b>'
        hint += f"; the classifier says {STATE_NAMES[finding.state]}, present with {finding.positive:.2f}"
    return (
        f'<button type="button" class="rd-chip" data-state="{state}" title="{hint}" aria-label="{hint}" '
        f'data-observation="{OBSERVATION_INDEX[name]}" data-tokens="{_numbers(statement.tokens)}">'
        f"<i>{SIGNS[statement.state]}</i><span>{name}</span>{number}</button>"
    )


def _word_html(index: int, token: Token, clickable: bool) -> str:
    unsure = " rd-unsure" if token.probability < 0.5 else ""
    role = f' role="button" aria-pressed="false" tabindex="{-1 if index else 0}"' if clickable else ""
    hint = f"probability {token.probability:.2f}"
    return (
        f'<span class="rd-word{unsure}" data-token="{index}" title="{hint}"{role}>{escape(token.text)}</span>'
    )


def _report_html(title: str, phase: Phase, prediction: Prediction | None, problem: str) -> str:
    if phase is Phase.FAILED:
        return f'<p class="rd-problem" role="alert">{escape(problem)}</p>'
    if prediction is None or not prediction.report:
        return f'<p class="rd-empty">{_empty_text(phase)}</p>'
    text = _done_html(prediction) if phase is Phase.DONE else _partial_html(prediction.report)
    return f'<p class="rd-text" role="group" aria-label="Report of {escape(title)}">{text}</p>'


def _done_html(prediction: Prediction) -> str:
    parts, position = [], 0
    clickable = has_maps(prediction.evidence)
    for number, sentence in enumerate(reading(prediction.report, prediction.tokens).sentences, 1):
        parts.append(escape(prediction.report[position : sentence.start]))
        words = words_html(
            prediction.report, prediction.tokens, clickable, start=sentence.start, end=sentence.end
        )
        parts.append(_sentence_html(number, sentence, words))
        position = sentence.end
    return "".join(parts) + escape(prediction.report[position:])


def _partial_html(report: str) -> str:
    """Return what was written so far, numbers in place already, so that no line breaks anew at the end."""
    parts, position = [], 0
    for number, span in enumerate(sentences(report), 1):
        parts.append(escape(report[position : span.start]))
        words = " ".join(f'<span class="rd-word">{escape(word)}</span>' for word in span.text.split(" "))
        mark = f'<span class="rd-mark" data-number="{number}"></span>'
        parts.append(f'<span class="rd-sentence">{mark}{words}</span>')
        position = span.end
    return "".join(parts) + escape(report[position:])


def _sentence_html(number: int, sentence: Sentence, words: str) -> str:
    """Return a sentence after the button that chooses it; the style sheet draws its number.

    The button is a span: no line breaks between it and the first word.
    """
    said = ", ".join(f"{name} {STATE_NAMES[state]}" for name, state in sentence.states.items())
    hint = f"Sentence {number}: {said or 'none of the 14 observations'}"
    about = f'data-observations="{_numbers(OBSERVATION_INDEX[name] for name in sentence.states)}"'
    return (
        f'<span class="rd-sentence" {about}>'
        f'<span role="button" tabindex="0" class="rd-mark" data-number="{number}" title="{hint}" '
        f'aria-label="{hint}" {about} data-tokens="{_numbers(sentence.tokens)}"></span>{words}</span>'
    )


def _note(done: Prediction | None) -> str:
    return "It keeps no map of its words." if done and not has_maps(done.evidence) else ""


def _numbers(values: Iterable[int]) -> str:
    return " ".join(map(str, values))


def _phase_text(phase: Phase, prediction: Prediction | None) -> str:
    seconds = f"{prediction.seconds:.1f} s" if prediction and prediction.seconds else ""
    if phase is Phase.DONE:
        return seconds
    words = {
        Phase.IDLE: "",
        Phase.WAITING: "waiting",
        Phase.WRITING: "writing",
        Phase.STOPPED: "stopped",
        Phase.FAILED: "failed",
    }[phase]
    return f"{words} {seconds}".strip()


def _empty_text(phase: Phase) -> str:
    if phase is Phase.IDLE:
        return "Choose a radiograph and press Run."
    return "Stopped before the first word." if phase is Phase.STOPPED else "Reading the radiograph…"

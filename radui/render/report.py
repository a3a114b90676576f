"""Predictions -> the HTML of a report card: words that can be clicked, findings with their bars."""

from collections.abc import Sequence
from enum import StrEnum
from html import escape

from radui.observations import OBSERVATIONS, STATE_NAMES
from radui.records import Finding, Prediction, Token

_SIGNS = {"positive": "+", "negative": "−", "uncertain": "?", "unmentioned": "·"}


class Phase(StrEnum):
    """Where a system stands with its report."""

    IDLE = "idle"
    WAITING = "waiting"
    WRITING = "writing"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


def card_html(title: str, phase: Phase, prediction: Prediction | None = None, problem: str = "") -> str:
    """Return one system's card; it keeps its height from the first word to the last finding."""
    report = _report_html(title, phase, prediction, problem)
    findings = findings_html(prediction.findings if prediction else ())
    progress = _phase_text(phase, prediction)
    return (
        f'<article class="rd-card" data-phase="{phase}" aria-label="{escape(title)}">'
        f'<header><h3>{escape(title)}</h3><span class="rd-phase">{progress}</span></header>'
        f'<div class="rd-card-body"><div class="rd-report">{report}</div>{findings}</div></article>'
    )


def words_html(report: str, tokens: Sequence[Token], clickable: bool) -> str:
    """Return the report with a span round each token; clickable ones can be reached by the keyboard.

    One word is in the tab order, the arrow keys move between words (roving tabindex).
    """
    parts: list[str] = []
    position = 0
    for index, token in enumerate(tokens):
        parts.append(escape(report[position : token.start]))
        parts.append(_word_html(index, token, clickable))
        position = token.end
    parts.append(escape(report[position:]))
    return "".join(parts)


def findings_html(findings: Sequence[Finding]) -> str:
    """Return the 14 observations in canonical order with the probability that each is present."""
    by_name = {finding.observation: finding for finding in findings}
    rows = "".join(_finding_html(name, by_name.get(name)) for name in OBSERVATIONS)
    return f'<ul class="rd-findings" aria-label="Findings">{rows}</ul>'


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
    maps = prediction.evidence.word_maps is not None
    words = words_html(prediction.report, prediction.tokens, clickable=maps)
    note = "" if maps or phase is not Phase.DONE else '<p class="rd-empty">It keeps no map of its words.</p>'
    return f'<p class="rd-text" role="group" aria-label="Report of {escape(title)}">{words}</p>{note}'


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


def _finding_html(name: str, finding: Finding | None) -> str:
    state = "none" if finding is None else STATE_NAMES[finding.state]
    percent = 0.0 if finding is None else 100 * finding.positive
    number = "–" if finding is None else f"{finding.positive:.2f}"
    word = "" if finding is None else state
    return (
        f'<li class="rd-finding" data-state="{state}">'
        f'<span class="rd-sign" aria-hidden="true">{_SIGNS.get(state, "")}</span>'
        f'<span class="rd-name">{name}</span>'
        f'<span class="rd-bar" aria-hidden="true"><i style="width:{percent:.1f}%"></i></span>'
        f'<span class="rd-number">{number}</span><span class="rd-state">{word}</span></li>'
    )

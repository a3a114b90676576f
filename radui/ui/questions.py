"""The sentences that the page says to its user, made from what the engine found."""

import re
from collections.abc import Sequence
from html import escape

from radui.observations import State
from radui.records import AdaptivePatches, Evidence, Finding, GateVerdict, SystemStatus

RESEARCH_NOTICE = "Research use only, not for diagnosis"


def gate_question(verdicts: Sequence[GateVerdict]) -> str:
    """Return the question to ask before a report, empty when every view passed."""
    doubtful = [(index, verdict) for index, verdict in enumerate(verdicts) if not verdict.passed]
    if not doubtful:
        return ""
    if len(doubtful) == len(verdicts) > 1:
        chances = " and ".join(f"{verdict.chest:.2f}" for _, verdict in doubtful)
        return f"These do not look like chest radiographs (probabilities {chances}). Report anyway?"
    index, verdict = doubtful[0]
    subject = "This" if len(verdicts) == 1 else f"The {('first', 'second')[index]} picture"
    return (
        f"{subject} does not look like a chest radiograph (probability {verdict.chest:.2f}). Report anyway?"
    )


def predicted_labels(findings: Sequence[Finding]) -> list[str]:
    """Return the observations that the classifier calls positive or uncertain."""
    return [finding.observation for finding in findings if finding.state in (State.POSITIVE, State.UNCERTAIN)]


def label_choices(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return (text with the probability, observation) for the tick boxes."""
    return [(f"{finding.observation}  {finding.positive:.2f}", finding.observation) for finding in findings]


def runnable(statuses: Sequence[SystemStatus]) -> list[tuple[str, str]]:
    """Return (title, name) of the systems that can run, for the tick boxes."""
    return [(status.title, status.name) for status in statuses if status.problem is None]


def untrained_html(statuses: Sequence[SystemStatus]) -> str:
    """Return the systems that cannot run, greyed; opened, each says in a sentence what to do."""
    rows = "".join(
        f'<details><summary><input type="checkbox" disabled aria-label="{escape(status.title)}">'
        f"<span>{escape(status.title)}</span><em>{_verdict(status.problem)}</em></summary>"
        f"<p>{with_code(status.problem)}</p></details>"
        for status in statuses
        if status.problem is not None
    )
    group = '<div class="rd-untrained" role="group" aria-label="Systems that cannot run">'
    return f"{group}{rows}</div>" if rows else ""


def evidence_html(evidence: Evidence) -> str:
    """Return what a system's evidence has and has not, by its parts."""
    rows = "".join(
        f'<li data-has="{str(bool(text)).lower()}"><b aria-hidden="true">{"✓" if text else "–"}</b>'
        f"<span>{name}<small>{text or 'not kept by this system'}</small></span></li>"
        for name, text in _evidence_parts(evidence)
    )
    return f'<p class="rd-label">Its evidence</p><ul class="rd-has">{rows}</ul>'


def _evidence_parts(evidence: Evidence) -> list[tuple[str, str]]:
    maps, pooling, prototypes = evidence.word_maps, evidence.pooling, evidence.prototypes
    plan, patches = evidence.transport, evidence.patches
    return [
        (
            "Attention of each word",
            f"{maps.weights.shape[1]} layers, {maps.weights.shape[2]} heads" if maps else "",
        ),
        ("Adaptive patches", _patches_text(patches) if patches else ""),
        ("Transport plan", f"{len(plan.labels)} observations, ε {plan.epsilon:g}" if plan else ""),
        ("Pooling of the patches", "one map a report" if pooling else ""),
        ("Prototypes", f"{len(prototypes.labels)} observations visible" if prototypes else ""),
    ]


def _patches_text(patches: AdaptivePatches) -> str:
    """How many there are, and the keywords that they chose, the best first."""
    words = ", ".join(escape(keyword.text) for keyword in patches.keywords)
    return f"{len(patches.boxes)} boxes" + (f"; keywords of the pictures: {words}" if words else "")


def _verdict(problem: str) -> str:
    return "not trained" if problem.lower().startswith("not trained") else "not available"


def with_code(sentence: str) -> str:
    """Escape a sentence and set its `commands` in code type."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(sentence))

"""What changes on the Compare tab at each step: {component: its new value}."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import gradio as gr

from radui.records import Finding, SystemStatus
from radui.render.exports import Case
from radui.render.matrix import matrix_html
from radui.render.report import Phase
from radui.render.scores import scores_html
from radui.ui.compare_layout import CompareLayout
from radui.ui.history import history_html
from radui.ui.questions import gate_question, label_choices, predicted_labels, runnable, untrained_html
from radui.ui.report_card import card_value, update_value
from radui.ui.sessions import Run, Session
from radui.ui.streams import Update
from radui.ui.studies import Assessment, LoadedStudy
from radui.ui.viewer import captions_value, viewer_value

Changes = dict[Any, Any]


def systems(
    page: CompareLayout, statuses: Sequence[SystemStatus], chosen: Sequence[str] | None = None
) -> Changes:
    """Offer the systems that can run, all ticked unless some are `chosen`, and list the others."""
    choices = runnable(statuses)
    names = list(chosen) if chosen else [name for _, name in choices]
    return {
        page.systems: gr.update(choices=choices, value=names),
        page.untrained: untrained_html(statuses),
        **visible_cards(page, names),
    }


def visible_cards(page: CompareLayout, names: Sequence[str]) -> Changes:
    """Show the cards of these systems only."""
    return {card: gr.update(visible=name in names) for name, card in page.cards.items()}


def loaded(page: CompareLayout, session: Session, study: LoadedStudy) -> Changes:
    """Show a study that was just loaded or brought back, with the reports that it has."""
    return {
        **no_study(page, session),
        page.viewer: viewer_value(study.name, study.study),
        **buttons(page, running=False),
        **cards(page, session.run.finished),
    }


def no_study(page: CompareLayout, session: Session) -> Changes:
    """Empty the tab but for its history."""
    return {
        page.files: None,
        page.viewer: None,
        page.notice: "",
        page.question: gr.update(visible=False),
        page.labels: gr.update(choices=[], value=[]),
        page.run: gr.update(interactive=True),
        page.cancel: gr.update(interactive=False),
        page.regenerate: gr.update(interactive=False),
        page.progress: "",
        page.history: history_html(session.past),
        **tables(page, session),
        **_idle_cards(page),
    }


def tables(page: CompareLayout, session: Session) -> Changes:
    """Show what each report states, its scores if there is a reference, and whether there is one to rate."""
    names = list(session.run.latest) or page.runnable
    reports = session.run.reports
    texts = {page.titles[name]: reports[name].report if name in reports else None for name in names}
    findings = session.loaded.findings if session.loaded else ()
    found = case(page, session)
    return {
        page.matrix: matrix_html(texts, findings, session.reference),
        page.scores: scores_html(found.scores(), found.corpus) if found else "",
        page.rate: gr.update(interactive=found is not None),
    }


def case(page: CompareLayout, session: Session) -> Case | None:
    """Return what there is to save of the tab; None before the first complete report."""
    if session.loaded is None or not session.run.reports:
        return None
    predictions = {page.titles[name]: one for name, one in session.run.reports.items()}
    study = session.loaded.indicated(session.indication)
    loaded = session.loaded
    return Case(study, predictions, loaded.findings, session.reference, loaded.verdicts, corpus=page.corpus)


def assessed(page: CompareLayout, session: Session, study: LoadedStudy, assessment: Assessment) -> Changes:
    """Show what gate and classifier say: captions, ticked observations, and the question if there is one."""
    findings = assessment.findings
    return {
        **tables(page, session),
        page.viewer: gr.update(captions=captions_value(study.name, study.study, assessment.verdicts)),
        **_ticks(page, session, findings),
        **question(page, study, assessment),
    }


def _ticks(page: CompareLayout, session: Session, findings: Sequence[Finding]) -> Changes:
    """Tick what the classifier sees, or once, for the first study, what the link asked for."""
    shared, session.shared_labels = session.shared_labels, None
    source = "the link" if shared else "the classifier"
    ticks = gr.update(
        choices=label_choices(findings),
        value=list(shared) if shared else predicted_labels(findings),
        label=f"Ticked by {source}",
    )
    return {page.labels: ticks, **({page.conditions: gr.update(open=True)} if shared else {})}


def question(page: CompareLayout, study: LoadedStudy, assessment: Assessment) -> Changes:
    """Ask before a report of what does not look like a chest radiograph; nothing where all is well."""
    text = "" if study.accepted else gate_question(assessment.verdicts)
    return {page.question: gr.update(visible=True), page.question_text: text} if text else {}


def waiting(page: CompareLayout, session: Session, names: Sequence[str]) -> Changes:
    """Show that the run has begun."""
    begun = {page.cards[name]: card_value(page.titles[name], Phase.WAITING) for name in names}
    return {
        **buttons(page, running=True),
        page.notice: "",
        page.question: gr.update(visible=False),
        page.progress: "",
        **tables(page, session),
        **begun,
    }


def no_reports(page: CompareLayout) -> Changes:
    """Take back what `waiting` showed."""
    return {**buttons(page, running=False), **_idle_cards(page)}


def written(page: CompareLayout, session: Session, run: Run, names: Iterable[str]) -> Changes:
    """Show the newest of these systems, and all that is small again.

    Of two updates that reach the browser within one frame it may apply the second alone: Cancel would
    stay off for the whole run, or a report unfinished. So the caller names a system twice.
    """
    updates = {name: update for name in names if (update := run.latest[name])}
    return {
        **buttons(page, running=bool(run.unfinished)),
        **cards(page, updates),
        **tables(page, session),
        page.progress: _progress(page, run),
    }


def cards(page: CompareLayout, updates: Mapping[str, Update]) -> Changes:
    """Show these systems' cards."""
    return {page.cards[name]: _card(page, name, update) for name, update in updates.items()}


def stopped(page: CompareLayout, run: Run) -> Changes:
    """Show that the run was stopped, with what was written until then."""
    left = {
        page.cards[name]: _card(page, name, run.latest[name] or Update(name), Phase.STOPPED)
        for name in run.unfinished
    }
    finished = cards(page, run.finished)
    return {**buttons(page, running=False), **finished, **left, page.progress: "Stopped."}


def buttons(page: CompareLayout, running: bool) -> Changes:
    """Offer Run and Regenerate, or Cancel while a run is under way."""
    return {
        page.run: gr.update(interactive=not running),
        page.cancel: gr.update(interactive=running),
        page.regenerate: gr.update(interactive=not running),
    }


def _card(page: CompareLayout, name: str, update: Update, phase: Phase | None = None) -> dict[str, Any]:
    return update_value(page.titles[name], update, phase)


def _idle_cards(page: CompareLayout) -> Changes:
    return {card: card_value(page.titles[name], Phase.IDLE) for name, card in page.cards.items()}


def _progress(page: CompareLayout, run: Run) -> str:
    """Return what a screen reader says: which systems are ready and which failed."""
    parts = []
    for name, update in run.latest.items():
        if update is not None and update.finished:
            parts.append(f"{page.titles[name]}: {'failed' if update.problem else 'report ready'}.")
    return escape(" ".join(parts))

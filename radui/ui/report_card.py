"""The report card component: one system's words and findings, and the maps behind the words."""

from typing import Any

import gradio as gr

from radui.observations import OBSERVATIONS
from radui.records import Prediction
from radui.render.evidence import evidence_payload
from radui.render.report import Phase, card_html
from radui.ui.streams import Update


def build_card(system: str, title: str, viewer: str, visible: bool = True) -> gr.HTML:
    """Return an empty card whose words show their maps in the viewer of that name."""
    return gr.HTML(
        value=card_value(title, Phase.IDLE),
        html_template="${value.html}",
        js_on_load="radui.mountReport(element, props, watch)",
        apply_default_css=False,
        elem_id=f"card-{system}",
        elem_classes="rd-card-slot",
        visible=visible,
        viewer=viewer,
        observations=list(OBSERVATIONS),
    )


def update_value(title: str, update: Update, phase: Phase | None = None) -> dict[str, Any]:
    """Return what the card shows of the newest of a system; phase: instead of what the update says."""
    if phase is None:
        complete = update.prediction is not None and update.prediction.complete
        phase = Phase.FAILED if update.problem else Phase.DONE if complete else Phase.WRITING
    return card_value(title, phase, update.prediction, update.problem)


def card_value(
    title: str, phase: Phase, prediction: Prediction | None = None, problem: str = ""
) -> dict[str, Any]:
    """Return what the card shows: its HTML and, once the report is complete, the maps behind them."""
    complete = prediction is not None and prediction.complete
    return {
        "title": title,
        "html": card_html(title, phase, prediction, problem),
        "evidence": evidence_payload(prediction.evidence, prediction.tokens)
        if prediction and complete
        else [],
    }

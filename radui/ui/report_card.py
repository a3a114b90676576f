"""The report card component: one system's words and findings, and the maps behind the words."""

from typing import Any

import gradio as gr

from radui.observations import OBSERVATIONS
from radui.records import Prediction
from radui.render.evidence import evidence_payload
from radui.render.report import Phase, card_html


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

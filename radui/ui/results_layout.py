"""The components of the Results tab and where they stand; what they do is in `results`."""

import gradio as gr

from radui.store.adjudication import QUESTIONS
from radui.ui.downloads import build_download

DOWNLOADS = {
    "zip": "Everything (zip)",
    "csv": "Ratings (CSV)",
    "jsonl": "Ratings (JSONL)",
    "dpo": "Preference pairs for DPO (JSONL)",
    "figures": "Figures (PNG)",
}


class ResultsLayout:
    """Builds the tab inside the surrounding `gr.Blocks`; each component is an attribute."""

    def __init__(self) -> None:
        with gr.Row(elem_classes="rd-workbench"):
            with gr.Column(elem_classes="rd-rail"):
                self._build_choice()
            with gr.Column(elem_classes="rd-main"):
                self.notice = build_notice()
                self.shown = gr.HTML("", apply_default_css=False, elem_id="results")
                self._build_adjudication()
        self.download = build_download()

    def _build_choice(self) -> None:
        self.study = gr.Dropdown([], label="Reading study", elem_id="results-study")
        self.compute = gr.Button("Compute", variant="primary", elem_id="results-compute")
        self.toggle = gr.Button("Close the study", size="sm", interactive=False, elem_id="results-toggle")
        gr.HTML('<p class="rd-label">Download</p>', apply_default_css=False)
        self.downloads = {
            kind: gr.Button(title, size="sm", elem_id=f"download-{kind}") for kind, title in DOWNLOADS.items()
        }
        gr.HTML(
            '<p class="rd-small">Intervals are 95 %, from resampled cases (bootstrap). Repeated cases count '
            "for the agreement of a reader with itself only.</p>",
            apply_default_css=False,
        )

    def _build_adjudication(self) -> None:
        with gr.Accordion("Disagreements to adjudicate", open=False, visible=False) as self.disputes:
            self.dispute = gr.Dropdown([], label="Report on which readers differ", elem_id="dispute")
            self.opinions = gr.HTML("", apply_default_css=False, elem_id="opinions")
            self.decision = gr.Textbox(
                label="Decision", info=f"On its {' or its '.join(QUESTIONS)}.", elem_id="decision"
            )
            self.note = gr.Textbox(label="Why (optional)")
            self.decide = gr.Button("Record the decision", size="sm", elem_id="decide")


def build_notice() -> gr.HTML:
    """Return the line for what could not be done."""
    return gr.HTML(
        "",
        html_template='<div class="rd-notice" role="alert">${value}</div>',
        apply_default_css=False,
        elem_classes="rd-notice-slot",
    )

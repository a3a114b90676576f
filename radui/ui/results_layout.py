"""The components of the Results tab and where they stand; what they do is in `results`."""

import gradio as gr

from radui.ui.downloads import build_download

DOWNLOADS = {
    "zip": "Everything (zip)",
    "csv": "Ratings (CSV)",
    "jsonl": "Ratings (JSONL)",
    "dpo": "Preference pairs for DPO (JSONL)",
    "figures": "Figures (PNG)",
}
EMPTY = '<p class="rd-nothing-computed">Choose a reading study and press Compute.</p>'


class ResultsLayout:
    """Builds the tab inside the surrounding `gr.Blocks`; each component is an attribute."""

    def __init__(self) -> None:
        with gr.Row(elem_classes="rd-workbench"):
            with gr.Column(elem_classes="rd-rail"):
                self._build_choice()
            with gr.Column(elem_classes="rd-main") as self.main:
                self.notice = build_notice()
                self.shown = gr.HTML(EMPTY, apply_default_css=False, elem_id="results")
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


def build_notice() -> gr.HTML:
    """Return the line for what could not be done."""
    return gr.HTML(
        "",
        html_template='<div class="rd-notice" role="alert">${value}</div>',
        apply_default_css=False,
        elem_classes="rd-notice-slot",
    )

"""The components of the Studies tab and where they stand; what they do is in `rate_studies`."""

from dataclasses import asdict

import gradio as gr

from radui.store.plan import Questions
from radui.ui.results_layout import build_notice

EVERY = "all"
ASKED = {
    "image_quality": "Image quality",
    "confidence": "Confidence",
    "errors": "Errors",
    "acceptability": "Acceptability",
    "hallucination": "Hallucination",
    "clarity": "Clarity",
    "preference": "Preference or ranking",
    "severity": "Severity of each error (ReFiSco)",
    "radpeer": "RADPEER",
    "explanations": "Regions",
    "pictures": "Synthetic pictures",
}


class StudiesLayout:
    """Builds the tab inside the surrounding `gr.Blocks`; each component is an attribute.

    No system is named before `systems` is filled for an admin.
    """

    def __init__(self) -> None:
        with gr.Row(elem_classes="rd-workbench"):
            with gr.Column(elem_classes="rd-rail"):
                self._build_readers()
            with gr.Column(elem_classes="rd-main rd-study-form"):
                self.notice = build_notice()
                self._build_plan()
                self.told = gr.HTML(
                    "",
                    html_template='<p class="rd-outcome" role="status">${value}</p>',
                    apply_default_css=False,
                    elem_id="study-told",
                )

    def _build_readers(self) -> None:
        gr.HTML('<p class="rd-label">Add a reader</p>', apply_default_css=False)
        self.new_name = gr.Textbox(label="Name", elem_id="reader-name")
        self.new_password = gr.Textbox(
            label="Password", info="Empty: single sign-on only.", type="password", elem_id="reader-password"
        )
        self.new_role = gr.Radio(["reader", "admin"], value="reader", label="Role", elem_id="reader-role")
        self.add = gr.Button("Add", size="sm", elem_id="reader-add")

    def _build_plan(self) -> None:
        self.title = gr.Textbox(label="Title of the new reading study", elem_id="plan-title")
        self.files = gr.File(
            file_count="multiple",
            label="Pictures, each a case; 0001.txt beside 0001.png is its reference report",
            height=96,
            elem_id="plan-files",
        )
        with gr.Row():
            self.systems = gr.CheckboxGroup([], label="Systems", elem_id="plan-systems")
            self.readers = gr.CheckboxGroup([], label="Readers", elem_id="plan-readers")
        with gr.Row():
            self.reference = gr.Checkbox(
                label="The reference report as a blinded candidate", elem_id="plan-reference"
            )
            self.reveal = gr.Checkbox(label="Tell the names after each submission", elem_id="plan-reveal")
        self._build_design()
        self._build_questions()
        self.create = gr.Button("Write the reports and open the study", variant="primary", elem_id="create")

    def _build_design(self) -> None:
        with gr.Row():
            self.design = gr.Radio(
                [("all side by side", "side_by_side"), ("pairwise", "pairwise")],
                value="side_by_side",
                label="Design",
                elem_id="plan-design",
            )
            self.share = gr.Textbox(EVERY, label="Readers a case", elem_id="plan-share")
            self.repeats = gr.Slider(0, 0.5, 0, step=0.05, label="Share shown twice", elem_id="plan-repeats")
            self.seed = gr.Number(0, precision=0, label="Seed of queues and letters", elem_id="plan-seed")

    def _build_questions(self) -> None:
        self.instructions = gr.Textbox(
            label="Instructions for the readers", lines=2, elem_id="plan-instructions"
        )
        on = [name for name, asked in asdict(Questions()).items() if asked]
        self.questions = gr.CheckboxGroup(
            [(title, name) for name, title in ASKED.items()],
            value=on,
            label="Questions",
            elem_id="plan-questions",
        )

    @property
    def of_plan(self) -> list[gr.components.Component]:
        """All that a plan is made of, known by `elem_id`."""
        return [
            *(self.title, self.files, self.systems, self.readers, self.reference, self.reveal),
            *(self.design, self.share, self.repeats, self.seed, self.instructions, self.questions),
        ]

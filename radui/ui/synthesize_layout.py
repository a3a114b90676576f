"""The components of the Synthesize tab and where they stand; what they do is in `synthesize`."""

from collections.abc import Sequence

import gradio as gr

from radui.observations import State
from radui.processing.rewording import EDITABLE
from radui.records import SamplingConfig, SystemStatus
from radui.render.tiles import progress_html
from radui.ui import asset_files
from radui.ui.buttons import build_buttons, strip_html
from radui.ui.downloads import build_download
from radui.ui.example_reports import EXAMPLE_REPORTS
from radui.ui.questions import runnable
from radui.ui.report_card import build_card
from radui.ui.synthesize_settings import GUIDANCE, SAMPLES, TEMPERATURE, TOP_P
from radui.ui.viewer import build_viewer

VIEWER = "synthesis"
VIEWS = [("Frontal", "frontal"), ("Lateral", "lateral")]
STATES = {"present": State.POSITIVE, "absent": State.NEGATIVE, "not mentioned": State.UNMENTIONED}
NOTHING_YET = (
    "No picture yet",
    "Write a report or choose an example on the left, and press Draw. Every picture is marked SYNTHETIC.",
)
NO_REPORTS = "No system has reported there yet."


class SynthesizeLayout:
    """Builds the tab inside the surrounding `gr.Blocks`; each component is an attribute."""

    def __init__(self, statuses: Sequence[SystemStatus], sampling: SamplingConfig) -> None:
        self.titles = {status.name: status.title for status in statuses}
        with gr.Row(elem_classes="rd-workbench"):
            with gr.Column(elem_classes="rd-rail"):
                self._build_report()
                self._build_settings(sampling)
                self._build_actions()
                self._build_edit()
                self._build_cycles()
            with gr.Column(elem_classes="rd-main"):
                self._build_notices()
                with gr.Column(elem_classes="rd-main") as self.bench:
                    self._build_pictures()
                    self._build_reading(statuses)
        self._list_outputs()

    def _build_report(self) -> None:
        self.report = gr.Textbox(
            label="Report",
            placeholder="Write or paste what the radiograph shall show.",
            lines=6,
            max_lines=12,
            elem_id="wanted",
        )
        self.examples = build_buttons(
            strip_html("Examples", [(name, name) for name in EXAMPLE_REPORTS]), "report-examples"
        )
        self.taken = build_buttons(strip_html("From the Compare tab", (), NO_REPORTS), "report-taken")

    def _build_settings(self, sampling: SamplingConfig) -> None:
        with gr.Row(elem_classes="rd-actions"):
            self.view = gr.Radio(VIEWS, value="frontal", label="View", elem_id="view")
            self.samples = gr.Radio([1, SAMPLES], value=1, label="Pictures", elem_id="samples")
        with gr.Accordion("Seed and sampling", open=False, elem_id="sampling"):
            self.seed = gr.Number(0, label="Seed", precision=0, minimum=0, elem_id="seed")
            self.top_p = gr.Slider(*TOP_P, value=sampling.top_p, step=0.01, label="Top-p", elem_id="top-p")
            self.temperature = gr.Slider(
                *TEMPERATURE,
                value=sampling.temperature,
                step=0.05,
                label="Temperature",
                info="0 takes the likeliest code always.",
                elem_id="temperature",
            )
            self.guidance = gr.Slider(
                *GUIDANCE,
                value=sampling.guidance,
                step=0.1,
                label="Guidance",
                info="1 is the model's own; more follows the report more and takes twice as long.",
                elem_id="guidance",
            )

    def _build_actions(self) -> None:
        with gr.Row(elem_classes="rd-actions"):
            self.draw = gr.Button("Draw", variant="primary", elem_id="draw")
            self.cancel = gr.Button("Cancel", interactive=False, elem_id="cancel-drawing")

    def _build_edit(self) -> None:
        with gr.Accordion("Change one finding", open=False, elem_id="change"):
            self.finding = gr.Dropdown(
                list(EDITABLE), value="Pleural Effusion", label="Finding", elem_id="finding"
            )
            self.state = gr.Radio(
                list(STATES), value="present", label="In the changed report", elem_id="state"
            )
            self.changed = gr.Textbox(
                label="Changed report",
                info="Written by rules from the report above; change it as you like.",
                lines=4,
                max_lines=10,
                elem_id="changed",
            )
            self.draw_pair = gr.Button("Draw both", size="sm", elem_id="draw-pair")

    def _build_cycles(self) -> None:
        with gr.Accordion("Cycles", open=False, elem_id="cycles"):
            self.there_and_back = gr.Button("Report → picture → report", size="sm", elem_id="report-cycle")
            self.back_and_there = gr.Button("Picture → report → picture", size="sm", elem_id="picture-cycle")
            gr.HTML(
                '<p class="rd-small">The first draws the report and lets AdaMatch-Cyclic read the picture '
                "back. The second takes the study of the Compare tab, lets AdaMatch-Cyclic report it and "
                "draws that report beside the original.</p>",
                apply_default_css=False,
            )

    def _build_notices(self) -> None:
        self.notice = gr.HTML(
            "",
            html_template='<div class="rd-notice" role="alert">${value}</div>',
            apply_default_css=False,
            elem_id="synthesis-notice",
        )
        self.empty = gr.HTML("", apply_default_css=False, visible=False, elem_id="synthesis-empty")

    def _build_pictures(self) -> None:
        self.progress = gr.HTML(progress_html(""), apply_default_css=False, elem_id="drawn")
        with gr.Row(elem_classes="rd-drawing"):
            self.viewer = build_viewer(VIEWER, NOTHING_YET)
            with gr.Column(elem_classes="rd-hints"):
                self.keypatches = gr.HTML(
                    "",
                    html_template='<h3 class="rd-label">Keypatches used</h3>${value}',
                    apply_default_css=False,
                    elem_id="keypatches",
                )
        self.tiles = build_buttons("", "tiles")
        self.saves = build_buttons(asset_files.read("synthesis_bar.html"), "synthesis-saves")
        self.download = build_download()

    def _build_reading(self, statuses: Sequence[SystemStatus]) -> None:
        choices = runnable(statuses)
        with gr.Row(elem_classes="rd-readers"):
            self.readers = gr.CheckboxGroup(
                choices,
                value=[name for _, name in choices],
                label="Read the picture back by",
                elem_id="readers",
            )
            self.read = gr.Button("Read back", size="sm", interactive=False, elem_id="read-back")
        # The style sheet hides those that read nothing; Gradio would build them anew each time.
        with gr.Row(elem_classes="rd-cards"):
            self.cards = {
                status.name: build_card(f"read-{status.name}", status.title, VIEWER) for status in statuses
            }
        self.agreed = gr.HTML("", apply_default_css=False, elem_id="agreed")
        self.said = gr.HTML(
            "",
            html_template='<div class="rd-live" aria-live="polite">${value}</div>',
            apply_default_css=False,
        )

    def _list_outputs(self) -> None:
        """List what each kind of event may change."""
        cards = list(self.cards.values())
        self.asking = [self.draw, self.draw_pair, self.there_and_back, self.back_and_there]
        buttons = [*self.asking, self.cancel, self.read]
        pictures = [self.progress, self.viewer, self.tiles, self.keypatches, self.said]
        self.of_opening = [self.empty, self.bench, self.taken, self.readers, *buttons]
        self.of_choice = [self.viewer, self.tiles, self.keypatches, self.agreed, *cards]
        self.of_drawing = [self.report, self.notice, *buttons, *pictures, self.agreed, *cards]

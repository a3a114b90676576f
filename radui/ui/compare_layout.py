"""The components of the Compare tab and where they stand; what they do is in `compare`."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import gradio as gr

from radui.records import SystemStatus
from radui.render.matrix import matrix_html
from radui.scores import Corpus
from radui.ui import asset_files
from radui.ui.downloads import build_download
from radui.ui.examples import Example, build_examples
from radui.ui.history import build_history
from radui.ui.model_cards import card_buttons_html
from radui.ui.questions import runnable, untrained_html
from radui.ui.report_card import build_card
from radui.ui.viewer import build_viewer

VIEWER = "compare"


class CompareLayout:
    """Builds the tab inside the surrounding `gr.Blocks`; each component is an attribute."""

    def __init__(
        self,
        statuses: Sequence[SystemStatus],
        examples: Sequence[Example],
        cards: Mapping[str, str] = MappingProxyType({}),
        corpus: Corpus | None = None,
        rated: bool = False,
    ) -> None:
        """rated: offer to rate the reports on the Rating tab, which has to be there."""
        self.corpus = corpus
        with gr.Row(elem_classes="rd-workbench"):
            with gr.Column(elem_classes="rd-rail"):
                self._build_study(examples)
                self._build_systems(statuses, cards)
                self._build_observations()
                self._build_reference()
                self.history = build_history()
            with gr.Column(elem_classes="rd-main"):
                self._build_question()
                self.viewer = build_viewer(VIEWER)
                self._build_cards(statuses)
                self.rate = gr.Button(
                    "Rate these reports", size="sm", interactive=False, visible=rated, elem_id="rate-these"
                )
                self._build_tables(statuses)
        self.runnable = [status.name for status in statuses if status.problem is None]
        self.titles = {status.name: status.title for status in statuses}
        self._list_outputs()

    def _build_study(self, examples: Sequence[Example]) -> None:
        self.files = gr.File(
            file_count="multiple",
            label="Radiographs, one or two views",
            show_label=False,
            height=72,
            elem_classes="rd-files",
        )
        self.examples = build_examples(examples)
        self.indication = gr.Textbox(
            label="Indication (optional)", placeholder="Cough and fever for a week", lines=2, max_lines=4
        )

    def _build_systems(self, statuses: Sequence[SystemStatus], cards: Mapping[str, str]) -> None:
        choices = runnable(statuses)
        self.systems = gr.CheckboxGroup(
            choices, value=[name for _, name in choices], label="Systems", elem_id="systems"
        )
        self.untrained = gr.HTML(untrained_html(statuses), apply_default_css=False)
        gr.HTML(card_buttons_html(cards), apply_default_css=False, visible=bool(cards))
        with gr.Row(elem_classes="rd-actions"):
            self.run = gr.Button("Run", variant="primary", elem_id="run")
            self.cancel = gr.Button("Cancel", interactive=False, elem_id="cancel")

    def _build_observations(self) -> None:
        with gr.Accordion("Conditioning observations", open=False, elem_id="observations") as self.conditions:
            self.labels = gr.CheckboxGroup(
                [], label="Ticked by the classifier", info="Change them and regenerate.", elem_id="labels"
            )
            self.regenerate = gr.Button("Regenerate", size="sm", interactive=False, elem_id="regenerate")

    def _build_reference(self) -> None:
        with gr.Accordion("Reference report", open=False, elem_id="reference-panel"):
            self.reference = gr.Textbox(
                show_label=False,
                container=False,
                placeholder="Paste the radiologist's report to score the others against it.",
                lines=4,
                max_lines=8,
                elem_id="reference",
            )

    def _build_question(self) -> None:
        self.notice = gr.HTML(
            "",
            html_template='<div class="rd-notice" role="alert">${value}</div>',
            apply_default_css=False,
            elem_id="notice",
        )
        with gr.Row(visible=False, elem_id="question") as self.question:
            self.question_text = gr.HTML(
                "", html_template='<p role="alert">${value}</p>', apply_default_css=False
            )
            self.accept = gr.Button("Report anyway", size="sm", elem_id="accept")
            self.decline = gr.Button(
                "Choose another picture", size="sm", variant="primary", elem_id="decline"
            )

    def _build_cards(self, statuses: Sequence[SystemStatus]) -> None:
        self.exports = gr.HTML(
            asset_files.read("compare_bar.html"),
            js_on_load=(
                "element.addEventListener('click', event => {"
                " const button = event.target.closest('button[data-kind]');"
                " if (button) trigger('select', {kind: button.dataset.kind}); })"
            ),
            apply_default_css=False,
        )
        self.download = build_download()
        with gr.Row(elem_classes="rd-cards"):
            self.cards = {
                status.name: build_card(status.name, status.title, VIEWER, status.problem is None)
                for status in statuses
            }
        self.progress = gr.HTML(
            "",
            html_template='<div class="rd-live" aria-live="polite">${value}</div>',
            apply_default_css=False,
        )

    def _build_tables(self, statuses: Sequence[SystemStatus]) -> None:
        titles = [status.title for status in statuses if status.problem is None]
        self.matrix = gr.HTML(
            matrix_html(dict.fromkeys(titles)),
            js_on_load="radui.mountMatrix(element, props, watch)",
            apply_default_css=False,
            elem_id="matrix",
            viewer=VIEWER,
        )
        self.scores = gr.HTML("", apply_default_css=False, elem_id="scores")

    def _list_outputs(self) -> None:
        """List what each kind of event may change."""
        cards = list(self.cards.values())
        asking = [self.notice, self.question, self.question_text]
        buttons = [self.run, self.cancel, self.regenerate]
        self.of_systems = [self.systems, self.untrained, *cards]
        self.of_tables = [self.matrix, self.scores, self.rate]
        self.of_study = [
            *(self.files, self.viewer, self.labels, self.history, self.progress),
            *(*asking, *buttons, *cards, *self.of_tables),
        ]
        self.of_assessment = [self.viewer, self.labels, self.conditions, *asking, *self.of_tables]
        self.of_report = [*asking, *buttons, self.progress, *cards, *self.of_tables]

"""The components of the Explain tab and where they stand; what they do is in `explain`."""

import gradio as gr

from radui.observations import OBSERVATIONS
from radui.render.report import Phase
from radui.ui import asset_files
from radui.ui.report_card import build_card, card_value
from radui.ui.viewer import build_viewer

NO_SYSTEM = ""
EPSILONS = (-3, 1)  # least and greatest log10 of the slider
BOX_HINT = (
    '<p class="rd-panel rd-small">Draw a box on a view (tool Box, key d): the pointing game, IoU and '
    "contrast of the map that is shown stand here, beside maps that know nothing.</p>"
)
MEASURE_HINT = (
    "<p>Patches are blurred away, and put back, in the order of the map that is shown, and a score is asked "
    "after each step. A map that holds makes it fall early and rise early. A Gaussian in the centre and a "
    "random map stand beside it: one that is no better than they are explains nothing.</p>"
)
EMPTY = "There is no report to explain yet. Load a radiograph on the Compare tab and press Run."


class Stage:
    """A viewer with one system's report under it."""

    def __init__(self, name: str, visible: bool = True) -> None:
        with gr.Column(elem_classes="rd-stage", visible=visible) as self.column:
            self.viewer = build_viewer(name)
            self.card = build_card(name, "", name)
            self.prototypes = gr.HTML(
                None,
                html_template=asset_files.read("prototypes.html"),
                js_on_load="radui.mountPrototypes(element, props, watch)",
                apply_default_css=False,
                viewer=name,
                observations=list(OBSERVATIONS),
            )

            self._build_transport()

    def _build_transport(self) -> None:
        with gr.Column(elem_classes="rd-panel rd-transport", visible=False) as self.transport:
            self.figures = gr.HTML("", apply_default_css=False)
            self.epsilon = gr.Slider(
                *EPSILONS, value=0, step=0.1, label="log₁₀ ε: solve the same cost with another one"
            )

    @property
    def outputs(self) -> list[gr.components.Component]:
        """All that shows a system."""
        return [self.viewer, self.card, self.prototypes, self.transport, self.figures, self.epsilon]

    def cleared(self) -> dict[gr.components.Component, object]:
        """The stage without a system."""
        return {
            self.viewer: None,
            self.card: card_value("", Phase.IDLE),
            self.prototypes: None,
            self.transport: gr.update(visible=False),
        }


class ExplainLayout:
    """Builds the tab inside the surrounding `gr.Blocks`; each component is an attribute."""

    def __init__(self) -> None:
        with gr.Row(elem_classes="rd-workbench"):
            with gr.Column(elem_classes="rd-rail"):
                self._build_choice()
            with gr.Column(elem_classes="rd-main"):
                self.empty = gr.HTML(
                    f'<p class="rd-nothing-yet">{EMPTY}</p>', apply_default_css=False, elem_id="explain-empty"
                )
                self._build_stages()

    def _build_choice(self) -> None:
        self.system = gr.Radio([], label="System", elem_id="explain-system")
        self.beside = gr.Dropdown([("none", NO_SYSTEM)], value=NO_SYSTEM, label="Beside it", elem_id="beside")
        self.has = gr.HTML("", apply_default_css=False, elem_id="explain-has")
        gr.HTML(
            '<p class="rd-small">Set Range to "all systems" to colour both on one scale. A map shows where a '
            "system looked or what it matched; it is no proof of what made it write a word. "
            "Measure it below the report.</p>",
            apply_default_css=False,
        )

    def _build_stages(self) -> None:
        with gr.Column(visible=False) as self.bench:
            with gr.Row(elem_classes="rd-stages"):
                self.first, self.second = Stage("explain"), Stage("beside", visible=False)
            with gr.Row(elem_classes="rd-holds"):
                self._build_measures()

    def _build_measures(self) -> None:
        self.measured = gr.HTML(
            MEASURE_HINT,
            html_template=asset_files.read("measure.html"),
            js_on_load="radui.mountMeasure(element, props, (map) => trigger('select', map))",
            apply_default_css=False,
            elem_id="measure",
            viewer="explain",
        )
        self.boxed = gr.HTML(BOX_HINT, apply_default_css=False, elem_id="boxed")

    @property
    def of_choice(self) -> list[gr.components.Component]:
        """What the choice of systems changes."""
        stages = [*self.first.outputs, *self.second.outputs, self.second.column]
        return [self.empty, self.bench, self.has, self.measured, self.boxed, *stages]

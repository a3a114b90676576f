"""The named endpoint that draws a report as a radiograph; docs/api.md has its example, and a test runs it."""

from base64 import b64encode
from dataclasses import replace
from typing import Any

import gradio as gr
from typing_extensions import TypedDict

from radui.engine import Engine, EngineError
from radui.records import SamplingConfig, Synthesis, View
from radui.render.synthesis import NOTICE, recipe, synthesis_png
from radui.ui.fingerprints import fingerprint
from radui.ui.streams import USERS, sentence
from radui.ui.synthesize_settings import GUIDANCE, MAX_SEED

DRAWER = "adamatch_cyclic"


class Drawn(TypedDict):
    """A radiograph of no patient: its PNG in base64 with SYNTHETIC burnt in, and what draws it again.

    codes: of the picture's grid, row by row. keypatches: the hints, spans in characters of the report.
    """

    notice: str
    png: str
    report: str
    view: str
    seed: int
    sampling: dict[str, float]
    codes: list[int]
    keypatches: list[dict[str, Any]]
    checkpoint_sha256: str | None


class SynthesisApi:
    """What a script can ask to be drawn."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def connect(self) -> None:
        """Publish the endpoint inside the surrounding `gr.Blocks`, in the queue of those with models."""
        gr.api(self.synthesize, api_name="synthesize", concurrency_limit=USERS, concurrency_id="scripts")

    def synthesize(
        self, report: str, view: str = "frontal", seed: int = 0, guidance: float | None = None
    ) -> Drawn:
        """Draw the radiograph of a report; the same arguments draw the same picture.

        view: frontal or lateral. guidance: how much the report counts, the page's default where none is
        given.
        """
        try:
            drawn = self._draw(report, _view(view), _seed(seed), self._sampling(guidance))
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from None
        png = b64encode(synthesis_png(drawn)).decode("ascii")
        return {"notice": NOTICE, "png": png, "checkpoint_sha256": self._weights(), **recipe(drawn)}  # type: ignore[typeddict-item]

    def _draw(self, report: str, view: View, seed: int, sampling: SamplingConfig) -> Synthesis:
        *_, drawn = self.engine.synthesise(report, seed, view, sampling)
        return drawn

    def _sampling(self, guidance: float | None) -> SamplingConfig:
        usual, (low, high) = self.engine.sampling(), GUIDANCE
        if guidance is None:
            return usual
        if not low <= guidance <= high:
            raise EngineError(f"The guidance is a number from {low:g} to {high:g}, not {guidance}.")
        return replace(usual, guidance=float(guidance))

    def _weights(self) -> str | None:
        return fingerprint(self.engine, DRAWER)


def _view(view: str) -> View:
    views: dict[str, View] = {"frontal": "frontal", "lateral": "lateral"}
    if view not in views:
        raise EngineError(f"The view is frontal or lateral, not {view!r}.")
    return views[view]


def _seed(seed: int) -> int:
    if not 0 <= seed <= MAX_SEED:
        raise EngineError(f"The seed is a whole number from 0 to {MAX_SEED}, not {seed}.")
    return int(seed)

"""The Explain tab: the evidence of one system, or of two beside each other, and whether a map holds.

It asks what the evidence has, never which system it is of.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from math import log10
from typing import Any

import gradio as gr

from radui.engine import Engine
from radui.explain.transport import resolve
from radui.records import Prediction
from radui.render.curves import agreement_html
from radui.render.evidence import prototypes_payload
from radui.render.report import Phase
from radui.render.transport import transport_html
from radui.ui.explain_layout import BOX_HINT, EPSILONS, MEASURE_HINT, NO_SYSTEM, ExplainLayout, Stage
from radui.ui.measuring import MapRequest, agreements, map_request, measure
from radui.ui.questions import evidence_html
from radui.ui.report_card import card_value
from radui.ui.sessions import Session, Sessions, session_key
from radui.ui.streams import sentence
from radui.ui.studies import LoadedStudy
from radui.ui.viewer import drawn_box, viewer_value

Changes = dict[Any, Any]


class ExplainTab:
    """Answers the events of the tab. Handlers return the components that change with their new values."""

    def __init__(self, engine: Engine, sessions: Sessions) -> None:
        self.engine = engine
        self.sessions = sessions
        self.titles = {status.name: status.title for status in engine.systems()}
        self.page = ExplainLayout()
        self._connect()

    def _connect(self) -> None:
        page = self.page
        listen: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        chosen = [page.system, page.beside]
        for event in (page.system.input, page.beside.input):
            event(self.show, chosen, page.of_choice, **listen)
        for stage, choice, solve in (
            (page.first, page.system, self.resolve_first),
            (page.second, page.beside, self.resolve_second),
        ):
            stage.epsilon.release(solve, [choice, stage.epsilon], [stage.card, stage.figures], **listen)
        page.first.viewer.select(self.box, page.system, page.boxed, **listen)
        page.measured.select(
            self.measure, page.system, page.measured, concurrency_limit=2, concurrency_id="measures", **listen
        )

    def open(self, tab: gr.Tab) -> None:
        """Fill the tab whenever it is opened: the reports may have changed."""
        page = self.page
        tab.select(
            self.refresh,
            [page.system, page.beside],
            [page.system, page.beside, *page.of_choice],
            show_progress="hidden",
            api_visibility="private",
        )

    def refresh(self, system: str | None, beside: str, request: gr.Request) -> Changes:
        """Offer the systems that have a report, the chosen ones kept where they still have."""
        names = list(self._session(request).run.reports)
        system = system if system in names else next(iter(names), None)
        beside = beside if beside in names else NO_SYSTEM
        choices = [(self.titles[name], name) for name in names]
        return {
            self.page.system: gr.update(choices=choices, value=system),
            self.page.beside: gr.update(choices=[("none", NO_SYSTEM), *choices], value=beside),
            **self.show(system, beside, request),
        }

    def show(self, system: str | None, beside: str, request: gr.Request) -> Changes:
        """Show one system's evidence, and another one's beside it."""
        page, session = self.page, self._session(request)
        reports, loaded = session.run.reports, session.loaded
        found = reports.get(system or "")
        if loaded is None or found is None:
            cleared = {**page.first.cleared(), **page.second.cleared()}
            return {**self._shown(False, None), **cleared, page.second.column: gr.update(visible=False)}
        other = reports.get(beside)
        second = page.second.cleared() if other is None else self._stage(page.second, loaded, other)
        return {
            **self._shown(True, found),
            **self._stage(page.first, loaded, found),
            **second,
            page.second.column: gr.update(visible=other is not None),
        }

    def resolve_first(self, system: str, exponent: float, request: gr.Request) -> Changes:
        """Solve the first system's transport with another epsilon, 10 ** exponent, and show its maps."""
        return self._resolve(self.page.first, system, exponent, self._session(request))

    def resolve_second(self, system: str, exponent: float, request: gr.Request) -> Changes:
        """Do the same for the system beside it."""
        return self._resolve(self.page.second, system, exponent, self._session(request))

    def _resolve(self, stage: Stage, system: str, exponent: float, session: Session) -> Changes:
        found = session.run.reports.get(system or "")
        plan = found.evidence.transport if found else None
        if found is None or plan is None:
            return {stage.figures: gr.skip()}
        solved = resolve(plan, 10 ** min(max(float(exponent), EPSILONS[0]), EPSILONS[1]))
        changed = replace(found, evidence=replace(found.evidence, transport=solved))
        session.explained[system] = changed
        return {
            stage.card: card_value(self.titles[system], Phase.DONE, changed),
            stage.figures: transport_html(solved, plan.epsilon),
        }

    def box(self, event: gr.EventData, system: str, request: gr.Request) -> str:
        """Compare the map with the box that was drawn on it, beside maps that know nothing."""
        session = self._session(request)
        asked = self._asked(getattr(event, "map", None), session, system)
        if session.loaded is None or asked is None:
            return BOX_HINT
        drawn = drawn_box(getattr(event, "view", None), getattr(event, "box", None), session.loaded.study)
        return agreement_html(agreements(asked.map, drawn)) if drawn else BOX_HINT

    def measure(self, event: gr.EventData, system: str, request: gr.Request) -> Iterator[str]:
        """Draw the deletion and insertion curves of the map that is shown, step by step."""
        session = self._session(request)
        asked = self._asked(event._data, session, system)
        if session.loaded is None or asked is None:
            yield "<p>This map cannot be measured; choose another word or another map.</p>"
            return
        try:
            yield from measure(self.engine, session, system, asked)
        except Exception as error:
            yield f"<p>{escape(sentence(error))}</p>"

    def _asked(self, data: Any, session: Session, system: str) -> MapRequest | None:
        prediction = session.explained.get(system) or session.run.reports.get(system or "")
        return map_request(data, prediction) if prediction else None

    def _shown(self, any_report: bool, prediction: Prediction | None) -> Changes:
        return {
            self.page.empty: gr.update(visible=not any_report),
            self.page.bench: gr.update(visible=any_report),
            self.page.has: evidence_html(prediction.evidence) if prediction else "",
            self.page.measured: MEASURE_HINT,
            self.page.boxed: BOX_HINT,
        }

    def _stage(self, stage: Stage, loaded: LoadedStudy, prediction: Prediction) -> Changes:
        title = self.titles[prediction.system]
        plan = prediction.evidence.transport
        solved = (
            {}
            if plan is None
            else {
                stage.figures: transport_html(plan, plan.epsilon),
                stage.epsilon: round(log10(plan.epsilon), 1),
            }
        )
        return {
            stage.transport: gr.update(visible=plan is not None),
            **solved,
            stage.viewer: viewer_value(loaded.name, loaded.study, loaded.verdicts),
            stage.card: card_value(title, Phase.DONE, prediction),
            stage.prototypes: _prototypes(prediction),
        }

    def _session(self, request: gr.Request) -> Session:
        return self.sessions.get(session_key(request))


def _prototypes(prediction: Prediction) -> dict[str, Any] | None:
    answer = prediction.evidence.prototypes
    if answer is None:
        return None
    texts: Sequence[str] = [token.text for token in prediction.tokens]
    return {**prototypes_payload(answer), "texts": texts}

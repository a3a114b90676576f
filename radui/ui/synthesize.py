"""The Synthesize tab: a report drawn as a radiograph, changed, and read back.

It asks the engine for pictures and reports, never a model.
"""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from html import escape
from math import isfinite
from typing import Any

import gradio as gr

from radui.engine import Engine
from radui.processing.rewording import EDITABLE, restate
from radui.records import Radiograph, SamplingConfig, Study, View
from radui.render.synthesis import as_radiograph
from radui.ui import synthesize_changes as changes
from radui.ui.buttons import strip_html
from radui.ui.example_reports import EXAMPLE_REPORTS
from radui.ui.questions import runnable, with_code
from radui.ui.sessions import Session, Sessions, session_key
from radui.ui.streams import merge, sentence
from radui.ui.studio import PAIR, Drawing, Order, Studio
from radui.ui.synthesize_layout import (
    GUIDANCE,
    NO_REPORTS,
    SAMPLES,
    STATES,
    TEMPERATURE,
    TOP_P,
    SynthesizeLayout,
)

Changes = dict[Any, Any]
READER = "adamatch_cyclic"
MAX_SEED = 2**31 - SAMPLES


class SynthesizeTab:
    """Answers the events of the tab. Handlers return the components that change with their new values."""

    def __init__(self, engine: Engine, sessions: Sessions) -> None:
        self.engine = engine
        self.sessions = sessions
        self.page = SynthesizeLayout(engine.systems(), engine.sampling())
        self._connect()

    def _connect(self) -> None:
        page = self.page
        listen: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        queued: dict[str, Any] = {**listen, "concurrency_limit": 2, "concurrency_id": "drawings"}
        settings = [page.view, page.seed, page.top_p, page.temperature, page.guidance]
        for event, answer, inputs in (
            (page.draw.click, self.draw, [page.report, page.samples, *settings]),
            (page.draw_pair.click, self.draw_pair, [page.report, page.changed, *settings]),
            (page.there_and_back.click, self.there_and_back, [page.report, *settings]),
            (page.back_and_there.click, self.back_and_there, settings[1:]),
        ):
            event(answer, inputs, page.of_drawing, **queued)
        page.read.click(self.read_back, page.readers, page.of_drawing, **queued)
        # As on the Compare tab, a run sees the flag and ends by itself, with the last word on the page.
        page.cancel.click(self.cancel, None, page.cancel, queue=False, **listen)
        page.tiles.select(self.choose, None, page.of_choice, **listen)
        page.saves.select(self.save, None, [page.download, page.notice], **listen)
        page.examples.select(self.take_example, None, page.report, **listen)
        page.taken.select(self.take_report, None, page.report, **listen)
        for change in (page.finding.input, page.state.input, page.report.change):
            change(self.reword, [page.report, page.finding, page.state], page.changed, **listen)

    def open(self, tab: gr.Tab) -> None:
        """Fill the tab whenever it is opened: checkpoints and reports may have come."""
        tab.select(self.refresh, None, self.page.of_opening, show_progress="hidden", api_visibility="private")

    def refresh(self, request: gr.Request) -> Changes:
        """Say what is missing, and offer the reports of the Compare tab and the systems that read back."""
        page, session = self.page, self._session(request)
        problem = self.engine.synthesis_problem()
        reports = [(page.titles[name], name) for name in session.run.reports]
        choices = runnable(self.engine.systems())
        found: Changes = {
            page.empty: gr.update(value=_empty_html(problem), visible=problem is not None),
            page.bench: gr.update(visible=problem is None),
            page.taken: strip_html("From the Compare tab", reports, NO_REPORTS),
            page.readers: gr.update(choices=choices),
        }
        if problem is None:
            return found
        return {**found, **{button: gr.update(interactive=False) for button in page.asking}}

    def take_example(self, event: gr.EventData) -> Any:
        """Return the example report that was clicked."""
        return EXAMPLE_REPORTS.get(str(event.key), gr.skip())

    def take_report(self, event: gr.EventData, request: gr.Request) -> Any:
        """Return the report that a system wrote on the Compare tab."""
        found = self._session(request).run.reports.get(str(event.key))
        return found.report if found else gr.skip()

    def reword(self, report: str, finding: str, state: str) -> str:
        """Return the report with one finding said anew."""
        if finding not in EDITABLE or state not in STATES:
            return report
        return restate(report, finding, STATES[state])

    def draw(
        self,
        report: str,
        samples: int,
        view: View,
        seed: float | None,
        top_p: float,
        temperature: float,
        guidance: float,
        request: gr.Request,
    ) -> Iterator[Changes]:
        """Draw a report once, or once for each of some seeds in a row."""
        first, sampling = _seed(seed), _sampling(top_p, temperature, guidance)
        count = SAMPLES if samples == SAMPLES else 1
        orders = [Order(report, _view(view), first + i, sampling) for i in range(count)]
        drawings = [Drawing(f"Seed {order.seed}", order) for order in orders]
        yield from self._draw(self._session(request).studio, drawings)

    def draw_pair(
        self,
        report: str,
        changed: str,
        view: View,
        seed: float | None,
        top_p: float,
        temperature: float,
        guidance: float,
        request: gr.Request,
    ) -> Iterator[Changes]:
        """Draw a report and the changed one from the same seed, and what differs."""
        studio = self._session(request).studio
        if report.split() == changed.split():
            problem = "Both reports are the same; choose a finding and a state that change it."
            yield changes.failed(self.page, studio, problem)
            return
        how = _view(view), _seed(seed), _sampling(top_p, temperature, guidance)
        drawings = [Drawing("Before", Order(report, *how)), Drawing("After", Order(changed, *how))]
        yield from self._draw(studio, drawings, paired=True)

    def there_and_back(
        self,
        report: str,
        view: View,
        seed: float | None,
        top_p: float,
        temperature: float,
        guidance: float,
        request: gr.Request,
    ) -> Iterator[Changes]:
        """Draw a report and let the model that drew it read the picture back."""
        yield from self.draw(report, 1, view, seed, top_p, temperature, guidance, request)
        shown = self._session(request).studio.shown
        if shown is not None and shown.complete and shown.order.report == report:
            yield from self.read_back([READER], request)

    def back_and_there(
        self, seed: float | None, top_p: float, temperature: float, guidance: float, request: gr.Request
    ) -> Iterator[Changes]:
        """Let AdaMatch-Cyclic report the study of the Compare tab, and draw that report beside it."""
        session = self._session(request)
        studio = session.studio
        if session.loaded is None:
            problem = "There is no study to begin with; load a radiograph on the Compare tab."
            yield changes.failed(self.page, studio, problem)
            return
        stop = studio.stop()
        yield changes.waiting(self.page, studio)
        try:
            original, view = self._frontal(session)
            report = ""
            for report in self._reported(session, stop.is_set):
                yield {self.page.report: report}
        except Exception as error:
            yield changes.failed(self.page, studio, escape(sentence(error)))
            return
        if stop.is_set():
            yield changes.finished(self.page, studio, "Stopped.")
            return
        how = view, _seed(seed), _sampling(top_p, temperature, guidance)
        yield from self._draw(studio, [Drawing("Drawn from its report", Order(report, *how))], original)

    def read_back(self, chosen: Sequence[str], request: gr.Request) -> Iterator[Changes]:
        """Let systems report the picture that is shown."""
        page, studio = self.page, self._session(request).studio
        shown, names = studio.shown, [name for name in page.cards if name in chosen]
        if shown is None or shown.latest is None or not shown.complete or not names:
            missing = "at least one system" if not names else "a picture; press Draw"
            yield changes.failed(page, studio, f"Choose {missing} first.")
            return
        studio.chosen = studio.drawings.index(shown)
        study = Study((as_radiograph(shown.latest),))
        stop = studio.begin_reading(study, names)
        yield {page.notice: "", **changes.chosen(page, studio), **changes.reading(page, studio)}
        streams = {name: partial(self.engine.predict, name, study, None, stop.is_set) for name in names}
        for updates in merge(streams, stop):
            studio.reads.update(updates)
            yield changes.reading(page, studio)
        if studio.study is study:
            done = "Stopped." if stop.is_set() else "Read back."
            yield {**changes.reading(page, studio, running=False), page.said: done}

    def cancel(self, request: gr.Request) -> Changes:
        """Stop what is under way; it says so itself."""
        self._session(request).studio.cancelled.set()
        return {self.page.cancel: gr.update(interactive=False)}

    def choose(self, event: gr.EventData, request: gr.Request) -> Changes:
        """Show the drawing that was clicked."""
        studio = self._session(request).studio
        studio.choose(str(event.key))
        return changes.chosen(self.page, studio)

    def save(self, event: gr.EventData, request: gr.Request) -> Changes:
        """Hand over what is drawn in the form that was clicked."""
        found = changes.save(self._session(request).studio, str(event.key))
        if isinstance(found, str):
            return {self.page.notice: found}
        return {self.page.download: found, self.page.notice: ""}

    def _draw(
        self,
        studio: Studio,
        drawings: Sequence[Drawing],
        original: Radiograph | None = None,
        paired: bool = False,
    ) -> Iterator[Changes]:
        started, before = time.perf_counter(), studio.kept
        stop = studio.begin(drawings, paired)
        studio.original = original
        yield changes.waiting(self.page, studio)
        try:
            for _ in self._rows(studio, list(studio.drawings), stop.is_set):
                yield changes.drawn(self.page, studio, time.perf_counter() - started)
        except Exception as error:
            if studio.cancelled is stop:
                if not any(each.latest for each in studio.drawings):
                    studio.put_back(before)
                yield changes.failed(self.page, studio, escape(sentence(error)))
            return
        if studio.cancelled is not stop:  # a newer run owns the page
            return
        if studio.pair:
            studio.chosen = PAIR
        seconds = time.perf_counter() - started
        text = "Stopped." if stop.is_set() else f"Drawn in {seconds:.1f} s."
        yield changes.finished(self.page, studio, text)

    def _rows(self, studio: Studio, drawings: Sequence[Drawing], stopped: Any) -> Iterator[None]:
        """Draw what is not drawn yet, one after the other; a step a row."""
        for index, drawing in enumerate(drawings):
            if stopped():
                return
            if drawing.complete:
                continue
            order = drawing.order
            studio.chosen = index
            for synthesis in self.engine.synthesise(
                order.report, order.seed, order.view, order.sampling, stopped
            ):
                drawing.latest = synthesis
                yield

    def _frontal(self, session: Session) -> tuple[Radiograph, View]:
        """The view of the loaded study that AdaMatch-Cyclic reads: the frontal one of two."""
        loaded = session.loaded
        assert loaded is not None
        verdicts = loaded.assess(self.engine).verdicts
        named = [
            (each, each.view or verdict.view)
            for each, verdict in zip(loaded.study.views, verdicts, strict=True)
        ]
        return next((pair for pair in named if pair[1] == "frontal"), named[0])

    def _reported(self, session: Session, stopped: Any) -> Iterator[str]:
        """AdaMatch-Cyclic's report of the loaded study, growing; the one that it wrote where it has."""
        loaded, known = session.loaded, session.run.reports.get(READER)
        assert loaded is not None
        if known is not None:
            yield known.report
            return
        for prediction in self.engine.predict(READER, loaded.study, None, stopped):
            yield prediction.report

    def _session(self, request: gr.Request) -> Session:
        return self.sessions.get(session_key(request))


def _empty_html(problem: str | None) -> str:
    return f'<p class="rd-nothing-yet">{with_code(problem)}</p>' if problem else ""


def _view(view: str) -> View:
    return "lateral" if view == "lateral" else "frontal"


def _seed(seed: float | None) -> int:
    return int(_within(seed or 0, (0, MAX_SEED)))


def _sampling(top_p: float, temperature: float, guidance: float) -> SamplingConfig:
    """Whatever a browser sends, inside the sliders' bounds."""
    return SamplingConfig(
        _within(top_p, TOP_P), _within(temperature, TEMPERATURE), _within(guidance, GUIDANCE)
    )


def _within(value: Any, bounds: tuple[float, float]) -> float:
    number = float(value) if isinstance(value, int | float) and isfinite(value) else bounds[0]
    return min(max(number, bounds[0]), bounds[1])

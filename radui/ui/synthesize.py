"""The Synthesize tab: a report drawn as a radiograph, changed, and read back; the runs are in
`synthesize_runs`."""

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from radui.engine import Engine
from radui.processing.rewording import EDITABLE, restate
from radui.ui import synthesize_changes as changes
from radui.ui.buttons import strip_html
from radui.ui.example_reports import EXAMPLE_REPORTS
from radui.ui.questions import runnable, with_code
from radui.ui.sessions import Session, Sessions, session_key
from radui.ui.synthesize_layout import NO_REPORTS, STATES, SynthesizeLayout
from radui.ui.synthesize_runs import SynthesisRuns
from radui.ui.synthesize_settings import read_settings

Changes = dict[Any, Any]


class SynthesizeTab:
    """Answers the events of the tab. Handlers return the components that change with their new values."""

    def __init__(self, engine: Engine, sessions: Sessions) -> None:
        self.engine = engine
        self.sessions = sessions
        self.page = SynthesizeLayout(engine.systems(), engine.sampling())
        self.runs = SynthesisRuns(engine, self.page)
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
            (page.back_and_there.click, self.back_and_there, settings),
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

    def draw(self, request: gr.Request, report: str, samples: int, *settings: Any) -> Iterator[Changes]:
        """Draw a report once, or once for each of some seeds in a row."""
        yield from self.runs.draw(self._session(request), report, samples, read_settings(*settings))

    def draw_pair(self, request: gr.Request, report: str, changed: str, *settings: Any) -> Iterator[Changes]:
        """Draw a report and the changed one, and what differs."""
        yield from self.runs.draw_pair(self._session(request), report, changed, read_settings(*settings))

    def there_and_back(self, request: gr.Request, report: str, *settings: Any) -> Iterator[Changes]:
        """Draw a report and read the picture back."""
        yield from self.runs.there_and_back(self._session(request), report, read_settings(*settings))

    def back_and_there(self, request: gr.Request, *settings: Any) -> Iterator[Changes]:
        """Report the study of the Compare tab and draw that report beside it."""
        yield from self.runs.back_and_there(self._session(request), read_settings(*settings))

    def read_back(self, request: gr.Request, chosen: Sequence[str]) -> Iterator[Changes]:
        """Let systems report the picture that is shown."""
        yield from self.runs.read_back(self._session(request), chosen)

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

    def _session(self, request: gr.Request) -> Session:
        return self.sessions.get(session_key(request))


def _empty_html(problem: str | None) -> str:
    return f'<p class="rd-nothing-yet">{with_code(problem)}</p>' if problem else ""

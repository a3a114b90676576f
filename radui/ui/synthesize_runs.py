"""What the Synthesize tab runs: drawings, pairs, cycles and readings back, as streams of changes.

It asks the engine for pictures and reports, never a model.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from html import escape
from typing import Any

from radui.engine import Engine
from radui.records import Radiograph, Study, View
from radui.render.synthesis import as_radiograph
from radui.ui import synthesize_changes as changes
from radui.ui.sessions import Session
from radui.ui.streams import merge, sentence
from radui.ui.studio import PAIR, Drawing, Order, Studio
from radui.ui.synthesize_layout import SynthesizeLayout
from radui.ui.synthesize_settings import SAMPLES, Settings

Changes = dict[Any, Any]
READER = "adamatch_cyclic"


class SynthesisRuns:
    """Each method is one run of a tab's session, until it is done, stopped or overtaken by a newer one."""

    def __init__(self, engine: Engine, page: SynthesizeLayout) -> None:
        self.engine, self.page = engine, page

    def draw(self, session: Session, report: str, samples: int, how: Settings) -> Iterator[Changes]:
        """Draw a report once, or once for each of some seeds in a row."""
        count = SAMPLES if samples == SAMPLES else 1
        orders = [Order(report, how.view, how.seed + i, how.sampling) for i in range(count)]
        yield from self._draw(session.studio, [Drawing(f"Seed {order.seed}", order) for order in orders])

    def draw_pair(self, session: Session, report: str, changed: str, how: Settings) -> Iterator[Changes]:
        """Draw a report and the changed one from the same seed, and what differs."""
        studio = session.studio
        if report.split() == changed.split():
            problem = "Both reports are the same; choose a finding and a state that change it."
            yield changes.failed(self.page, studio, problem)
            return
        drawings = [_drawing("Before", report, how), _drawing("After", changed, how)]
        yield from self._draw(studio, drawings, paired=True)

    def there_and_back(self, session: Session, report: str, how: Settings) -> Iterator[Changes]:
        """Draw a report and let the model that drew it read the picture back."""
        yield from self.draw(session, report, 1, how)
        shown = session.studio.shown
        if shown is not None and shown.complete and shown.order.report == report:
            yield from self.read_back(session, [READER])

    def back_and_there(self, session: Session, how: Settings) -> Iterator[Changes]:
        """Let AdaMatch-Cyclic report the study of the Compare tab, and draw that report beside it.

        The view is the study's own.
        """
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
        drawing = _drawing("Drawn from its report", report, Settings(view, how.seed, how.sampling))
        yield from self._draw(studio, [drawing], original)

    def read_back(self, session: Session, chosen: Sequence[str]) -> Iterator[Changes]:
        """Let systems report the picture that is shown."""
        page, studio = self.page, session.studio
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

    def _rows(
        self, studio: Studio, drawings: Sequence[Drawing], stopped: Callable[[], bool]
    ) -> Iterator[None]:
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

    def _reported(self, session: Session, stopped: Callable[[], bool]) -> Iterator[str]:
        """AdaMatch-Cyclic's report of the loaded study, growing; the one that it wrote where it has."""
        loaded, known = session.loaded, session.run.reports.get(READER)
        assert loaded is not None
        if known is not None:
            yield known.report
            return
        for prediction in self.engine.predict(READER, loaded.study, None, stopped):
            yield prediction.report


def _drawing(title: str, report: str, how: Settings) -> Drawing:
    return Drawing(title, Order(report, how.view, how.seed, how.sampling))

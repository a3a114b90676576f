"""The Compare tab: one study, every chosen system's report side by side, and where each word looked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from radui.engine import Engine
from radui.processing.images import read_study
from radui.records import Study
from radui.scores import Corpus
from radui.ui import compare_changes as changes
from radui.ui.compare_layout import CompareLayout
from radui.ui.downloads import KINDS, file_value
from radui.ui.examples import list_examples
from radui.ui.fingerprints import fingerprint
from radui.ui.intake import take_files
from radui.ui.sessions import Run, Session, Sessions, session_key
from radui.ui.share import read_settings
from radui.ui.streams import USERS, merge, sentence
from radui.ui.studies import LoadedStudy

Changes = dict[Any, Any]


class CompareTab:
    """Answers the events of the tab. Handlers return the components that change with their new values."""

    def __init__(
        self,
        engine: Engine,
        sessions: Sessions,
        cards: Mapping[str, str] | None = None,
        corpus: Corpus | None = None,
        rated: bool = False,
    ) -> None:
        self.engine = engine
        self.sessions = sessions
        self.examples = list_examples()
        self.page = CompareLayout(engine.systems(), self.examples, cards or {}, corpus, rated)
        self._connect()

    def _connect(self) -> None:
        page = self.page
        listen: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        request = [page.systems, page.indication]
        for event, answer, inputs in (
            (page.run.click, self.run, request),
            (page.accept.click, self.run_anyway, request),
            (page.regenerate.click, self.run_with_labels, [*request, page.labels]),
        ):
            event(answer, inputs, page.of_report, concurrency_limit=USERS, concurrency_id="reports", **listen)
        # Nothing `cancels` a run from outside: it sees the flag, ends by itself, and so has the last word on
        # its cards, after any update that was still on its way.
        page.cancel.click(self.cancel, None, page.of_report, queue=False, **listen)
        for loading in (
            page.files.upload(self.load_files, page.files, page.of_study, **listen),
            page.examples.select(self.load_example, None, page.of_study, **listen),
        ):
            loading.then(self.assess, None, page.of_assessment, **listen)
        page.history.select(self.restore, None, page.of_study, **listen).then(
            self.assess, None, page.of_assessment, **listen
        )
        page.reference.change(
            self.compare, page.reference, page.of_tables, trigger_mode="always_last", **listen
        )
        # The Rating tab asks for what this browser tab shows; see rate.js.
        page.rate.click(None, None, None, js="() => radui.rateCompared()", api_visibility="private")
        page.exports.select(self.save, None, [page.download, page.notice], **listen)
        page.decline.click(self.take_away, None, page.of_study, **listen)
        page.systems.change(self.choose, page.systems, list(page.cards.values()), **listen)

    def refresh(self, request: gr.Request) -> Changes:
        """Return the systems as they stand when a page is opened, ticked as its address asks."""
        statuses = self.engine.systems()
        ready = [status.name for status in statuses if status.problem is None]
        shared = read_settings(dict(request.query_params), ready)
        self._session(request).shared_labels = shared.labels
        return changes.systems(self.page, statuses, shared.systems)

    def choose(self, chosen: Sequence[str]) -> Changes:
        """Show the cards of the chosen systems."""
        return changes.visible_cards(self.page, chosen)

    def load_files(self, files: Sequence[str], request: gr.Request) -> Changes:
        """Read the uploaded pictures and show them."""
        return self._load(partial(take_files, files), self._session(request))

    def load_example(self, event: gr.EventData, request: gr.Request) -> Changes:
        """Read the pictures of the example that was clicked and show them."""
        index = min(max(int(event.index), 0), len(self.examples) - 1)
        return self._load(self.examples[index].read, self._session(request))

    def take_away(self, request: gr.Request) -> Changes:
        """Forget the study."""
        session = self._session(request)
        session.clear()
        return changes.no_study(self.page, session)

    def restore(self, event: gr.EventData, request: gr.Request) -> Changes:
        """Bring back an earlier study of this tab with its reports."""
        session = self._session(request)
        restored = session.restore(int(event.number))
        if restored is None:
            return {self.page.notice: "This study is no longer kept; load its pictures again."}
        return changes.loaded(self.page, session, restored)

    def compare(self, reference: str, request: gr.Request) -> Changes:
        """Score the reports against a reference that was pasted."""
        session = self._session(request)
        session.reference = reference
        return changes.tables(self.page, session)

    def save(self, event: gr.EventData, request: gr.Request) -> Changes:
        """Hand over the reports in the format that was clicked."""
        case = changes.case(self.page, self._session(request))
        if case is None or str(event.kind) not in KINDS:
            return {self.page.notice: "There is no report to save yet; press Run first."}
        weights = {title: fingerprint(self.engine, one.system) for title, one in case.predictions.items()}
        file = file_value(str(event.kind), replace(case, checkpoints=weights))
        return {self.page.download: file, self.page.notice: ""}

    def assess(self, request: gr.Request) -> Changes:
        """Say what gate and classifier see in the study that was just loaded."""
        session = self._session(request)
        loaded = session.loaded
        if loaded is None:
            return {self.page.notice: gr.skip()}
        try:
            assessment = loaded.assess(self.engine)
            return changes.assessed(self.page, session, loaded, assessment)
        except Exception as error:
            return {self.page.notice: escape(sentence(error))}

    def run(self, chosen: Sequence[str], indication: str, request: gr.Request) -> Iterator[Changes]:
        """Stream the reports of the chosen systems, from the labels that the classifier predicts."""
        yield from self._report(self._session(request), chosen, indication, None)

    def run_anyway(self, chosen: Sequence[str], indication: str, request: gr.Request) -> Iterator[Changes]:
        """Stream the reports although the gate did not pass the study."""
        session = self._session(request)
        if session.loaded:
            session.loaded.accepted = True
        yield from self._report(session, chosen, indication, None)

    def run_with_labels(
        self, chosen: Sequence[str], indication: str, labels: Sequence[str], request: gr.Request
    ) -> Iterator[Changes]:
        """Stream the reports from the labels that were ticked by hand."""
        yield from self._report(self._session(request), chosen, indication, tuple(labels))

    def cancel(self, request: gr.Request) -> Changes:
        """Stop the run and leave what was written."""
        run = self._session(request).run
        run.cancelled.set()
        return changes.stopped(self.page, run)

    def _session(self, request: gr.Request) -> Session:
        return self.sessions.get(session_key(request))

    def _load(self, read: Callable[[], list[bytes]], session: Session) -> Changes:
        try:
            loaded = session.load(read_study(read()))
        except Exception as error:
            return {self.page.notice: escape(sentence(error)), self.page.files: None}
        return changes.loaded(self.page, session, loaded)

    def _report(
        self, session: Session, chosen: Sequence[str], indication: str, labels: Sequence[str] | None
    ) -> Iterator[Changes]:
        names, loaded = [name for name in self.page.cards if name in chosen], session.loaded
        if loaded is None or not names:
            missing = "a radiograph" if loaded is None else "at least one system"
            yield {self.page.notice: f"Choose {missing} first."}
            return
        run = session.begin(names, labels)
        session.indication = indication
        yield changes.waiting(self.page, session, names)
        gate = self._ask_gate(loaded)
        if self.page.question in gate:
            yield {**changes.no_reports(self.page), **gate}
            return
        if gate:
            yield gate
        yield from self._stream(session, run, loaded.indicated(indication), labels)

    def _ask_gate(self, loaded: LoadedStudy) -> Changes:
        """Return the question if there is one, or why the gate could not be asked."""
        try:
            return changes.question(self.page, loaded, loaded.assess(self.engine))
        except Exception as error:
            return {self.page.notice: escape(sentence(error))}

    def _stream(
        self, session: Session, run: Run, study: Study, labels: Sequence[str] | None
    ) -> Iterator[Changes]:
        stop = run.cancelled.is_set
        streams = {name: partial(self.engine.predict, name, study, labels, stop) for name in run.latest}
        before: set[str] = set()
        for updates in merge(streams, run.cancelled):
            run.latest.update(updates)
            yield changes.written(self.page, session, run, before | updates.keys())
            before = set(updates)
        if session.run is run and run.unfinished:
            yield changes.stopped(self.page, run)
        elif session.run is run:
            yield changes.written(self.page, session, run, run.latest)
        elif not session.run.latest:  # the study is gone, and no newer run owns the cards
            yield changes.no_reports(self.page)

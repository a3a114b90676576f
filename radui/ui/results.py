"""The Results tab: what a reading study found, for admins and single users. Handlers check the role."""

import tempfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import gradio as gr

from radui.render.rating_figures import figures_png, figures_svg
from radui.render.rating_tables import results_html
from radui.store.connection import Store
from radui.store.dictionary import DICTIONARY
from radui.store.errors import RuleError
from radui.store.export import as_csv, as_jsonl, export_zip, preference_pairs
from radui.store.queues import close_study, reopen_study
from radui.store.readers import Reader
from radui.store.tables import case_progress, list_studies, read_table
from radui.ui.rate_identity import Identify, admins_only
from radui.ui.results_disputes import Disputes
from radui.ui.results_layout import ResultsLayout
from radui.ui.results_metrics import metric_agreement

if TYPE_CHECKING:
    from radui.statistics.results import StudyResults

RESAMPLES = 200
"""Fewer than the library's default: an admin waits for them."""
RATINGS = "report_ratings"
Changes = dict[Any, Any]


class ResultsTab:
    """Answers the events of the tab. titles: {system: title}, sent to admins only."""

    def __init__(self, store: Store, identify: Identify, titles: Mapping[str, str]) -> None:
        self.store, self.identify, self.titles = store, identify, titles
        self.page = ResultsLayout()
        with self.page.main:
            self.disputes = Disputes(store, identify, self.page.study, self.page.notice)
        self._connect()

    def _connect(self) -> None:
        page = self.page
        listen: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        compute = admins_only(self.identify, page.notice, self.compute)
        computed = [page.shown, page.notice, page.toggle, *self.disputes.shown]
        for event in (page.compute.click, page.study.input):
            event(
                compute,
                page.study,
                computed,
                **{**listen, "show_progress": "full"},
                show_progress_on=page.shown,
            )
        page.toggle.click(
            admins_only(self.identify, page.notice, self.toggle),
            page.study,
            [page.toggle, page.notice, page.study],
            **listen,
        )
        for kind, button in page.downloads.items():
            handler = admins_only(self.identify, page.notice, partial(self.save, kind))
            button.click(handler, [page.study], [page.download, page.notice], **listen)

    def open(self, tab: gr.Tab) -> None:
        """List the studies whenever the tab is opened."""
        handler = admins_only(self.identify, self.page.notice, self.refresh)
        tab.select(
            handler,
            self.page.study,
            [self.page.study, self.page.notice],
            show_progress="hidden",
            api_visibility="private",
        )

    def refresh(self, reader: Reader, study_id: str | None) -> Changes:
        """Return the studies as they stand."""
        return {self.page.study: self._studies(study_id)}

    def compute(self, reader: Reader, study_id: str | None) -> Changes:
        """Compute and show everything."""
        results = self._results(_chosen(study_id))
        figures = "".join(
            f'<figure class="rd-figure" role="img" aria-label="{escape(title)}">'
            f"<figcaption>{escape(title)}</figcaption>{svg}</figure>"
            for title, svg in figures_svg(results, self.titles).items()
        )
        metrics = metric_agreement(self.store, _chosen(study_id), _bootstrap())
        cases = case_progress(self.store, _chosen(study_id))
        tables = results_html(results, self.titles, cases, metrics)
        return {
            self.page.shown: f'<div class="rd-study-figures">{figures}</div>{tables}',
            self.page.toggle: self._toggle(_chosen(study_id)),
            **self.disputes.show(_chosen(study_id)),
        }

    def toggle(self, reader: Reader, study_id: str | None) -> Changes:
        """Close an open study, or open a closed one."""
        study_id = _chosen(study_id)
        (close_study if self._state(study_id) == "open" else reopen_study)(self.store, study_id)
        return {self.page.toggle: self._toggle(study_id), self.page.study: self._studies(study_id)}

    def save(self, kind: str, reader: Reader, study_id: str | None) -> Changes:
        """Hand over a file."""
        name, mime, data = self._file(kind, study_id)
        value = {"id": token_hex(4), "name": name, "mime": mime, "data": b64encode(data).decode("ascii")}
        return {self.page.download: value}

    def _file(self, kind: str, study_id: str | None) -> tuple[str, str, bytes]:
        if kind == "zip":
            return "radui-ratings.zip", "application/zip", _zipped(self.store)
        if kind == "figures":
            figures = figures_png(self._results(_chosen(study_id)), self.titles)
            return "radui-figures.zip", "application/zip", _archive(figures)
        if kind == "dpo":
            pairs = as_jsonl(preference_pairs(self.store, _chosen(study_id)))
            return "radui-preference-pairs.jsonl", "application/jsonl", pairs.encode()
        rows = read_table(self.store, RATINGS, _chosen(study_id))
        if kind == "jsonl":
            return "radui-ratings.jsonl", "application/jsonl", as_jsonl(rows).encode()
        return "radui-ratings.csv", "text/csv", as_csv(rows, DICTIONARY[RATINGS]).encode()

    def _results(self, study_id: str) -> "StudyResults":
        from radui.statistics.results import study_results

        return study_results(self.store, study_id, _bootstrap())

    def _studies(self, chosen: str | None = None) -> Any:
        rows = list_studies(self.store)
        choices = [
            (f"{row['title']} · {row['state']} · {row['submitted']} ratings", row["study_id"]) for row in rows
        ]
        return gr.update(choices=choices, value=chosen or (rows[-1]["study_id"] if rows else None))

    def _state(self, study_id: str) -> str:
        return next((row["state"] for row in list_studies(self.store) if row["study_id"] == study_id), "")

    def _toggle(self, study_id: str) -> Any:
        state = self._state(study_id)
        text = "Reopen the study" if state == "closed" else "Close the study"
        return gr.update(value=text, interactive=state in ("open", "closed"))


def _chosen(study_id: str | None) -> str:
    if not study_id:
        raise RuleError("Choose a reading study first.")
    return study_id


def _bootstrap() -> Any:
    from radui.statistics.intervals import Bootstrap

    return Bootstrap(RESAMPLES)


def _zipped(store: Store) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return export_zip(store, Path(folder, "ratings.zip")).read_bytes()


def _archive(figures: Mapping[str, bytes]) -> bytes:
    from io import BytesIO

    data = BytesIO()
    with ZipFile(data, "w") as archive:
        for title, png in figures.items():
            archive.writestr(f"{_file_name(title)}.png", png)
    return data.getvalue()


def _file_name(title: str) -> str:
    words: Sequence[str] = "".join(each if each.isalnum() else " " for each in title.lower()).split()
    return "-".join(words)

"""The Results tab: what a reading study found, for admins and single users. Handlers check the role."""

import tempfile
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import gradio as gr

from radui.render.rating_figures import figures_png, figures_svg
from radui.render.rating_tables import metrics_html, results_html
from radui.store.adjudication import Disagreement, adjudicate, disagreements
from radui.store.connection import Store
from radui.store.dictionary import DICTIONARY
from radui.store.errors import RuleError
from radui.store.export import as_csv, as_jsonl, export_zip, preference_pairs
from radui.store.queues import close_study, reopen_study
from radui.store.readers import Reader
from radui.store.tables import list_studies, read_table
from radui.ui.rate_identity import Identify, admins_only
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
        self._connect()

    def _connect(self) -> None:
        page = self.page
        listen: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        computed = [page.shown, page.notice, page.toggle, *self._of_disputes]
        for event, answer, inputs, outputs in (
            (page.compute.click, self.compute, [page.study], computed),
            (page.study.input, self.compute, [page.study], computed),
            (page.toggle.click, self.toggle, [page.study], [page.toggle, page.notice, page.study]),
            (page.dispute.input, self.opinions, [page.study, page.dispute], [page.opinions, page.notice]),
            (
                page.decide.click,
                self.decide,
                [page.study, page.dispute, page.decision, page.note],
                [*self._of_disputes, page.decision, page.note, page.notice],
            ),
        ):
            event(admins_only(self.identify, page.notice, answer), inputs, outputs, **listen)
        for kind, button in page.downloads.items():
            handler = admins_only(self.identify, page.notice, partial(self.save, kind))
            button.click(handler, [page.study], [page.download, page.notice], **listen)

    @property
    def _of_disputes(self) -> list[gr.components.Component]:
        return [self.page.disputes, self.page.dispute, self.page.opinions]

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
        tables = results_html(results, self.titles, self._cases(_chosen(study_id)))
        metrics = metrics_html(metric_agreement(self.store, _chosen(study_id), _bootstrap()))
        return {
            self.page.shown: f'<div class="rd-study-figures">{figures}</div>{tables}{metrics}',
            self.page.toggle: self._toggle(_chosen(study_id)),
            **self._disputes(_chosen(study_id)),
        }

    def toggle(self, reader: Reader, study_id: str | None) -> Changes:
        """Close an open study, or open a closed one."""
        study_id = _chosen(study_id)
        (close_study if self._state(study_id) == "open" else reopen_study)(self.store, study_id)
        return {self.page.toggle: self._toggle(study_id), self.page.study: self._studies(study_id)}

    def opinions(self, reader: Reader, study_id: str | None, key: str | None) -> Changes:
        """Show a report on which readers differ, nobody named."""
        found = self._dispute(_chosen(study_id), key)
        return {self.page.opinions: _opinions_html(found)}

    def decide(
        self, reader: Reader, study_id: str | None, key: str | None, decision: str, note: str
    ) -> Changes:
        """Record what the adjudicator decides."""
        found = self._dispute(_chosen(study_id), key)
        adjudicate(self.store, reader.reader_id, found.candidate_id, found.question, decision, note)
        return {**self._disputes(_chosen(study_id)), self.page.decision: "", self.page.note: ""}

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

    def _cases(self, study_id: str) -> dict[str, int]:
        rows = read_table(self.store, "current_ratings", study_id)
        rated = Counter(row["case_id"] for row in rows if row["kind"] == "submitted")
        return {row["name"]: rated[row["case_id"]] for row in read_table(self.store, "cases", study_id)}

    def _disputes(self, study_id: str) -> Changes:
        found = disagreements(self.store, study_id)
        choices = [
            (f"{number}. {each.text[:60]} … ({each.question})", _key(each))
            for number, each in enumerate(found, 1)
        ]
        label = f"Disagreements to adjudicate ({len(found)})"
        return {
            self.page.disputes: gr.update(visible=bool(found), label=label),
            self.page.dispute: gr.update(choices=choices, value=choices[0][1] if choices else None),
            self.page.opinions: _opinions_html(found[0]) if found else "",
        }

    def _dispute(self, study_id: str, key: str | None) -> Disagreement:
        for each in disagreements(self.store, study_id):
            if _key(each) == key:
                return each
        raise RuleError("Choose a report on which readers differ.")


def _chosen(study_id: str | None) -> str:
    if not study_id:
        raise RuleError("Choose a reading study first.")
    return study_id


def _bootstrap() -> Any:
    from radui.statistics.intervals import Bootstrap

    return Bootstrap(RESAMPLES)


def _key(dispute: Disagreement) -> str:
    return f"{dispute.candidate_id}/{dispute.question}"


def _opinions_html(dispute: Disagreement) -> str:
    rows = "".join(
        f"<li>acceptability {each.acceptability or '–'}, {each.significant_errors} significant and "
        f"{each.insignificant_errors} other errors</li>"
        for each in dispute.opinions
    )
    return f'<div class="rd-opinions"><p>{escape(dispute.text)}</p><ul>{rows}</ul></div>'


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

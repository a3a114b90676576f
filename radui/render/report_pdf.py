"""A study and its reports on paper: pictures, reports, and what each states."""

import io
import textwrap
from typing import TYPE_CHECKING, Any

from radui.observations import OBSERVATIONS, State
from radui.processing.labeler import label
from radui.render.exports import NOTICE, Case
from radui.render.report import SIGNS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = (8.27, 11.69)  # A4, inches
COLUMNS = 92  # characters a line of 9 points
_LINE = 0.0142  # of the page's height


def case_pdf(case: Case) -> bytes:
    """Return an A4 PDF: the first page has the pictures and the reports, the second one the table.

    A report too long for the first page goes on to the next. No name and no date stand in its metadata.
    """
    from matplotlib.backends.backend_pdf import PdfPages

    buffer = io.BytesIO()
    metadata = {"Title": "radui", "Subject": NOTICE, "CreationDate": None}
    with PdfPages(buffer, metadata=metadata) as pages:
        for page in (*_report_pages(case), _table_page(case)):
            _write_warning(page, case.warning)
            pages.savefig(page)
    return buffer.getvalue()


def _page() -> "Figure":
    from matplotlib.figure import Figure

    page = Figure(figsize=PAGE)
    page.text(0.08, 0.03, NOTICE, size=8, color="#7a4d00")
    page.text(0.92, 0.03, "radui", size=8, ha="right", color="#4c5b69")
    return page


def _write_warning(page: "Figure", warning: str | None) -> None:
    """A warning stands at the head of every page, so that none of them is handed on without it."""
    if warning:
        page.text(0.08, 0.965, f"WARNING: {warning}", size=10, weight="bold", color="#a4231b")


def _report_pages(case: Case) -> list["Figure"]:
    pages = [_page()]
    _draw_views(pages[0], case)
    top = 0.60
    for heading, text in _paragraphs(case):
        lines = textwrap.wrap(text, COLUMNS) or [""]
        if top - (len(lines) + 3) * _LINE < 0.06:
            pages.append(_page())
            top = 0.94
        pages[-1].text(0.08, top, heading, size=10, weight="bold", va="top")
        pages[-1].text(0.08, top - 1.4 * _LINE, "\n".join(lines), size=9, va="top", linespacing=1.35)
        top -= (len(lines) + 3) * _LINE
    return pages


def _paragraphs(case: Case) -> list[tuple[str, str]]:
    indication = [("Indication", case.study.indication)] if case.study.indication else []
    reports = [(_title(title, one.seconds, case), one.report) for title, one in case.predictions.items()]
    reference = [("Reference", " ".join(case.reference.split()))] if case.reference.strip() else []
    return [*indication, *reports, *reference]


def _title(title: str, seconds: float, case: Case) -> str:
    weights = case.checkpoints.get(title)
    return f"{title}  ({seconds:.1f} s{f', checkpoint {weights[:12]}' if weights else ''})"


def _draw_views(page: "Figure", case: Case) -> None:
    count = len(case.study.views)
    for index, view in enumerate(case.study.views):
        axes = page.add_axes((0.08 + index * 0.84 / count, 0.63, 0.84 / count - 0.01, 0.32))
        axes.imshow(view.display, cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()


def _table_page(case: Case) -> "Figure":
    page = _page()
    columns: dict[str, dict[str, State]] = {
        title: label(one.report) for title, one in case.predictions.items()
    }
    if case.reference.strip():
        columns["Reference"] = label(case.reference)
    chances = {one.observation: f"{one.positive:.2f}" for one in case.findings}
    rows = [
        [*(SIGNS[states[name]] for states in columns.values()), chances.get(name, "–")]
        for name in OBSERVATIONS
    ]
    axes = page.add_axes((0.08, 0.5, 0.84, 0.42))
    axes.set_axis_off()
    axes.set_title(
        "What each report states: + present, ? uncertain, − absent, · not mentioned", size=9, loc="left"
    )
    _draw_table(axes, rows, [*columns, "Classifier"])
    return page


def _draw_table(axes: Any, rows: list[list[str]], columns: list[str]) -> None:
    table = axes.table(
        rows,
        rowLabels=list(OBSERVATIONS),
        colLabels=columns,
        loc="upper right",
        cellLoc="center",
        colWidths=[0.68 / len(columns)] * len(columns),
    )
    table.auto_set_font_size(False)
    table.set_fontsize(8.5)
    table.scale(1, 1.25)
    for cell in table.get_celld().values():
        cell.set_edgecolor("#ccd6df")

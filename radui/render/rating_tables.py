"""What a reading study found -> HTML tables."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from radui.render.rating_agreement import agreement_html
from radui.render.rating_cells import Notes, cell, counted, number, percent, table
from radui.store.answers import CATEGORIES
from radui.store.plan import REFERENCE

if TYPE_CHECKING:  # its libraries take seconds to import
    from radui.statistics.intervals import Estimate
    from radui.statistics.results import StudyResults

Titles = Mapping[str, str]
Rows = Sequence[Mapping[str, Any]]
_COLUMNS = {
    "mean": "Acceptability, 1–5",
    "standard": "No or minor changes",
    "stringent": "No changes",
    "hallucination": "Hallucination",
    "clarity": "Clarity, 1–5",
    "radpeer_concur": "RADPEER 1, concur",
    "radpeer_significant": "RADPEER 2b or 3b",
    "worst_severity": "Worst error, 0–4",
    "edited_words": "Words edited",
    "edit_seconds": "Seconds editing",
    "realism": "Realism of its picture, 1–5",
    "agreement": "Picture agrees, 1–5",
}
_SHARES = {"standard", "stringent", "hallucination", "radpeer_concur", "radpeer_significant"}
_SUPPORT = {"yes": "Yes", "partly": "Partly", "no": "No", "cannot_judge": "Cannot judge"}


def results_html(
    results: "StudyResults", titles: Titles, cases: Rows, metrics: "Mapping[str, Estimate]"
) -> str:
    """Return all tables of a study, systems in the order that readers prefer.

    titles: {system: title}; cases: rows of `tables.case_progress`; metrics: as for `metrics_html`.
    """
    named = {**titles, REFERENCE: "Reference report"}
    return "".join(
        (
            readers_html(results.progress),
            quality_html(results, named),
            errors_html(results, named),
            preference_html(results, named),
            support_html(results, named),
            metrics_html(metrics),
            agreement_html(results.agreement),
            cases_html(cases),
        )
    )


def readers_html(progress: Rows) -> str:
    """Return how far each reader is."""
    rows = [
        (
            escape(row["reader_name"]),
            f"{row['submitted']} of {row['assigned']}",
            str(row["skipped"]),
            _minutes(row),
        )
        for row in progress
    ]
    head = ("Reader", "Submitted", "Skipped", "Minutes a case, without idle time")
    return table("Progress of readers", head, rows)


def cases_html(cases: Rows) -> str:
    """Return how far each reader is with each case, and why cases were skipped."""
    readers = list(dict.fromkeys(row["reader_name"] for row in cases))
    found = {(row["case_name"], row["reader_name"]): row for row in cases}
    names = dict.fromkeys(row["case_name"] for row in cases)
    rows = [(escape(name), *(_done(found.get((name, reader))) for reader in readers)) for name in names]
    return table("Progress of cases", ("Case", *map(escape, readers)), rows)


def _done(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    skipped = f", skipped: {escape(row['reasons'])}" if row["reasons"] else ""
    return f"{row['submitted']} of {row['assigned']}{skipped}"


def quality_html(results: "StudyResults", titles: Titles) -> str:
    """Return acceptability and the means of all else that was asked, by system."""
    notes = Notes()
    found = {
        system: {
            **results.means[system],
            **results.pictures.get(system, {}),
            **results.acceptability[system],
        }
        for system in _ranked(results, results.acceptability)
    }
    asked = [name for name in _COLUMNS if any(each[name].n for each in found.values() if name in each)]
    rows = [
        (
            _title(system, titles),
            str(each["mean"].n),
            *(_quality(each.get(name), name, notes) for name in asked),
        )
        for system, each in found.items()
    ]
    head = ("System", "n", *(_COLUMNS[name] for name in asked))
    return table("Quality of each system's reports", head, rows, notes)


def _quality(estimate: "Estimate | None", name: str, notes: Notes) -> str:
    return cell(estimate, notes, percent if name in _SHARES else number) if estimate else ""


def errors_html(results: "StudyResults", titles: Titles) -> str:
    """Return errors a report by category and significance, a column a system."""
    notes, systems = Notes(), _ranked(results, results.errors)
    rows = [
        (
            escape(title) if significant else "",
            "significant" if significant else "not significant",
            *(cell(results.errors[system][category, significant], notes) for system in systems),
        )
        for category, title in {"all": "All", **CATEGORIES}.items()
        for significant in (True, False)
        if systems
    ]
    heads = [
        f"{_title(system, titles)} <small>n {results.errors[system]['all', True].n}</small>"
        for system in systems
    ]
    return table("Errors a report", ("Category (ReXVal)", "Clinically", *heads), rows, notes)


def preference_html(results: "StudyResults", titles: Titles) -> str:
    """Return Bradley-Terry strengths, the win matrix and the bias to a place."""
    notes, matrix = Notes(), results.wins
    strengths = [
        (_title(system, titles), *counted(estimate, notes)) for system, estimate in results.strengths.items()
    ]
    order = [matrix.systems.index(system) for system in _ranked(results, matrix.systems)]
    wins = [
        (
            _title(matrix.systems[i], titles),
            *("–" if i == j else f"{matrix.wins[i, j]:g}" for j in order),
        )
        for i in order
    ]
    head = ("won \\ against", *(_title(matrix.systems[i], titles) for i in order))
    return (
        table("Bradley-Terry strengths, ties count half", ("System", "Log-strength", "n"), strengths, notes)
        + table("Wins of the row against the column", head, wins)
        + _bias(results)
    )


def _bias(results: "StudyResults") -> str:
    notes, p_value = Notes(), results.position.p_value
    share, n = counted(results.position.share, notes, percent)
    test = "none" if p_value is None else f"p {p_value:.3f}"
    rows = [(share, test, n, str(results.both_unacceptable))]
    head = ("Earlier letter won", "Two-sided test of one half", "n decided", "Both unacceptable")
    return table("Position on the page", head, rows, notes)


def support_html(results: "StudyResults", titles: Titles) -> str:
    """Return whether regions supported the words; nothing where no region was judged."""
    notes = Notes()
    rows = [
        (
            _title(system, titles),
            str(results.support[system]["yes"].n),
            *(cell(results.support[system][answer], notes, percent) for answer in _SUPPORT),
        )
        for system in _ranked(results, results.support)
    ]
    head = ("System", "n", *_SUPPORT.values())
    return table("Does the region support the words?", head, rows, notes) if rows else ""


def metrics_html(metrics: "Mapping[str, Estimate]") -> str:
    """Return how well each automatic metric ranks reports as the readers did; nothing without a metric."""
    notes = Notes()
    rows = [(escape(name), *counted(estimate, notes)) for name, estimate in metrics.items()]
    head = ("Metric against the reference report", "Kendall's τ with acceptability", "n reports")
    return table("Automatic metrics and readers", head, rows, notes) if rows else ""


def _ranked(results: "StudyResults", systems: Iterable[str]) -> list[str]:
    """Systems best first where readers' preference tells, the others after them as they come."""
    order = list(results.strengths)
    return sorted(systems, key=lambda system: order.index(system) if system in order else len(order))


def _minutes(row: Mapping[str, Any]) -> str:
    done = row["submitted"] + row["skipped"]
    return f"{row['active_seconds'] / 60 / done:.1f}" if done else "–"


def _title(system: str, titles: Titles) -> str:
    return escape(titles.get(system, system))

"""What a reading study found -> HTML tables: each number with its interval, n, and a sentence where it is
undefined. Tables say n once a row and keep the rest of an estimate in the cell's title."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from radui.store.answers import CATEGORIES
from radui.store.plan import REFERENCE

if TYPE_CHECKING:  # its libraries take seconds to import
    from radui.statistics.intervals import Estimate
    from radui.statistics.results import Agreement, StudyResults

Titles = Mapping[str, str]
_QUALITY = {
    "mean": "Acceptability, 1–5",
    "standard": "No or minor changes",
    "stringent": "No changes",
}
_MEANS = {
    "hallucination": "Hallucination",
    "clarity": "Clarity, 1–5",
    "edited_words": "Words edited",
    "edit_seconds": "Seconds editing",
}
_SHARES = {"standard", "stringent", "hallucination"}


def results_html(results: "StudyResults", titles: Titles, cases: Mapping[str, int]) -> str:
    """Return all tables of a study.

    titles: {system: title}; cases: {case name: submitted ratings}.
    """
    named = {**titles, REFERENCE: "Reference report"}
    return "".join(
        (
            progress_html(results.progress, cases),
            quality_html(results, named),
            errors_html(results, named),
            preference_html(results, named),
            *(agreement_html(each) for each in results.agreement),
        )
    )


def progress_html(progress: Sequence[Mapping[str, Any]], cases: Mapping[str, int]) -> str:
    """Return how far each reader is, and how many ratings each case has."""
    rows = [
        (
            escape(row["reader_name"]),
            f"{row['submitted']} of {row['assigned']}",
            str(row["skipped"]),
            _minutes(row),
        )
        for row in progress
    ]
    readers = _table(
        "Progress of readers", ("Reader", "Submitted", "Skipped", "Minutes a case, without idle time"), rows
    )
    own = [(escape(name), str(count)) for name, count in cases.items()]
    return readers + _table("Ratings of each case", ("Case", "Submitted"), own)


def quality_html(results: "StudyResults", titles: Titles) -> str:
    """Return acceptability, hallucination, clarity and edits by system."""
    rows = []
    for system, found in results.acceptability.items():
        estimates = {**found, **{name: results.means[system][name] for name in _MEANS}}
        columns = (*_QUALITY, *_MEANS)
        cells = [_cell(estimates[name], _percent if name in _SHARES else _number) for name in columns]
        rows.append((_title(system, titles), str(found["mean"].n), *cells))
    head = ("System", "n", *_QUALITY.values(), *_MEANS.values())
    return _table("Quality of each system's reports", head, rows)


def errors_html(results: "StudyResults", titles: Titles) -> str:
    """Return errors a report by category and significance; significant ones first."""
    names = {"all": "All", **CATEGORIES}
    rows = [
        (
            _title(system, titles) if (category, significant) == ("all", True) else "",
            escape(name),
            "significant" if significant else "not significant",
            _cell(counts[category, significant]),
            str(counts[category, significant].n),
        )
        for system, counts in results.errors.items()
        for category, name in names.items()
        for significant in (True, False)
    ]
    head = ("System", "Category (ReXVal)", "Clinically", "Errors a report", "n")
    return _table("Errors in each system's reports", head, rows)


def preference_html(results: "StudyResults", titles: Titles) -> str:
    """Return Bradley-Terry strengths, the win matrix and the bias to a place."""
    strengths = [
        (_title(system, titles), _cell(estimate), str(estimate.n))
        for system, estimate in results.strengths.items()
    ]
    matrix = results.wins
    wins = [
        (_title(system, titles), *("–" if i == j else f"{won:g}" for j, won in enumerate(matrix.wins[i])))
        for i, system in enumerate(matrix.systems)
    ]
    head = ("won \\ against", *(_title(system, titles) for system in matrix.systems))
    return (
        _table("Bradley-Terry strengths, ties count half", ("System", "Log-strength", "n"), strengths)
        + _table("Wins of the row against the column", head, wins)
        + _bias(results)
    )


def _bias(results: "StudyResults") -> str:
    share, p_value = results.position.share, results.position.p_value
    test = "" if p_value is None else f", two-sided p {p_value:.3f}"
    rows = [
        (
            "Earlier letter preferred, of decided comparisons",
            f"{_cell(share, _percent)}{test}",
            str(share.n),
        ),
        ("Both unacceptable", str(results.both_unacceptable), ""),
    ]
    return _table("Position and refusals", ("", "", "n"), rows)


def metrics_html(metrics: "Mapping[str, Estimate]") -> str:
    """Return how well each automatic metric ranks reports as the readers did; nothing without a metric."""
    rows = [(escape(name), *_both(estimate)) for name, estimate in metrics.items()]
    head = ("Metric against the reference report", "Kendall's τ with acceptability", "n")
    return _table("Automatic metrics and readers", head, rows) if rows else ""


def agreement_html(agreement: "Agreement") -> str:
    """Return the agreement on one question: of all readers, of every two, of each with itself."""
    name = agreement.question.replace("_", " ").capitalize()
    rows = [("All readers", "Krippendorff's α", *_both(agreement.alpha))]
    rows.append(("All readers", "Fleiss' κ", *_both(agreement.fleiss)))
    pairs: list[tuple[str, Mapping[str, Estimate]]] = [
        (f"{one} and {other}", found) for (one, other), found in agreement.pairs.items()
    ]
    pairs += [(f"{reader}, first and second reading", found) for reader, found in agreement.intra.items()]
    measures = {"cohen": "Cohen's κ", "pabak": "PABAK"}
    rows += [
        (escape(who), label, *_both(found[key])) for who, found in pairs for key, label in measures.items()
    ]
    return _table(f"Agreement: {name} ({agreement.level})", ("Readers", "Measure", "Value", "n"), rows)


def _both(estimate: "Estimate") -> tuple[str, str]:
    return _cell(estimate), f"{estimate.n} {escape(estimate.unit)}"


def _cell(estimate: "Estimate", shown: Callable[[float], str] | None = None) -> str:
    """A value with its interval; without a value, the sentence that says why."""
    shown = shown or _number
    if estimate.value is None:
        return f'<span class="rd-undefined">{escape(estimate.note)}</span>'
    text = f"<b>{shown(estimate.value)}</b>"
    if estimate.low is not None and estimate.high is not None:
        text += f' <span class="rd-interval">{shown(estimate.low)} to {shown(estimate.high)}</span>'
    return text + (f"<small>{escape(estimate.note)}</small>" if estimate.note else "")


def _number(value: float) -> str:
    return f"{value:.2f}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _minutes(row: Mapping[str, Any]) -> str:
    done = row["submitted"] + row["skipped"]
    return f"{row['active_seconds'] / 60 / done:.1f}" if done else "–"


def _title(system: str, titles: Titles) -> str:
    return escape(titles.get(system, system))


def _table(caption: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Cells are HTML already; the first of a row is its heading."""
    top = "".join(f'<th scope="col">{each}</th>' for each in head)
    body = "".join(_row(*row) for row in rows)
    if not body:
        return f'<section class="rd-result"><h3>{escape(caption)}</h3><p>No ratings yet.</p></section>'
    return (
        f'<section class="rd-result"><h3>{escape(caption)}</h3>'
        f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></section>"
    )


def _row(first: str, *others: str) -> str:
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'

"""Systems x observations: what each report states, disagreement first to be seen."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from radui.observations import NO_FINDING, OBSERVATION_INDEX, OBSERVATIONS, STATE_NAMES, State
from radui.processing.labeler import label
from radui.records import Finding
from radui.render.report import SIGNS

_PRESENT = (State.POSITIVE, State.UNCERTAIN)
REFERENCE = "Reference"

Column = Mapping[str, State] | None


def matrix_html(
    reports: Mapping[str, str | None], findings: Sequence[Finding] = (), reference: str = ""
) -> str:
    """Return the table of the 14 observations, a column a report, the reference and the classifier last.

    reports: title -> complete report, None while there is none. It has its 14 rows at any time.
    """
    columns: dict[str, Column] = {
        title: None if text is None else label(text) for title, text in reports.items()
    }
    if reference.strip():
        columns[REFERENCE] = label(reference)
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in columns)
    chances = {finding.observation: finding for finding in findings}
    rows = "".join(_row(name, columns, chances.get(name)) for name in OBSERVATIONS)
    return (
        '<table class="rd-matrix"><caption>What each report states '
        "<small>+ present · ? uncertain · − absent · blank: not mentioned. "
        "Strong bar: reports contradict each other; pale bar: one says nothing.</small></caption>"
        f'<thead><tr><th scope="col">Observation</th>{head}<th scope="col">Classifier</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def disagreement(states: Iterable[State]) -> str:
    """Return how far reports are apart on an observation: "contradiction", "omission", or "" for agreement.

    contradiction: one says present or uncertain, another absent. omission: one says present or
    uncertain, another nothing.
    """
    said = set(states)
    if not said & set(_PRESENT):
        return ""
    if State.NEGATIVE in said:
        return "contradiction"
    return "omission" if State.UNMENTIONED in said else ""


def _row(name: str, columns: Mapping[str, Column], finding: Finding | None) -> str:
    stated = [column[name] for column in columns.values() if column is not None]
    # "No Finding" follows from the other rows; its contradictions are theirs.
    apart = "" if name == NO_FINDING else disagreement(stated)
    cells = "".join(_cell(None if column is None else column[name]) for column in columns.values())
    note = f'<span class="rd-only-heard">, {apart}</span>' if apart else ""
    return (
        f'<tr data-observation="{OBSERVATION_INDEX[name]}" data-apart="{apart}"><th scope="row">'
        f'<button type="button">{name}{note}</button></th>{cells}{_chance_cell(finding)}</tr>'
    )


def _cell(state: State | None) -> str:
    if state is None:
        return '<td data-state="none"></td>'
    name = STATE_NAMES[state]
    sign = "" if state is State.UNMENTIONED else SIGNS[state]
    return (
        f'<td data-state="{name}" title="{name}"><span aria-hidden="true">{sign}</span>'
        f'<span class="rd-only-heard">{name}</span></td>'
    )


def _chance_cell(finding: Finding | None) -> str:
    if finding is None:
        return '<td class="rd-chance"><span class="rd-bar" aria-hidden="true"></span><b>–</b></td>'
    state, percent = STATE_NAMES[finding.state], 100 * finding.positive
    return (
        f'<td class="rd-chance" data-state="{state}" title="{state}"><span class="rd-bar" aria-hidden="true">'
        f'<i style="width:{percent:.1f}%"></i></span><b>{finding.positive:.2f}</b></td>'
    )

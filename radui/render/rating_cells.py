"""Estimates and rows -> cells and tables of the Results tab.

A number stands with its interval; what is to be said of it is told once under the table. A value that is
undefined is the sentence that says why.
"""

from collections.abc import Callable, Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # its libraries take seconds to import
    from radui.statistics.intervals import Estimate

Show = Callable[[float], str]


class Notes:
    """The sentences under one table, each with a number that cells refer to."""

    def __init__(self) -> None:
        self._told: list[str] = []

    def mark(self, sentence: str) -> str:
        """Return the reference to a sentence, nothing where there is none."""
        if not sentence:
            return ""
        if sentence not in self._told:
            self._told.append(sentence)
        return f"<sup>{self._told.index(sentence) + 1}</sup>"

    def html(self) -> str:
        """Return the list of all sentences."""
        rows = "".join(f"<li>{escape(sentence)}</li>" for sentence in self._told)
        return f'<ol class="rd-notes">{rows}</ol>' if rows else ""


def number(value: float) -> str:
    """Return two decimals, with a true minus sign."""
    return f"{value:.2f}".replace("-", "−")


def percent(value: float) -> str:
    """Return a share of one in percent."""
    return f"{100 * value:.0f} %"


def cell(estimate: "Estimate", notes: Notes, show: Show = number) -> str:
    """Return a value with its interval and the mark of its note; without a value, why there is none."""
    if estimate.value is None:
        return f'<span class="rd-undefined">{escape(estimate.note)}</span>'
    text = f"<b>{show(estimate.value)}</b>{notes.mark(estimate.note)}"
    if estimate.low is not None and estimate.high is not None:
        text += f' <span class="rd-interval">{show(estimate.low)} to {show(estimate.high)}</span>'
    return text


def counted(estimate: "Estimate", notes: Notes, show: Show = number) -> tuple[str, str]:
    """Return two cells: the value, and its n."""
    return cell(estimate, notes, show), str(estimate.n)


def table(
    caption: str, head: Iterable[str], rows: Iterable[Iterable[str]], notes: Notes | None = None
) -> str:
    """Return a section with a table; cells and heads are HTML already, the first of a row is its heading."""
    body = "".join(_row(*row) for row in rows)
    title = f'<section class="rd-result"><h3>{escape(caption)}</h3>'
    if not body:
        return f"{title}<p>No ratings yet.</p></section>"
    top = "".join(f'<th scope="col">{each}</th>' for each in head)
    below = notes.html() if notes else ""
    return f"{title}<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>{below}</section>"


def _row(first: str, *others: str) -> str:
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{each}</td>" for each in others)}</tr>'

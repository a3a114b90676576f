"""Reports that were read back from a synthesis, beside the one that was wanted -> HTML."""

from collections.abc import Mapping, Sequence
from html import escape

from radui.records import Finding
from radui.render.matrix import matrix_html
from radui.scores import Agreement, agreement

WANTED = "Wanted"
_NOTE = (
    "The rule labeler reads both texts. Present and uncertain count as one; what only the read one denies "
    "is no addition."
)
_HEAD = ("System", "Agree", "Contradict", "Left out", "Added")


def readback_html(
    wanted: str,
    reports: Mapping[str, str | None],
    findings: Sequence[Finding] = (),
    keywords: Sequence[str] = (),
) -> str:
    """Return where each report agrees with the wanted one, and the table of all observations.

    reports: title -> report that was read back, None while there is none. keywords: that AdaMatch chose for
    the picture, the best first.
    """
    rows = "".join(_row(title, wanted, report) for title, report in reports.items())
    head = "".join(f'<th scope="col">{name}</th>' for name in _HEAD)
    return (
        f'<table class="rd-scores rd-agreed"><caption>Read back against what was wanted '
        f"<small>{_NOTE}</small></caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f"{_keywords_html(wanted, keywords)}{matrix_html({WANTED: wanted, **reports}, findings)}"
    )


def _keywords_html(wanted: str, keywords: Sequence[str]) -> str:
    if not keywords:
        return ""
    said = wanted.lower()
    words = ", ".join(
        f"<mark>{escape(word)}</mark>" if word.lower() in said else escape(word) for word in keywords
    )
    return (
        f'<p class="rd-keywords"><b>Keywords that AdaMatch sees in the picture</b> {words} '
        "<small>Best first; marked are those that the wanted report says.</small></p>"
    )


def _row(title: str, wanted: str, report: str | None) -> str:
    if report is None:
        return f'<tr><th scope="row">{escape(title)}</th><td colspan="4">–</td></tr>'
    found: Agreement = agreement(wanted, report)
    agree = f"<b>{len(found.agree)} of {found.stated}</b> {_names(found.agree)}"
    wrong = "".join(
        f'<td class="rd-wrong">{_names(names) or "none"}</td>'
        for names in (found.contradict, found.missing, found.added)
    )
    return f'<tr><th scope="row">{escape(title)}</th><td>{agree}</td>{wrong}</tr>'


def _names(names: Sequence[str]) -> str:
    return ", ".join(names)

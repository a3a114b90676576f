"""Scores against a reference report -> a table."""

from collections.abc import Mapping, Sequence
from html import escape

from radui.scores import ReportScores

_NOTE = (
    "One report is a small sample: BLEU-4 of a good report is often 0, and CIDEr, which weighs words by "
    "a whole set of references, is not given. Findings are read from the texts by the rule labeler."
)
_HEAD = ("System", "BLEU-1", "BLEU-4", "ROUGE-L", "Finding F1", "Found", "Missing", "Added")


def scores_html(scores: Mapping[str, ReportScores]) -> str:
    """Return one row a system by its title; empty without any."""
    if not scores:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in _HEAD)
    rows = "".join(_row(title, one) for title, one in scores.items())
    return (
        f'<table class="rd-scores"><caption>Against the reference <small>{_NOTE}</small></caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(title: str, scores: ReportScores) -> str:
    f1 = "–" if scores.f1 is None else f"{scores.f1:.2f}"
    numbers = (f"{scores.bleu[0]:.2f}", f"{scores.bleu[3]:.2f}", f"{scores.rouge_l:.2f}", f1)
    cells = "".join(f"<td>{number}</td>" for number in numbers)
    wrong = "".join(f'<td class="rd-wrong">{_names(names)}</td>' for names in (scores.missing, scores.added))
    return f'<tr><th scope="row">{escape(title)}</th>{cells}<td>{_names(scores.found)}</td>{wrong}</tr>'


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"

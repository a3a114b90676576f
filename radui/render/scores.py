"""Scores against a reference report -> a table."""

from collections.abc import Mapping, Sequence
from html import escape

from radui.scores import Corpus, ReportScores

_NOTE = (
    "One report is a small sample: BLEU-4 of a good report is often 0. Findings are read from the texts by "
    "the rule labeler."
)
_NO_CIDER = (
    "CIDEr weighs words by how many reports of a set hold them. No such table ships, since it would hand on "
    "the licensed reports that it was counted in; start the page with --references and your own copy "
    "(annotation.json, or a text with a report a line) to see it."
)
_HEAD = ("System", "BLEU-1", "BLEU-4", "ROUGE-L", "CIDEr", "Finding F1", "Found", "Missing", "Added")


def cider_note(corpus: Corpus | None) -> str:
    """Return what a reader of CIDEr has to know: the set that it was weighed by, or why there is none."""
    if corpus is None:
        return _NO_CIDER
    return (
        f"CIDEr-D, 0 to 10, words weighed by the {corpus.size:,} reports of {corpus.name}; of one report "
        "it swings far, and it is no figure to hold against a test set's."
    )


def scores_html(scores: Mapping[str, ReportScores], corpus: Corpus | None = None) -> str:
    """Return one row a system by its title; empty without any."""
    if not scores:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in _HEAD)
    about = escape(cider_note(corpus)).replace("--references", "<code>--references</code>")
    note = f"{_NOTE} {about}"
    rows = "".join(_row(title, one) for title, one in scores.items())
    return (
        f'<table class="rd-scores"><caption>Against the reference <small>{note}</small></caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(title: str, scores: ReportScores) -> str:
    f1 = "–" if scores.f1 is None else f"{scores.f1:.2f}"
    cider = "–" if scores.cider is None else f"{scores.cider:.2f}"
    numbers = (f"{scores.bleu[0]:.2f}", f"{scores.bleu[3]:.2f}", f"{scores.rouge_l:.2f}", cider, f1)
    cells = "".join(f"<td>{number}</td>" for number in numbers)
    wrong = "".join(f'<td class="rd-wrong">{_names(names)}</td>' for names in (scores.missing, scores.added))
    return f'<tr><th scope="row">{escape(title)}</th>{cells}<td>{_names(scores.found)}</td>{wrong}</tr>'


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"

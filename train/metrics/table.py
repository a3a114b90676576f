"""Scores as plain text or Markdown: one table of systems, one of observations, and the reasons for gaps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev

from radui.observations import OBSERVATIONS
from train.metrics.clinical import support_name
from train.metrics.published import Published
from train.metrics.records import Score, Scores

# Metric name -> column title, in the order of the table.
COLUMNS: dict[str, str] = {
    **{f"BLEU-{n}": f"BLEU-{n}" for n in range(1, 5)},
    "METEOR": "METEOR",
    "ROUGE-L": "ROUGE-L",
    "CIDEr": "CIDEr",
    "BERTScore": "BERTSc.",
    "RadGraph F1": "RadGr.",
    "CE-14 micro F1": "micro-14",
    "CE-14 macro F1": "macro-14",
    "CE-5 micro F1": "micro-5",
    "CE-5 macro F1": "macro-5",
    "distinct reports": "distinct",
    "mean length": "length",
}
LEGEND = (
    "micro-14 to macro-5: clinical F1, pooled or averaged over 14 or 5 observations. "
    "–: not reported. n/a: unavailable here, reason below."
)
NOT_REPORTED, NOT_AVAILABLE = "–", "n/a"


@dataclass(frozen=True)
class Row:
    """A line of the score table: formatted cells by metric name and, below them, their spread."""

    name: str
    cells: Mapping[str, str]
    spread_name: str = ""
    spread: Mapping[str, str] = field(default_factory=dict)


def system_row(name: str, scores: Scores) -> Row:
    """A measured system; below each value half the width of its 95 % interval."""
    cells, spread = {}, {}
    for metric, score in scores.values.items():
        if not isinstance(score, Score):
            cells[metric] = NOT_AVAILABLE
            continue
        cells[metric] = format_value(metric, score.value)
        if score.low is not None and score.high is not None:
            spread[metric] = "±" + format_value(metric, (score.high - score.low) / 2)
    return Row(name, cells, "95 % interval", spread)


def seeds_row(runs: Sequence[Scores]) -> Row:
    """Mean and sample standard deviation over two or more runs of a system."""
    cells, spread = {}, {}
    for metric in runs[0].values:
        values = [value for value in (run.value(metric) for run in runs) if value is not None]
        if len(values) < len(runs):
            cells[metric] = NOT_AVAILABLE
            continue
        cells[metric] = format_value(metric, mean(values))
        spread[metric] = "±" + format_value(metric, stdev(values))
    return Row(f"mean of {len(runs)} checkpoints", cells, "standard deviation", spread)


def published_row(paper: Published) -> Row:
    """A paper's figures, marked as such."""
    return Row(f"{paper.system} (paper)", {m: format_value(m, v) for m, v in paper.values.items()})


def format_value(metric: str, value: float) -> str:
    """Three decimals without the leading zero; lengths with one, counts with none."""
    if metric == "distinct reports" or metric in map(support_name, OBSERVATIONS):
        return f"{value:.0f}"
    if metric == "mean length":
        return f"{value:.1f}"
    text = f"{value:.3f}"
    return text[1:] if text.startswith("0.") else text


def score_table(rows: Sequence[Row], markdown: bool = False) -> str:
    """All systems, a column a metric; spreads on a line of their own, in Markdown beside the value."""
    lines: list[list[str]] = []
    for row in rows:
        values = [row.cells.get(metric, NOT_REPORTED) for metric in COLUMNS]
        spreads = [row.spread.get(metric, "") for metric in COLUMNS]
        if markdown:
            lines.append([row.name, *(f"{v} {s}".strip() for v, s in zip(values, spreads, strict=True))])
            continue
        lines.append([row.name, *values])
        if row.spread:
            lines.append([f"  {row.spread_name}", *spreads])
    return align(["system", *COLUMNS.values()], lines, markdown)


def clinical_table(scores: Scores, others: Mapping[str, Scores], markdown: bool = False) -> str:
    """Precision, recall and F1 per observation and pooled; beside them the F1 of other systems."""
    header = ["observation", "studies", "precision", "recall", "F1", "95 % interval"]
    lines = []
    for prefix in (*OBSERVATIONS, "CE-14 micro", "CE-14 macro", "CE-5 micro", "CE-5 macro"):
        values = [_cell(scores, f"{prefix} {measure}") for measure in ("precision", "recall", "F1")]
        support = _cell(scores, support_name(prefix)) if prefix in OBSERVATIONS else ""
        baseline = [_cell(other, f"{prefix} F1") for other in others.values()]
        lines.append([prefix, support, *values, _interval(scores, f"{prefix} F1"), *baseline])
    return align([*header, *(f"F1 {name}" for name in others)], lines, markdown)


def _cell(scores: Scores, metric: str) -> str:
    value = scores.value(metric)
    return NOT_AVAILABLE if value is None else format_value(metric, value)


def _interval(scores: Scores, metric: str) -> str:
    score = scores.values.get(metric)
    if not isinstance(score, Score) or score.low is None or score.high is None:
        return NOT_REPORTED
    return f"{format_value(metric, score.low)} to {format_value(metric, score.high)}"


def align(header: Sequence[str], lines: Sequence[Sequence[str]], markdown: bool = False) -> str:
    """A table with the first column flush left and the others flush right.

    Errors: ValueError where a line has another number of cells than the header.
    """
    widths = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
    if not markdown:
        ruler = "-" * (sum(widths) + 2 * (len(widths) - 1))
        texts = [_padded(cells, widths, "  ").rstrip() for cells in (header, *lines)]
        return "\n".join([texts[0], ruler, *texts[1:]])
    marks = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(f"| {_padded(cells, widths, ' | ')} |" for cells in (header, marks, *lines))


def _padded(cells: Sequence[str], widths: Sequence[int], separator: str) -> str:
    first, *rest = (
        cell.rjust(width) if i else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return separator.join((first, *rest))

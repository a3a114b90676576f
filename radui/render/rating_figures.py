"""What a reading study found -> figures by matplotlib: SVG in the page's own colours, PNG for a paper."""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from radui.store.plan import REFERENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from radui.statistics.intervals import Estimate
    from radui.statistics.results import StudyResults

    Series = tuple[Mapping[str, Estimate], str, str]

# Near black on paper; in an SVG it becomes the text colour of whatever page it stands on.
_INK = "#010101"
_ACCENT, _SECOND = "#0a8fa5", "#c2742a"
_HEAD_ROOM = 1.5


def figures_svg(results: "StudyResults", titles: Mapping[str, str]) -> dict[str, str]:
    """Return {title: SVG} of those figures for which there are numbers."""
    found = {}
    for title, figure in study_figures(results, titles).items():
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
        svg = text.getvalue()
        found[title] = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    return found


def figures_png(results: "StudyResults", titles: Mapping[str, str], dpi: int = 200) -> dict[str, bytes]:
    """Return {title: PNG} of the same figures on white."""
    found = {}
    for title, figure in study_figures(results, titles).items():
        data = io.BytesIO()
        figure.savefig(data, format="png", dpi=dpi, facecolor="white")
        found[title] = data.getvalue()
    return found


def study_figures(results: "StudyResults", titles: Mapping[str, str]) -> dict[str, "Figure"]:
    """Return {title: figure}: strengths, wins, acceptability and errors, each where it has numbers."""
    named = {**titles, REFERENCE: "Reference report"}
    quality = {system: results.acceptability[system]["mean"] for system in _ranked(results)}
    figures: dict[str, Figure] = {}
    if any(estimate.value is not None for estimate in results.strengths.values()):
        figures["Bradley-Terry log-strength"] = _dots([(results.strengths, _ACCENT, "")], named)
    if len(results.wins.systems) > 1:
        figures["Wins of the row against the column"] = _wins(results, named)
    if any(estimate.value is not None for estimate in quality.values()):
        figures["Acceptability, 1 to 5"] = _dots([(quality, _ACCENT, "")], named, (1, 5))
        errors = [
            ({system: results.errors[system]["all", significant] for system in quality}, color, name)
            for significant, color, name in (
                (True, _SECOND, "significant"),
                (False, _ACCENT, "not significant"),
            )
        ]
        figures["Errors a report"] = _dots(errors, named)
    return figures


def _ranked(results: "StudyResults") -> list[str]:
    """All systems, best first where readers' preference tells: the rows of every figure."""
    return list(dict.fromkeys((*results.strengths, *results.acceptability)))


def _dots(
    series: "Sequence[Series]", titles: Mapping[str, str], limits: tuple[float, float] | None = None
) -> "Figure":
    """A row a system: the value as a dot on its interval. series: (estimates, colour, name or "")."""
    systems = list(series[0][0])
    figure, axes = _canvas(0.5 * len(systems) + _HEAD_ROOM)
    for number, (estimates, color, name) in enumerate(series):
        shift = 0.22 * (number - (len(series) - 1) / 2)
        for row, system in enumerate(systems):
            _dot(axes, estimates[system], row + shift, color, name if row == 0 else "")
    axes.set_yticks(range(len(systems)), [titles.get(system, system) for system in systems])
    axes.set_ylim(len(systems) - 0.5, -0.5)
    if limits:
        axes.set_xlim(*limits)
    if any(name for _, _, name in series):
        # Above the rows, where no dot can lie.
        axes.legend(
            frameon=False, labelcolor=_INK, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), ncols=2
        )
    axes.grid(axis="x", color=_INK, alpha=0.15)
    return figure


def _dot(axes: "Axes", estimate: "Estimate", row: float, color: str, name: str) -> None:
    if estimate.value is None:
        return
    if estimate.low is not None and estimate.high is not None:
        axes.plot([estimate.low, estimate.high], [row, row], color=color, linewidth=2)
    axes.plot([estimate.value], [row], "o", color=color, label=name or None)


def _wins(results: "StudyResults", titles: Mapping[str, str]) -> "Figure":
    matrix = results.wins
    order = [matrix.systems.index(system) for system in _ranked(results) if system in matrix.systems]
    wins = matrix.wins[order][:, order]
    names = [titles.get(matrix.systems[i], matrix.systems[i]) for i in order]
    figure, axes = _canvas(0.5 * len(names) + _HEAD_ROOM)
    played = wins + wins.T
    for i in range(len(names)):
        for j in (other for other in range(len(names)) if other != i and played[i, other]):
            share = wins[i, j] / played[i, j]
            axes.barh(i, 0.94, 0.9, left=j - 0.47, color=_ACCENT, alpha=0.1 + 0.6 * share)
            axes.text(j, i, f"{wins[i, j]:g}", ha="center", va="center", color=_INK)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(-0.5, len(names) - 0.5)
    return figure


def _canvas(height: float) -> "tuple[Figure, Axes]":
    """A figure without pyplot, whose state threads would share."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, height), layout="constrained")
    axes = figure.subplots()
    axes.tick_params(colors=_INK, labelsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_INK)
    return figure, axes

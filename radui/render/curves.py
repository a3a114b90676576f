"""Faithfulness -> curves as SVG and the numbers beside them, in the page's own colours."""

from collections.abc import Mapping
from html import escape
from math import isnan

from radui.explain.faithfulness import Agreement, Curve

_WIDTH, _HEIGHT, _LEFT, _FOOT = 300, 170, 34, 24
_STROKES = ("map", "centre", "random")  # classes of the style sheet, in the order of the maps


def curves_html(title: str, curves: Mapping[str, Curve], steps: int) -> str:
    """Return one plot: the chosen map first, then its baselines; each by its name with its area.

    steps: of a whole curve, so that one that still grows does not rescale the plot.
    """
    top = max((float(curve.scores.max()) for curve in curves.values()), default=1.0)
    lines = "".join(_line(curve, top, _STROKES[i]) for i, curve in enumerate(curves.values()))
    keys = "".join(
        f'<li class="rd-key-{_STROKES[i]}">{escape(name)} <b>{_area(curve, steps)}</b></li>'
        for i, (name, curve) in enumerate(curves.items())
    )
    return (
        f'<figure class="rd-curve"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}: score against share '
        f'of patches">{_axes(top)}{lines}</svg><ul>{keys}</ul></figure>'
    )


def agreement_html(agreements: Mapping[str, Agreement]) -> str:
    """Return the table of a drawn box: a row the map and each baseline."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{"hit" if one.hit else "miss"}</td>'
        f"<td>{one.iou:.2f}</td><td>{_number(one.contrast)}</td></tr>"
        for name, one in agreements.items()
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Map", "Pointing game", "IoU", "CNR"))
    return (
        '<div class="rd-panel"><table class="rd-scores rd-agreement"><caption>Against your box '
        "<small>IoU of the upper half of the range; CNR signed, in standard deviations</small></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _axes(top: float) -> str:
    bottom, right = _HEIGHT - _FOOT, _WIDTH - 8
    labels = (
        (_LEFT - 4, 14, "end", f"{top:.2f}"),
        (_LEFT - 4, bottom, "end", "0"),
        (_LEFT, _HEIGHT - 8, "start", "0 %"),
        (right, _HEIGHT - 8, "end", "100 % of the patches"),
    )
    texts = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>' for x, y, anchor, text in labels
    )
    return f'<path class="rd-axis" d="M{_LEFT} 8V{bottom}H{right}"/>{texts}'


def _line(curve: Curve, top: float, name: str) -> str:
    wide, high = _WIDTH - 8 - _LEFT, _HEIGHT - _FOOT - 8
    points = " ".join(
        f"{_LEFT + share * wide:.1f},{8 + (1 - score / max(top, 1e-9)) * high:.1f}"
        for share, score in zip(curve.shares.tolist(), curve.scores.tolist(), strict=True)
    )
    return f'<polyline class="rd-line-{name}" points="{points}"/>'


def _area(curve: Curve, steps: int) -> str:
    return f"{curve.area:.3f}" if len(curve.shares) == steps + 1 else "…"


def _number(value: float) -> str:
    return "–" if isnan(value) else f"{value:+.2f}"

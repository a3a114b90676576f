"""Val scores of finished runs against one setting: the sweeps that the papers draw."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SCORES = ("BLEU-4", "CIDEr", "CE-14 macro F1")
Setting = Callable[[dict[str, Any]], float]
"""A checkpoint's config.json -> the setting that a sweep goes through."""


def sweep_points(runs: Sequence[Path], setting: Setting) -> list[tuple[float, dict[str, float]]]:
    """(setting, val scores) of each run by setting; the epoch is the one that the run kept."""
    points = []
    for run in runs:
        document = json.loads((run / "checkpoint" / "config.json").read_text(encoding="utf-8"))
        rows = [row for row in csv.DictReader((run / "log.csv").open(encoding="utf-8")) if row.get("score")]
        kept = max(rows, key=lambda row: float(row["score"]))
        points.append((setting(document), {name: float(kept[name]) for name in SCORES}))
    return sorted(points, key=lambda point: point[0])


def sweep_figure(points: Sequence[tuple[float, dict[str, float]]], label: str, out: Path) -> None:
    """A panel a score; points: of `sweep_points`; label: of the setting's axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * len(SCORES), 3.2), layout="constrained")
    for column, name in enumerate(SCORES):
        axes = figure.add_subplot(1, len(SCORES), column + 1, xlabel=label, title=f"{name} on val")
        axes.plot([setting for setting, _ in points], [values[name] for _, values in points], marker="o")
        axes.set_ylim(
            bottom=min(0.0, axes.get_ylim()[0])
        )  # epochs differ too: no axis that makes hills of that
    figure.savefig(out, dpi=150)

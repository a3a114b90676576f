"""Figures of the XProNet paper from checkpoints and runs.

python -m train.figures prototypes --checkpoint checkpoints/xpronet --out fig2.png
python -m train.figures sweep --runs runs/gamma-* --by gamma --out fig5.png
python -m train.figures sweep --runs runs/theta-* --by tolerance --out fig6.png
"""

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radui.models.registry import load
from radui.observations import OBSERVATIONS


def prototype_figure(checkpoint: Path, out: Path, seed: int = 0) -> None:
    """t-SNE of the projected prototype matrix, a colour an observation (XProNet Fig. 2, eq. 8)."""
    import torch
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from sklearn.manifold import TSNE

    model: Any = load(checkpoint).model
    with torch.inference_mode():
        rows = model.prototypes.project(model.prototypes.matrix).numpy()
    points = TSNE(perplexity=15, random_state=seed, init="pca").fit_transform(rows)
    figure = Figure(figsize=(8, 5.2), layout="constrained")
    axes = figure.add_subplot(
        title=f"Cross-modal prototypes of {checkpoint.name}, t-SNE", xticks=[], yticks=[]
    )
    per_label = model.config.prototypes.per_label
    for k, name in enumerate(OBSERVATIONS):
        part = points[k * per_label : (k + 1) * per_label]
        axes.scatter(part[:, 0], part[:, 1], s=22, color=colormaps["tab20"](k), label=name)
    figure.legend(loc="outside right center", fontsize=8, frameon=False)
    figure.savefig(out, dpi=150)


def sweep_points(runs: Sequence[Path], by: str) -> list[tuple[float, float]]:
    """(setting, best val BLEU-4) of each run, by setting; the epoch is the one that the run kept."""
    points = []
    for run in runs:
        document = json.loads((run / "checkpoint" / "config.json").read_text())
        settings = document["config"]["prototypes"] | document["training"]["objective"]
        rows = [row for row in csv.DictReader((run / "log.csv").open()) if row.get("score")]
        kept = max(rows, key=lambda row: float(row["score"]))
        points.append((float(settings[by]), float(kept["BLEU-4"])))
    return sorted(points)


def sweep_figure(runs: Sequence[Path], by: str, out: Path) -> None:
    """Val BLEU-4 against gamma (Fig. 5) or theta, the tolerance (Fig. 6)."""
    from matplotlib.figure import Figure

    points = sweep_points(runs, by)
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.add_subplot(xlabel={"gamma": "γ", "tolerance": "θ"}[by], ylabel="BLEU-4 on val")
    axes.plot(*zip(*points, strict=True), marker="o")
    figure.savefig(out, dpi=150)


def main() -> None:
    """Parse the options and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    prototypes = kinds.add_parser("prototypes")
    prototypes.add_argument("--checkpoint", type=Path, default=Path("checkpoints/xpronet"))
    sweep = kinds.add_parser("sweep")
    sweep.add_argument("--runs", type=Path, nargs="+", required=True)
    sweep.add_argument("--by", choices=("gamma", "tolerance"), required=True)
    for each in (prototypes, sweep):
        each.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.kind == "prototypes":
        prototype_figure(options.checkpoint, options.out)
    else:
        sweep_figure(options.runs, options.by, options.out)


if __name__ == "__main__":
    main()

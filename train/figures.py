"""Figures of the papers from checkpoints, runs and scores.

python -m train.figures prototypes --checkpoint checkpoints/xpronet --out fig2.png
python -m train.figures sweep --runs runs/gamma-* --by gamma --out fig5.png
python -m train.figures sweep --runs runs/theta-* --by tolerance --out fig6.png
python -m train.figures pairing --scores scores.json --out curve.png
"""

import argparse
import json
from pathlib import Path
from typing import Any

from radui.models.registry import load
from radui.observations import OBSERVATIONS
from train.sweeps import SCORES, sweep_figure, sweep_points


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


def prototype_setting(document: dict[str, Any], by: str) -> float:
    """gamma (Fig. 5) or theta, the tolerance (Fig. 6), of a checkpoint's config.json."""
    return float((document["config"]["prototypes"] | document["training"]["objective"])[by])


def pairing_points(document: dict[str, Any], metric: str) -> list[tuple[float, float, float, float]]:
    """(percent of paired studies, value, low, high) of each scored MedRAT checkpoint, by percent.

    document: what train.evaluate wrote with --out, its checkpoints still in place.
    """
    points = []
    for checkpoint, scores in document["systems"].items():
        config = json.loads((Path(checkpoint) / "config.json").read_text(encoding="utf-8"))
        score = scores[metric]
        value = score["value"]
        low, high = (value if score[end] is None else score[end] for end in ("low", "high"))
        points.append((float(config["training"]["pairing"]), value, low, high))
    return sorted(points)


def pairing_figure(scores: Path, out: Path) -> None:
    """Scores against the share of paired studies (the question of MedRAT's Table 3), baselines beside."""
    from matplotlib.figure import Figure

    document = json.loads(scores.read_text(encoding="utf-8"))
    figure = Figure(figsize=(3.6 * len(SCORES), 3.4), layout="constrained")
    for column, metric in enumerate(SCORES):
        axes = figure.add_subplot(1, len(SCORES), column + 1, xlabel="paired studies, %", title=metric)
        shares, values, lows, highs = zip(*pairing_points(document, metric), strict=True)
        places = range(len(shares))
        axes.set_xticks(list(places), [f"{share:g}" for share in shares])
        axes.fill_between(places, lows, highs, alpha=0.2)
        axes.plot(places, values, marker="o", label="MedRAT")
        for number, (name, baseline) in enumerate(document["baselines"].items()):
            axes.axhline(baseline[metric]["value"], color=f"C{number + 1}", linestyle=":", label=name)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=7)
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
    pairing = kinds.add_parser("pairing")
    pairing.add_argument("--scores", type=Path, required=True, help="JSON that train.evaluate wrote")
    for each in (prototypes, sweep, pairing):
        each.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.kind == "prototypes":
        prototype_figure(options.checkpoint, options.out)
    elif options.kind == "pairing":
        pairing_figure(options.scores, options.out)
    else:
        points = sweep_points(options.runs, lambda document: prototype_setting(document, options.by))
        sweep_figure(points, {"gamma": "γ", "tolerance": "θ"}[options.by], options.out)


if __name__ == "__main__":
    main()

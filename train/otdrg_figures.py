"""Figures of the OTDRG paper from checkpoints and runs.

python -m train.otdrg_figures alignment --checkpoint checkpoints/otdrg --data DATA --out fig1b.png
python -m train.otdrg_figures sweep --runs runs/otdrg-it-* --by iterations --out fig4.png
python -m train.otdrg_figures sweep --runs runs/otdrg-eps-* --by epsilon --out table4.png
python -m train.otdrg_figures transport --run runs/otdrg --out transport.png
"""

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from radui.models.otdrg import OTDRG
from radui.models.registry import load
from radui.observations import NO_FINDING, OBSERVATIONS
from train.corpus import Corpus, load_corpus, positive
from train.features import cached_grids
from train.sweeps import sweep_figure, sweep_points

FEWEST = 5  # studies that an observation needs to be drawn


@dataclass(frozen=True)
class AlignedFeatures:
    """before, after: (points, d1), (points, d2) features of an observation in a study; names: (points,)."""

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    names: NDArray[np.str_]


@torch.inference_mode()
def aligned_features(model: OTDRG, corpus: Corpus, cache: Path, split: str) -> AlignedFeatures:
    """One point for each finding that a report states (Fig. 1b).

    before: mean of the encoder's patch features over the study. after: mean of the projected patches,
    weighted by the plan's column of that observation. ValueError for a model without transport.
    """
    if not model.config.use_transport:
        raise ValueError("This checkpoint was trained without transport; it has no plan to draw.")
    grids = cached_grids(model.backbone, corpus.pictures, model.config.preprocessing, 0, cache)
    stated = positive(corpus.states)
    before, after, names = [], [], []
    for position in corpus.where(split):
        found = np.flatnonzero(stated[position] & (np.array(OBSERVATIONS) != NO_FINDING))
        views = torch.from_numpy(grids[list(corpus.index[position])].astype(np.float32))[None]
        if not len(found):
            continue
        mask = torch.ones(views.shape[:2], dtype=torch.bool)
        memory = model.encode(views, mask, torch.from_numpy(corpus.states[position])[None])
        assert memory.transport is not None
        share = memory.transport.plan[0] / memory.transport.plan[0].sum(0)
        gathered = (share.T @ memory.image_tokens[0]).numpy()
        for k in found:
            before.append(views.mean((0, 1, 3, 4)).numpy())
            after.append(gathered[k])
            names.append(OBSERVATIONS[k])
    return _frequent(AlignedFeatures(np.stack(before), np.stack(after), np.array(names)))


def _frequent(features: AlignedFeatures) -> AlignedFeatures:
    names, counts = np.unique(features.names, return_counts=True)
    kept = np.isin(features.names, names[counts >= FEWEST])
    return AlignedFeatures(features.before[kept], features.after[kept], features.names[kept])


def alignment_figure(features: AlignedFeatures, out: Path, seed: int = 0) -> tuple[float, float]:
    """t-SNE before and after, a colour an observation; returns both silhouettes by observation.

    A silhouette is 1 where observations form islands of their own, 0 where they overlap.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from sklearn.manifold import TSNE
    from sklearn.metrics import silhouette_score

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    values = []
    for column, (title, points) in enumerate((("before", features.before), ("after", features.after))):
        values.append(float(silhouette_score(points, features.names)))
        perplexity = min(30.0, (len(points) - 1) / 3)
        flat = TSNE(perplexity=perplexity, random_state=seed, init="pca").fit_transform(points)
        axes = figure.add_subplot(
            1, 2, column + 1, title=f"{title} alignment, silhouette {values[-1]:.2f}", xticks=[], yticks=[]
        )
        for name in np.unique(features.names):
            part = flat[features.names == name]
            colour = colormaps["tab20"](OBSERVATIONS.index(name))
            axes.scatter(part[:, 0], part[:, 1], s=14, color=colour, label=str(name))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", fontsize=8, frameon=False)
    figure.savefig(out, dpi=150)
    return values[0], values[1]


def transport_setting(document: dict[str, Any], by: str) -> float:
    """The iterations (Fig. 4) or epsilon (Table 4) of a checkpoint's config.json."""
    return float(document["config"]["transport"][by])


def transport_figure(run: Path, out: Path) -> None:
    """L_OT and cross-entropy over training, from a run's log."""
    from matplotlib.figure import Figure

    rows = [row for row in csv.DictReader((run / "log.csv").open(encoding="utf-8")) if row.get("transport")]
    if not rows:
        raise ValueError(f"{run} was trained without transport; its log has no distance.")
    figure = Figure(figsize=(7.4, 3.2), layout="constrained")
    epochs = [int(row["epoch"]) for row in rows]
    for column, (name, title) in enumerate((("transport", "transport distance"), ("words", "cross-entropy"))):
        axes = figure.add_subplot(1, 2, column + 1, xlabel="epoch", title=title)
        axes.plot(epochs, [float(row[name]) for row in rows], marker=".")
    figure.savefig(out, dpi=150)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Options of the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    alignment = kinds.add_parser("alignment")
    alignment.add_argument("--checkpoint", type=Path, default=Path("checkpoints/otdrg"))
    alignment.add_argument("--data", type=Path, required=True)
    alignment.add_argument("--cache", type=Path, default=Path("runs/cache"))
    alignment.add_argument("--split", default="test", choices=("train", "val", "test"))
    sweep = kinds.add_parser("sweep")
    sweep.add_argument("--runs", type=Path, nargs="+", required=True)
    sweep.add_argument("--by", choices=("iterations", "epsilon"), required=True)
    transport = kinds.add_parser("transport")
    transport.add_argument("--run", type=Path, required=True)
    for each in (alignment, sweep, transport):
        each.add_argument("--out", type=Path, required=True)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the options and draw."""
    options = parse(arguments)
    if options.kind == "sweep":
        points = sweep_points(options.runs, lambda document: transport_setting(document, options.by))
        sweep_figure(points, options.by, options.out)
    elif options.kind == "transport":
        transport_figure(options.run, options.out)
    else:
        model: Any = load(options.checkpoint).model
        corpus = load_corpus(options.data, options.cache)
        features = aligned_features(model, corpus, options.cache, options.split)
        before, after = alignment_figure(features, options.out)
        print(f"{len(features.names)} findings; silhouette {before:.3f} before, {after:.3f} after")


if __name__ == "__main__":
    main()

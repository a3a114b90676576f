"""Measure drawn radiographs: how near to real ones, how natural, and whether they show their report.

    python -m train.cyclic_samples --checkpoint C --data DATA --pictures runs/drawn.npz
    python -m train.synthesis_scores --checkpoint C --data DATA --pictures runs/drawn.npz

The Fréchet distance is on the observation classifier's features, not Inception's: it compares with nothing
published. Beside it stand real pictures against real ones of the same number, and reconstructions, which
are the best that drawn codes can look like. NIQE's model of good pictures is fitted on train radiographs,
or read from --niqe-model for the published one.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from radui.models.observation_classifier import ObservationClassifier, present
from radui.models.registry import load
from radui.models.vqgan import VQGAN
from radui.observations import OBSERVATIONS
from radui.records import FloatArray, Preprocessing
from train.corpus import Corpus, load_corpus, positive
from train.frechet import frechet_distance
from train.metrics.niqe import NaturalModel
from train.pictures import plain

FITTED = 200  # train radiographs for NIQE's model: four patches each
LEAST = 5  # studies of each kind that an observation needs to be scored
BATCH = 32


@dataclass(frozen=True)
class Seen:
    """What the classifier sees in pictures: features (N, C) and probabilities of presence (N, 14)."""

    features: FloatArray
    probabilities: FloatArray


@torch.inference_mode()
def look(classifier: ObservationClassifier, pictures: FloatArray) -> Seen:
    """The classifier on (N, S, S) pictures in [0, 1], each as a study of one view."""
    where, features, probabilities = classifier.config.preprocessing, [], []
    for start in range(0, len(pictures), BATCH):
        pixels = torch.from_numpy(pictures[start : start + BATCH])[:, None]
        size = (where.size, where.size)
        pixels = F.interpolate(pixels, size, mode="bilinear", antialias=True, align_corners=False)
        pooled = classifier.grids(((pixels - where.mean) / where.std)[:, None])[:, 0].mean((-2, -1))
        features.append(pooled.float().numpy())
        probabilities.append(present(classifier.probabilities(classifier.classify(pooled))).numpy())
    return Seen(np.concatenate(features), np.concatenate(probabilities))


def agreement(stated: NDArray[np.bool_], probabilities: FloatArray) -> dict[str, float]:
    """AUC of the classifier's probability on drawn pictures, "stated" against "not stated", by observation.

    0.5: the report does not steer the picture. stated: (N, 14). Observations with fewer than LEAST studies of
    either kind are left out; "mean" is over those that are scored, NaN where there are none.
    """
    from sklearn.metrics import roc_auc_score

    counts = stated.sum(0)
    known = [k for k in range(len(OBSERVATIONS)) if LEAST <= counts[k] <= len(stated) - LEAST]
    found = {OBSERVATIONS[k]: float(roc_auc_score(stated[:, k], probabilities[:, k])) for k in known}
    return {"mean": float(np.mean(list(found.values()))) if found else float("nan"), **found}


def shuffled_agreement(
    stated: NDArray[np.bool_], probabilities: FloatArray, seed: int = 7580, times: int = 20
) -> tuple[float, float]:
    """Mean and deviation of the mean AUC when pictures answer to another study's report: chance."""
    random = np.random.default_rng(seed)
    means = [agreement(random.permutation(stated), probabilities)["mean"] for _ in range(times)]
    return float(np.mean(means)), float(np.std(means))


@torch.inference_mode()
def encode(vqgan: VQGAN, pictures: FloatArray) -> NDArray[np.int64]:
    """(N, S, S) pictures in [0, 1] -> (N, h * w) codes."""
    pixels = torch.from_numpy(pictures)[:, None]
    parts = [vqgan.encode(pixels[i : i + BATCH]) for i in range(0, len(pixels), BATCH)]
    return torch.cat(parts).flatten(1).numpy()


@torch.inference_mode()
def decode(vqgan: VQGAN, codes: NDArray[np.integer]) -> FloatArray:
    """(N, h * w) codes -> (N, S, S) pictures in [0, 1]."""
    grids = torch.from_numpy(codes.astype(np.int64)).view(len(codes), vqgan.config.grid, -1)
    parts = [vqgan.decode_codes(grids[i : i + BATCH])[:, 0].numpy() for i in range(0, len(grids), BATCH)]
    return np.concatenate(parts)


def naturalness(model: NaturalModel, pictures: FloatArray) -> float:
    """Mean NIQE of (N, S, S) pictures in [0, 1]."""
    return float(np.mean([model.score(picture.astype(np.float64) * 255) for picture in pictures]))


def compare(
    real: FloatArray,
    others: dict[str, FloatArray],
    stated: NDArray[np.bool_],
    classifier: ObservationClassifier,
    natural: NaturalModel,
) -> dict[str, dict[str, float]]:
    """Scores of each set of pictures of the same studies; "real halves" sets the scale of the distance."""
    truth = look(classifier, real)
    halves = frechet_distance(truth.features[::2], truth.features[1::2])
    sets = {"real": truth} | {name: look(classifier, pictures) for name, pictures in others.items()}
    pictures = {"real": real} | others
    rows: dict[str, dict[str, float]] = {"real halves": {"N": len(real) // 2, "Fréchet": halves}}
    for name, seen in sets.items():
        chance, spread = shuffled_agreement(stated, seen.probabilities)
        rows[name] = {
            "N": float(len(real)),
            "Fréchet": frechet_distance(truth.features, seen.features),
            "Fréchet, half": frechet_distance(truth.features[::2], seen.features[1::2]),
            "NIQE": naturalness(natural, pictures[name]),
            "AUC": agreement(stated, seen.probabilities)["mean"],
            "AUC shuffled": chance,
            "±": spread,
        }
    return rows


def render(rows: dict[str, dict[str, float]]) -> str:
    """A table, a set of pictures a line."""
    columns = list(next(iter(reversed(rows.values()))))
    lines = [f"{'':<16}" + "".join(f"{name:>15}" for name in columns)]
    for name, row in rows.items():
        cells = (f"{row[column]:>15.3f}" if column in row else f"{'':>15}" for column in columns)
        lines.append(f"{name:<16}" + "".join(cells))
    return "\n".join(lines)


def frontal(corpus: Corpus, positions: Sequence[int], preprocessing: Preprocessing) -> FloatArray:
    """(N, S, S) first pictures of studies as the VQ-GAN reads them, in [0, 1]."""
    return np.stack([plain(corpus.pictures[corpus.index[p][0]], preprocessing) for p in positions])


def figure(real: FloatArray, drawn: FloatArray, path: Path, seed: int = 7580) -> None:
    """PNG of the paper's Fig. 6: t-SNE of the features (N, C) of real and of drawn pictures."""
    from matplotlib.figure import Figure
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (2 * len(real) - 1) / 3)
    both = TSNE(random_state=seed, perplexity=perplexity).fit_transform(np.concatenate([real, drawn]))
    picture = Figure(figsize=(5, 5), layout="constrained")
    axes = picture.add_subplot(title="t-SNE of classifier features", xticks=[], yticks=[])
    for name, points in (("real", both[: len(real)]), ("drawn", both[len(real) :])):
        axes.scatter(points[:, 0], points[:, 1], s=8, alpha=0.6, label=name)
    axes.legend()
    picture.savefig(path, dpi=120)


def natural_model(path: Path | None, corpus: Corpus, preprocessing: Preprocessing) -> NaturalModel:
    """NIQE's model of good pictures: the published one where it is at hand, else of train radiographs."""
    if path:
        return NaturalModel.read(path)
    good = frontal(corpus, corpus.where("train")[:FITTED], preprocessing)
    return NaturalModel.fit(picture.astype(np.float64) * 255 for picture in good)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line; `arguments` for tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True, help="of AdaMatch-Cyclic or the VQ-GAN")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--classifier", type=Path, default=Path("checkpoints/observation_classifier"))
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--niqe-model", type=Path, help=".mat with the published parameters")
    parser.add_argument("--figure", type=Path, help="PNG: t-SNE of real and drawn pictures")
    parser.add_argument("--json", type=Path)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Measure the pictures that train.cyclic_samples has drawn."""
    options = parse(arguments)
    corpus = load_corpus(options.data, options.cache)
    drawn = np.load(options.pictures)
    places = {row.id: position for position, row in enumerate(corpus.rows)}
    positions = [places[study] for study in drawn["ids"].tolist()]
    model: Any = load(options.checkpoint).model
    classifier: Any = load(options.classifier).model
    vqgan = model if isinstance(model, VQGAN) else model.vqgan
    real = frontal(corpus, positions, vqgan.config.preprocessing)
    others = {"reconstructed": decode(vqgan, encode(vqgan, real)), "drawn": decode(vqgan, drawn["codes"])}
    natural = natural_model(options.niqe_model, corpus, vqgan.config.preprocessing)
    stated = positive(corpus.states[positions])
    rows = compare(real, others, stated, classifier, natural)
    print(render(rows))
    seen = look(classifier, others["drawn"])
    observations = agreement(stated, seen.probabilities)
    print("\nAUC by observation, drawn: " + ", ".join(f"{k} {v:.2f}" for k, v in observations.items()))
    if options.figure:
        figure(look(classifier, real).features, seen.features, options.figure)
    if options.json:
        options.json.write_text(json.dumps({"sets": rows, "agreement": observations}, indent=1) + "\n")


if __name__ == "__main__":
    main()

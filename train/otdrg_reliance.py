"""Does an OTDRG read the image and the labels? Cross-entropy on val with those of other studies.

    python -m train.otdrg_reliance --checkpoint checkpoints/otdrg --data DATA

A model that ignores the image writes no worse with another patient's; the rise says how much it reads.
Labels are those that the app's classifier gives.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radui.models.otdrg import OTDRG
from radui.models.registry import load
from radui.processing.tokenizer import ReportTokenizer
from train.corpus import load_corpus
from train.features import cached_grids
from train.report_data import ReportStudies, collate
from train.state_conditions import state_conditions

BATCH = 16


def reliance(model: OTDRG, data: ReportStudies, seed: int = 0) -> dict[str, float]:
    """Mean cross-entropy of a report's tokens as it is, and with images, labels, or both of other studies."""
    order = np.arange(len(data))
    others = np.roll(np.random.default_rng(seed).permutation(order), 1)
    moved = np.empty_like(order)
    moved[np.roll(others, 1)] = others  # a single cycle: nobody keeps the own study
    return {
        "own image and labels": _loss(model, data, order, order),
        "another image": _loss(model, data, moved, order),
        "other labels": _loss(model, data, order, moved),
        "another image and its labels": _loss(model, data, moved, moved),
    }


@torch.inference_mode()
def _loss(model: OTDRG, data: ReportStudies, images: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    model.eval()
    total, count = 0.0, 0
    for start in range(0, len(data), BATCH):
        rows = range(start, min(start + BATCH, len(data)))
        samples = [(*data[images[i]][:2], data[labels[i]][2], data[i][3]) for i in rows]
        batch = collate(samples)
        logits = model(batch.grids, batch.mask, batch.labels, batch.tokens[:, :-1]).logits
        losses, learned = _token_losses(logits, batch.tokens)
        total += float((losses * learned).sum())
        count += int(learned.sum())
    return total / count


def _token_losses(logits: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    targets = tokens[:, 1:]
    losses = torch.nn.functional.cross_entropy(logits.float().transpose(1, 2), targets, reduction="none")
    return losses, (targets != 0) | (tokens[:, :-1] != 0)


def parse(description: str | None, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Options of a command that measures an OTDRG checkpoint on val or test."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/otdrg"))
    parser.add_argument("--classifier", type=Path, default=Path("checkpoints/observation_classifier"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--split", default="val", choices=("val", "test"))
    return parser.parse_args(arguments)


def read_otdrg(checkpoint: Path) -> OTDRG:
    """The model of a checkpoint folder, which must be an OTDRG."""
    model = load(checkpoint).model
    assert isinstance(model, OTDRG), "the checkpoint is of another model"
    return model


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the options, measure, print."""
    options = parse(__doc__, arguments)
    model = read_otdrg(options.checkpoint)
    corpus = load_corpus(options.data, options.cache)
    tokenizer = ReportTokenizer.load(options.checkpoint / "tokenizer.json", model.config.language_model.end)
    grids = cached_grids(model.backbone, corpus.pictures, model.config.preprocessing, 0, options.cache)
    conditions = state_conditions(corpus, options.classifier, options.cache, noise=0.0, seed=0)
    data = ReportStudies(corpus, [grids], options.split, tokenizer, conditions)  # type: ignore[arg-type]
    for name, loss in reliance(model, data).items():
        print(f"{name:<32}{loss:.3f}")


if __name__ == "__main__":
    main()

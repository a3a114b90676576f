"""What pays for the backbone: start weights, resolution, views and warped copies, each moved by itself.

    python -m train.backbone_choice --data DATA --backbone checkpoints/observation_classifier

Trains the classifier's linear layer on the frozen features of each variant and prints the mean AUC on val,
the mean over seeds ± half the distance between the lowest and the highest. A resolution is that of the
features alone: the fine-tuned weights have learned at 224, and the pictures are kept at 256 a side.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from radui.models.observation_classifier import ObservationClassifier, ObservationClassifierConfig
from radui.nn.backbones import BackboneConfig, EfficientNetLite
from train.backbone import PREPROCESSING
from train.corpus import Corpus, load_corpus
from train.imagenet import load_imagenet
from train.loop import LoopConfig, Trainer
from train.observation_classifier import (
    VERSIONS,
    ClassifierTask,
    PooledStudies,
    load_backbone,
    pooled_versions,
)


@dataclass(frozen=True)
class Variant:
    """size: pixels a side of the input; views: "both", or the one that studies are reduced to."""

    fine_tuned: bool = True
    size: int = PREPROCESSING.size
    views: str = "both"
    warped: int = 0


VARIANTS = {
    "ImageNet's weights": Variant(fine_tuned=False),
    "fine-tuned": Variant(),
    "fine-tuned, 160 pixels": Variant(size=160),
    "fine-tuned, 256 pixels": Variant(size=256),
    "fine-tuned, frontal alone": Variant(views="frontal"),
    "fine-tuned, lateral alone": Variant(views="lateral"),
    f"fine-tuned, {VERSIONS} warped copies": Variant(warped=VERSIONS),
}


def reduced(corpus: Corpus, view: str) -> Corpus:
    """The studies that have the view, with that view alone; all of them as they are for "both"."""
    if view == "both":
        return corpus
    kept: list[int] = []
    index: list[tuple[int, ...]] = []
    for position, row in enumerate(corpus.rows):
        # The index has frontal before lateral; rows name the views as the files come.
        names = row.views[::-1] if row.views == ("lateral", "frontal") else row.views
        if view in names:
            kept.append(position)
            index.append((corpus.index[position][names.index(view)],))
    rows = [corpus.rows[position] for position in kept]
    return Corpus(rows, corpus.pictures, index, corpus.states[kept])


def classifier_of(variant: Variant, backbone: Path) -> ObservationClassifier:
    """An untrained linear layer on the variant's frozen backbone."""
    preprocessing = replace(PREPROCESSING, size=variant.size)
    model = ObservationClassifier(ObservationClassifierConfig(BackboneConfig(), preprocessing))
    if variant.fine_tuned:
        load_backbone(model, backbone)
    else:
        assert isinstance(model.backbone, EfficientNetLite)
        load_imagenet(model.backbone, BackboneConfig().name)
    return model


def val_auc(variant: Variant, corpus: Corpus, options: argparse.Namespace, seed: int) -> float:
    """Mean AUC on val of the best epoch."""
    torch.manual_seed(seed)
    classifier = classifier_of(variant, options.backbone)
    pooled = pooled_versions(classifier, corpus, options.cache, 1 + variant.warped)
    seen = reduced(corpus, variant.views)
    train = PooledStudies(seen, pooled, "train", seed, training=True)
    val = PooledStudies(seen, pooled, "val", seed, training=False)
    config = LoopConfig(options.epochs, 64, 2e-3, weight_decay=0.05, seed=seed, precision="no")
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(ClassifierTask(classifier, train, val), train, config, Path(folder))
        trainer.fit(resume=False)
        return trainer.progress.best


def row(name: str, scores: Sequence[float]) -> str:
    """A line of the table."""
    return f"| {name} | {np.mean(scores):.3f} ±{np.ptp(scores) / 2:.3f} |"


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", type=Path, required=True, help="run of train.backbone, or a checkpoint")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args(arguments)
    corpus = load_corpus(options.data, options.cache)
    print("| features | mean AUC on val |\n|---|---:|")
    for name in options.variants:
        variant = VARIANTS[name]
        print(row(name, [val_auc(variant, corpus, options, seed) for seed in options.seeds]), flush=True)


if __name__ == "__main__":
    main()

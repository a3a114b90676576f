"""Stage sft of OTDRG: fine-tune adapters and projections with L = L_RG + lambda L_OT (eq. 12)."""

import argparse
import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from torch import Tensor, nn

from radui.models.otdrg import OTDRG, OTDRGConfig
from radui.models.registry import save
from radui.nn.backbones import BackboneConfig
from radui.nn.decoding import BeamConfig
from radui.nn.language_model import LanguageModelConfig
from radui.nn.transport import TransportConfig
from radui.processing.prompts import PromptTokens
from radui.processing.tokenizer import ReportTokenizer
from radui.processing.vocabulary import Vocabulary
from train.backbone import PREPROCESSING
from train.corpus import Corpus, load_corpus
from train.features import cached_grids
from train.language import read_base
from train.loop import LoopConfig, Trainer, load_weights
from train.losses import report_loss
from train.metrics.protocol import protocol_references
from train.observation_classifier import VERSIONS, load_backbone
from train.otdrg_pixels import FromPixels, PixelVersion
from train.otdrg_stages import ENCODERS
from train.report_data import Batch, ReportStudies, collate, decode
from train.selection import selection_scores
from train.state_conditions import state_conditions
from train.transport_losses import Alignment, alignment_losses

ALL_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Objective:
    """What is learned beside the words, and label smoothing."""

    alignment: Alignment = field(default_factory=Alignment)
    smoothing: float = 0.1


class ReportTask:
    """Cross-entropy and the transport distance; val is decoded as in the app and scored like XProNet's."""

    collate = staticmethod(collate)

    def __init__(
        self, model: OTDRG | FromPixels, objective: Objective, val: ReportStudies, tokenizer: ReportTokenizer
    ) -> None:
        self.model, self.objective, self.val, self.tokenizer = model, objective, val, tokenizer
        rows = [val.corpus.rows[p] for p in val.positions]
        train = [val.corpus.rows[p].report for p in val.corpus.where("train")]
        self.references = protocol_references(rows, Vocabulary.build(train))
        self.reports = [row.report for row in rows]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Adapters and projections, and the encoder where it learns, ten times more slowly."""
        named = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [{"params": [p for name, p in named if "backbone." not in name]}]
        encoder = [p for name, p in named if "backbone." in name]
        return [*groups, {"params": encoder, "lr": 1e-4}] if encoder else groups

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """OTDRG eq. 12, and with a weight the contrast of `train.transport_losses`."""
        output = model(batch.grids, batch.mask, batch.labels, batch.tokens[:, :-1])
        words = report_loss(output.logits, batch.tokens, self.objective.smoothing)
        aligned = alignment_losses(
            output.memory, batch.labels, self.model.config.transport, self.objective.alignment
        )
        return {"loss": words + aligned.pop("alignment", 0), "words": words, **aligned}

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Decode val as the app would (predicted labels, beams) and score it under the R2Gen protocol."""
        reports = decode(model, self.val, self.tokenizer, device)  # type: ignore[arg-type]
        return selection_scores(reports, self.references, self.reports)


def build_config(
    options: argparse.Namespace, base: LanguageModelConfig, prompts: PromptTokens
) -> OTDRGConfig:
    """The configuration that the flags name; Table 3 and 4 and figure 4 are a flag each."""
    gradient: Any = options.gradient or ("envelope" if options.features == "plain" else "autodiff")
    targets = ALL_LINEAR if options.lora_targets == "all" else ("q_proj", "v_proj")
    return OTDRGConfig(
        backbone=BackboneConfig(ENCODERS[options.encoder]),
        preprocessing=PREPROCESSING,
        language_model=dataclasses.replace(base, lora_rank=options.lora_rank, lora_targets=targets),
        transport=TransportConfig(options.epsilon, options.iterations, not options.raw_cost, gradient),
        decoding=BeamConfig(options.beams, options.max_tokens, options.length_penalty),
        use_labels=not options.no_labels,
        use_transport=not (options.no_transport or options.no_labels),
        features=options.features,
        label_text=options.label_text,
        patch_dropout=options.patch_dropout,
        instruction_length=len(prompts.instruction),
        label_length=prompts.longest,
    )


def build_model(options: argparse.Namespace) -> tuple[OTDRG, ReportTokenizer]:
    """Encoder and base with their weights, everything else new; only what shall learn has gradients."""
    base, tokenizer, weights = read_base(options.language_run)
    prompts = PromptTokens.of(tokenizer)
    torch.manual_seed(options.seed)
    model = OTDRG(build_config(options, base, prompts))
    model.language_model.load_base(weights)
    if base.base:
        model.config = _signed(model)
    model.write_prompts(prompts)
    if options.encoder_run:
        load_backbone(model, options.encoder_run)
    model.backbone.requires_grad_(options.train_encoder)
    return model, tokenizer


def _signed(model: OTDRG) -> OTDRGConfig:
    """The config with the hash of a foreign base, which is not part of the checkpoint."""
    language = dataclasses.replace(model.config.language_model, base_hash=model.language_model.fingerprint())
    return dataclasses.replace(model.config, language_model=language)


def train_data(
    options: argparse.Namespace, corpus: Corpus, model: OTDRG, tokenizer: ReportTokenizer
) -> tuple[ReportStudies, ReportStudies]:
    """Train and val with features, or pixels where the encoder learns, and states from the reports."""
    cache = options.out.parent / "cache"
    versions: list[Any] = [
        PixelVersion(corpus.pictures, PREPROCESSING, version)
        if options.train_encoder
        else cached_grids(model.backbone, corpus.pictures, PREPROCESSING, version, cache)
        for version in range(1 + VERSIONS)
    ]
    conditions: Any = state_conditions(
        corpus, options.classifier, cache, options.label_noise, options.seed, _states(options.labels, corpus)
    )
    train, val = (
        ReportStudies(corpus, versions, split, tokenizer, conditions)  # type: ignore[arg-type]
        for split in ("train", "val")
    )
    return train, val


def _states(path: Path | None, corpus: Corpus) -> Any:
    """States by study from the file of stage labels; the rule labeler's where it has none."""
    if path is None:
        return None
    known = json.loads(path.read_text())
    return np.stack(
        [
            np.array(known.get(row.id, states), np.int64)
            for row, states in zip(corpus.rows, corpus.states, strict=True)
        ]
    )


def train_reports(options: argparse.Namespace) -> None:
    """Train, keep the best epoch on val, write a checkpoint folder."""
    corpus = load_corpus(options.data, options.out.parent / "cache")
    model, tokenizer = build_model(options)
    train, val = train_data(options, corpus, model, tokenizer)
    alignment = Alignment(options.transport_weight, options.contrast_weight)
    objective = Objective(alignment, options.smoothing)
    learner = FromPixels(model) if options.train_encoder else model
    loop = LoopConfig(
        options.epochs,
        options.batch_size,
        options.learning_rate,
        0.02,
        seed=options.seed,
        evaluate_every=options.evaluate_every,
    )
    best = Trainer(ReportTask(learner, objective, val, tokenizer), train, loop, options.out).fit(
        options.resume
    )
    load_weights(learner, best / "model.safetensors")
    if not PartialState().is_main_process:
        return
    provenance = {
        "data": "IU X-Ray, R2Gen split, train",
        "objective": dataclasses.asdict(objective),
        "encoder_run": str(options.encoder_run),
        "language_run": str(options.language_run),
        "label_noise": options.label_noise,
        "labels": "rule labeler" if options.labels is None else str(options.labels),
    }
    save(options.out / "checkpoint", "otdrg", model, {"training": provenance | dataclasses.asdict(loop)})
    tokenizer.save(options.out / "checkpoint" / "tokenizer.json")

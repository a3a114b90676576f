"""The stages of OTDRG before the report is learned: encoder (distill, ircp), its probe, language model."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from radui.models.observation_classifier import pool_views
from radui.nn.backbones import BackboneConfig, build_backbone
from radui.nn.language_model import LanguageModel, LanguageModelConfig
from radui.observations import OBSERVATIONS
from radui.processing.labeler import label
from radui.processing.tokenizer import ReportTokenizer
from train.backbone import PREPROCESSING
from train.corpus import Corpus, load_corpus, positive
from train.data.iu_xray import read_iu_xray
from train.distill import EncoderObjective, EncoderPictures, EncoderTask, Student
from train.features import Grids, cached_grids
from train.label_choice import choosing_asker
from train.label_extraction import AnswerCache, Tally, agreement_table, extract_states, language_asker
from train.language import (
    LanguageTask,
    ReportTexts,
    build_tokenizer,
    read_base,
    save_base,
    text_features,
)
from train.loop import LoopConfig, Trainer
from train.observation_classifier import VERSIONS, load_backbone, observation_aucs
from train.state_conditions import state_conditions

ENCODERS: dict[str, Any] = {
    "swin": "swin_compact",
    "swin_base": "swin_base",
    "efficientnet": "efficientnet_lite0",
}


class Frozen(nn.Module):
    """A backbone by itself, with the weights of a run or a checkpoint."""

    def __init__(self, name: Any, run: Path) -> None:
        super().__init__()
        self.backbone = build_backbone(BackboneConfig(name))
        load_backbone(self, run)
        self.requires_grad_(False).eval()


def teacher_grids(options: argparse.Namespace, corpus: Corpus) -> list[Grids]:
    """The shipped backbone's cached patch features, plain and warped."""
    teacher = Frozen("efficientnet_lite0", options.teacher).backbone
    cache = options.out.parent / "cache"
    return [cached_grids(teacher, corpus.pictures, PREPROCESSING, v, cache) for v in range(1 + VERSIONS)]


def train_encoder(options: argparse.Namespace, objective: EncoderObjective) -> None:
    """Stages distill and ircp: a Swin encoder, from random weights or from another run's."""
    corpus = load_corpus(options.data, options.out.parent / "cache")
    teacher = teacher_grids(options, corpus)
    texts = _report_features(options, corpus) if objective.ircp_level == "report" else None
    torch.manual_seed(options.seed)
    width = 1 if texts is None else texts.shape[1]
    student = Student(BackboneConfig(ENCODERS[options.encoder]), teacher[0].shape[1], width)
    if options.encoder_run:
        load_backbone(student, options.encoder_run)
    train, val = (
        EncoderPictures(corpus, teacher, split, PREPROCESSING, options.seed) for split in ("train", "val")
    )
    config = LoopConfig(
        options.epochs, options.batch_size, options.learning_rate, weight_decay=0.05, seed=options.seed
    )
    trainer = Trainer(EncoderTask(student, objective, val, texts), train, config, options.out)
    best = trainer.fit(options.resume)
    (best.parent / "objective.json").write_text(json.dumps(asdict(objective), indent=1) + "\n")


def _report_features(options: argparse.Namespace, corpus: Corpus) -> NDArray[np.float32]:
    config, tokenizer, weights = read_base(options.language_run)
    model = LanguageModel(config)
    if weights:
        model.load_state_dict(weights)
    return text_features(model, [tokenizer.encode(row.report) for row in corpus.rows])


def train_language_model(options: argparse.Namespace) -> None:
    """Stage lm: the compact Llama on the train reports; a foreign base is only written down."""
    if options.language_model:
        adopt_language_model(options)
        return
    cache = options.out.parent / "cache"
    corpus = load_corpus(options.data, cache)
    tokenizer = build_tokenizer(corpus, options.tokens)
    conditions = state_conditions(corpus, options.classifier, cache, options.label_noise, options.seed)
    train, val = (ReportTexts(corpus, split, tokenizer, conditions) for split in ("train", "val"))
    config = LanguageModelConfig(
        vocabulary=len(tokenizer),
        width=options.width,
        layers=options.layers,
        feedforward=3 * options.width,
        heads=max(1, options.width // 64),
        key_value_heads=max(1, options.width // 128),
    )
    torch.manual_seed(options.seed)
    task = LanguageTask(LanguageModel(config), val)
    loop = LoopConfig(options.epochs, options.batch_size, options.learning_rate, 0.05, seed=options.seed)
    Trainer(task, train, loop, options.out).fit(options.resume)
    save_base(options.out, config, tokenizer)


def adopt_language_model(options: argparse.Namespace) -> None:
    """Write down a Hugging Face causal model, by name or folder, as the base of a later sft stage."""
    from transformers import AutoTokenizer

    foreign: Any = AutoTokenizer.from_pretrained(options.language_model)
    end = int(foreign.eos_token_id)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "tokenizer.json"
    foreign.backend_tokenizer.save(str(path))
    base = LanguageModelConfig(base=str(options.language_model), end=end, dtype=options.dtype)
    save_base(options.out, base, ReportTokenizer.load(path, end))


def probe_encoder(options: argparse.Namespace) -> None:
    """Stage probe: mean AUC on val of a logistic regression on an encoder's mean features.

    The same few parameters on each encoder: it says what a way of pre-training brings.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    corpus = load_corpus(options.data, options.out.parent / "cache")
    encoder = Frozen(ENCODERS[options.encoder], options.encoder_run).backbone
    grids = cached_grids(encoder, corpus.pictures, PREPROCESSING, 0, options.out.parent / "cache")
    train, val = (_means(corpus, grids, split) for split in ("train", "val"))
    scaler = StandardScaler().fit(train)
    truth, held_out = (positive(corpus.states)[corpus.where(split)] for split in ("train", "val"))
    scores = np.zeros(held_out.shape)
    for k in range(truth.shape[1]):
        if 0 < truth[:, k].sum() < len(truth):
            model = LogisticRegression(C=0.01, max_iter=500).fit(scaler.transform(train), truth[:, k])
            scores[:, k] = model.decision_function(scaler.transform(val))
    aucs = observation_aucs(scores, held_out)
    print(json.dumps({"mean_auc": float(np.mean(list(aucs.values()))), "auc": aucs}, indent=1))


def _means(corpus: Corpus, grids: Grids, split: str) -> NDArray[np.float32]:
    rows = []
    for position in corpus.where(split):
        views = torch.from_numpy(grids[list(corpus.index[position])].astype(np.float32))[None]
        rows.append(pool_views(views, torch.ones(views.shape[:2], dtype=torch.bool))[0].numpy())
    return np.stack(rows)


def extract_labels(options: argparse.Namespace) -> None:
    """Stage labels: a language model's labels of train reports, and their agreement with the rule labeler."""
    rows = [row for row in read_iu_xray(options.data) if row.split == "train"][: options.limit]
    model = options.language_model
    asked = f"{model} choosing" if options.choose else model  # the cache keeps the two ways apart
    cache, tally = AnswerCache(options.out / "answers.jsonl", asked), Tally()
    ask = choosing_asker(model) if options.choose else language_asker(model)
    found = {row.id: extract_states(row.report, ask, cache, tally, options.attempts) for row in tqdm(rows)}
    answered = {name: states for name, states in found.items() if states is not None}
    written = {name: [int(states[each]) for each in OBSERVATIONS] for name, states in answered.items()}
    (options.out / "labels.json").write_text(json.dumps(written) + "\n")
    pairs = [(label(row.report), answered[row.id]) for row in rows if row.id in answered]
    print(agreement_table(pairs))
    print(f"{len(rows)} reports, first column the rule labeler; {tally}")

"""What `benchmarks.training` times: each system's task and data as its own command builds them.

`given` does at a step what the feature cache saves: it computes from fresh pixels what the batch brings.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radui.records import ByteArray

MINILM_WIDTH = 384  # of the text half of XProNet's prototypes

Given = Callable[[Any, Tensor, Any], Any]
"""(model, pixels (pictures, 1, S, S), cached batch) -> the batch with features of these pixels."""


@dataclass(frozen=True)
class Learner:
    """pictures_of: how many pictures a sample of `data` holds features of."""

    task: Any
    data: Any
    pictures: ByteArray
    pictures_of: Callable[[Any], int]
    given: Given


def _in_grids(sample: Any) -> int:
    return int(np.prod(sample[0].shape[:-3]))


def _fill(found: Tensor, wanted: Tensor, picture: int) -> Tensor:
    """Features (pictures, …) in the places of `wanted`, repeated where a place has no picture: it is masked.

    picture: dimensions of one picture's features.
    """
    places = int(np.prod(wanted.shape[:-picture]))
    repeats = -(-places // len(found))
    return found.repeat(repeats, *[1] * picture)[:places].view(wanted.shape)


def _grids(model: Any, pixels: Tensor, batch: Any) -> Any:
    found = model.grids(pixels[:, None]).flatten(0, 1)
    return replace(batch, grids=_fill(found, batch.grids, 3))


def _two_scales(model: Any, pixels: Tensor, batch: Any) -> Any:
    found = zip(model.features(pixels), batch.features, strict=True)
    return replace(batch, features=tuple(_fill(maps, wanted, 3) for maps, wanted in found))


def _codes(model: Any, pixels: Tensor, batch: Any) -> Any:
    model.vqgan.encode(pixels)  # the codes stand in the batch already, among the text
    return batch


def _arguments(options: argparse.Namespace, *more: str) -> list[str]:
    # The scripts look for their cache beside the folder that they write to.
    return ["--data", str(options.data), "--out", str(options.cache.parent / "benchmark"), *more]


def xpronet(options: argparse.Namespace) -> Learner:
    """As `train.xpronet` builds it, without its text features."""
    from radui.models.xpronet import XProNet
    from radui.nn.backbones import EfficientNetLite
    from radui.processing.vocabulary import Vocabulary
    from train import xpronet as script
    from train.corpus import load_corpus
    from train.observation_classifier import load_backbone

    more = ["--backbone", str(options.backbone), "--text-encoder", "none"]
    settings = script.parse(_arguments(options, *more))
    corpus = load_corpus(settings.data, options.cache)
    vocabulary = Vocabulary.build(corpus.rows[p].report for p in corpus.where("train"))
    model = XProNet(script.build_config(settings, vocabulary, EfficientNetLite.channels + MINILM_WIDTH))
    load_backbone(model, settings.backbone)
    model.backbone.requires_grad_(False)
    train, val = script.train_data(settings, corpus, model.backbone, vocabulary)
    task = script.XProNetTask(model, script.Objective(), val, vocabulary)
    return Learner(task, train, corpus.pictures, _in_grids, _grids)


def medrat(options: argparse.Namespace) -> Learner:
    """As `train.medrat` builds it."""
    from radui.models.medrat import MedRAT
    from train import medrat as script
    from train.corpus import load_corpus
    from train.medrat_data import read_sources
    from train.observation_classifier import load_backbone

    settings = script.parse(_arguments(options, "--backbone", str(options.backbone), "--observe"))
    sources = read_sources(settings)
    model = MedRAT(script.build_config(settings, len(sources.vocabulary), sources.max_length))
    load_backbone(model, settings.backbone)
    model.backbone.requires_grad_(False)
    train, val = script.load_data(settings, sources, model.backbone)
    task = script.MedRATTask(model, script.Objective(), val, sources.vocabulary, sources.max_length)
    return Learner(task, train, load_corpus(settings.data, options.cache).pictures, _in_grids, _grids)


def otdrg(options: argparse.Namespace) -> Learner:
    """As stage sft of `train.otdrg` builds it, on the language model of --language-run."""
    from train import otdrg as script
    from train import otdrg_sft as stage
    from train.corpus import load_corpus

    more = ["--stage", "sft", "--encoder", "efficientnet", "--encoder-run", str(options.backbone)]
    settings = script.parse(_arguments(options, *more, "--language-run", str(options.language_run)))
    corpus = load_corpus(settings.data, options.cache)
    model, tokenizer = stage.build_model(settings)
    train, val = stage.train_data(settings, corpus, model, tokenizer)
    task = stage.ReportTask(model, stage.Objective(), val, tokenizer)
    return Learner(task, train, corpus.pictures, _in_grids, _grids)


def adamatch(options: argparse.Namespace) -> Learner:
    """As `train.adamatch` builds it; a sample has the features of one or two views."""
    from train import adamatch as script
    from train.corpus import load_corpus

    settings = script.parse(_arguments(options, "--random-text", "--versions", "1"))
    corpus = load_corpus(settings.data, options.cache)
    model, tokens = script.build(settings, corpus)
    train, val = script.study_sets(settings, corpus, model, tokens)
    task = script.AdaMatchTask(model, val, settings.text_rate, settings.learning_rate, False)
    return Learner(task, train, corpus.pictures, lambda sample: len(sample[0]), _two_scales)


def adamatch_cyclic(options: argparse.Namespace) -> Learner:
    """As `train.adamatch_cyclic --start` builds it: half of the samples are pictures to draw."""
    from radui.models.registry import load
    from radui.processing.instructions import Instructor
    from radui.processing.tokenizer import ReportTokenizer
    from radui.processing.vocabulary import Vocabulary
    from train import adamatch_cyclic as script
    from train.corpus import load_corpus
    from train.cyclic_data import CyclicStudies, HintTable, Lessons, cached_codes

    corpus = load_corpus(options.data, options.cache)
    model: Any = load(options.cyclic).model
    tokenizer = ReportTokenizer.load(options.cyclic / "tokenizer.json", model.config.language_model.end)
    codes = cached_codes(model.vqgan, corpus.pictures, 1, options.cache)
    instructor = Instructor(tokenizer, model.texts)
    train, val = (
        CyclicStudies(corpus, codes, split, instructor, model.config, HintTable(), Lessons())
        for split in ("train", "val")
    )
    vocabulary = Vocabulary.build(corpus.rows[p].report for p in corpus.where("train"))
    return Learner(script.CyclicTask(model, val, vocabulary), train, corpus.pictures, lambda _: 1, _codes)


SYSTEMS: dict[str, Callable[[argparse.Namespace], Learner]] = {
    each.__name__: each for each in (xpronet, medrat, otdrg, adamatch, adamatch_cyclic)
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where the builders find what a system starts from."""
    add = parser.add_argument
    add("--data", type=Path, required=True)
    add("--cache", type=Path, required=True, help="of patch features and pictures")
    add("--backbone", type=Path, default=Path("checkpoints/observation_classifier"))
    add("--language-run", type=Path, default=Path("runs/otdrg-lm"), help="of train.otdrg --stage lm")
    add("--cyclic", type=Path, default=Path("checkpoints/adamatch_cyclic"))


def started(options: argparse.Namespace) -> Sequence[str]:
    """Those options again, for a process of its own."""
    names = ("data", "cache", "backbone", "language_run", "cyclic")
    pairs = [(f"--{name.replace('_', '-')}", str(getattr(options, name))) for name in names]
    return [part for pair in pairs for part in pair]


def computed(learner: Learner, pixels: Tensor, batch: Any) -> Any:
    """The batch with features that are computed now."""
    with torch.no_grad():
        return learner.given(learner.task.model, pixels, batch)

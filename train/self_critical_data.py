"""What each system's self-critical training draws from: the data of its own training command."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from radui.models.medrat import MedRAT
from radui.models.otdrg import OTDRG
from radui.models.registry import Checkpoint, load
from radui.models.xpronet import XProNet
from train import medrat_data, otdrg_sft, xpronet
from train.backbone import PREPROCESSING
from train.corpus import Corpus
from train.features import cached_grids
from train.observation_classifier import VERSIONS
from train.report_data import ReportStudies
from train.unpaired import MatchedStudies


def read_start(run: Path) -> Checkpoint:
    """The checkpoint of a run; ValueError where it is no report generator."""
    start = load(run / "checkpoint")
    if not isinstance(start.model, XProNet | MedRAT | OTDRG):
        raise ValueError(f"{start.folder} is no XProNet, MedRAT or OTDRG; give a run of one of these.")
    return start


@dataclass(frozen=True)
class RewardData:
    """Studies to write about and what judges them.

    train: items as ReportStudies gives them; reports: the words of all reports that frequencies may count.
    """

    train: Dataset[tuple[Any, ...]]
    val: ReportStudies
    reports: Sequence[Sequence[str]]


def train_data(start: Checkpoint, options: argparse.Namespace, corpus: Corpus, words: Any) -> RewardData:
    """The data of a trained XProNet, MedRAT or OTDRG; ValueError for a MedRAT of other data sets."""
    if isinstance(start.model, MedRAT):
        return _medrat(start, options, corpus, words)
    model: Any = start.model
    if isinstance(model, XProNet):
        train, val = xpronet.train_data(options, corpus, model.backbone, words)
    else:
        cached = argparse.Namespace(**vars(options), train_encoder=False, labels=None)
        train, val = otdrg_sft.train_data(cached, corpus, model, words)
    return RewardData(train, val, [words.words(tokens) for tokens in train.tokens])


def _medrat(start: Checkpoint, options: argparse.Namespace, corpus: Corpus, words: Any) -> RewardData:
    """Images and reports as they were dealt when the run was trained, with the same seed and share."""
    facts = start.facts["training"]
    if not facts["data"].startswith("IU X-Ray"):
        raise ValueError(
            f"{start.folder} was not trained on --data alone; self-critical training needs that."
        )
    sources = replace(medrat_data.two_halves(corpus, facts["pairing"], facts["seed"]), vocabulary=words)
    cache, model = options.out.parent / "cache", start.model
    backbone: Any = model.backbone
    grids = [cached_grids(backbone, corpus.pictures, PREPROCESSING, v, cache) for v in range(1 + VERSIONS)]
    val = medrat_data.val_studies(
        sources, lambda _, versions: grids[: 1 + versions], options.classifier, cache
    )
    images = medrat_data.image_side(sources, grids)
    reports = medrat_data.report_side(sources)
    rates = val.conditions.rates
    train = MatchedStudies(images, reports, options.seed, options.label_noise, rates)
    return RewardData(train, val, [words.words(tokens) for tokens in reports.tokens])

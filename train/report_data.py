"""Studies as a report generator is trained on them, shared by all papers: features, labels, words.

The backbone is frozen, so a study is its cached patch features; what conditions it comes from the
report (training) or from the observation classifier (validation, test and the app).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from radui.models.observation_classifier import condition_labels
from radui.models.registry import load
from radui.nn.decoding import BeamSearch
from radui.observations import NO_FINDING, OBSERVATION_INDEX
from radui.processing.vocabulary import Vocabulary
from train.corpus import Corpus
from train.features import Grids
from train.observation_classifier import VIEW_DROPOUT, pooled_versions
from train.pictures import generator


@dataclass(frozen=True)
class Batch:
    """grids (B, V, C, h, w), mask (B, V), labels (B, 14) bool, tokens (B, T) int64."""

    grids: Tensor
    mask: Tensor
    labels: Tensor
    tokens: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> "Batch":
        """On another device; Accelerate moves what has this method, and no dataclass without it."""
        parts = (self.grids, self.mask, self.labels, self.tokens)
        return Batch(*(part.to(device, non_blocking=non_blocking) for part in parts))


class ReportStudies(Dataset[tuple[Any, ...]]):
    """Cached patch features of a study in one version, the labels it is conditioned on, its report."""

    def __init__(
        self, corpus: Corpus, grids: list[Grids], split: str, vocabulary: Vocabulary, conditions: "Conditions"
    ) -> None:
        self.corpus, self.grids, self.conditions = corpus, grids, conditions
        self.positions = corpus.where(split)
        self.tokens = [vocabulary.encode(corpus.rows[p].report) for p in self.positions]
        self.training, self.seed, self.epoch = split == "train", conditions.seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the loop; the version drawn follows it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, item: int) -> tuple[Any, ...]:
        position = self.positions[item]
        views = self.corpus.index[position]
        random = generator(self.seed, self.epoch, item)
        version = int(random.integers(len(self.grids))) if self.training else 0
        grids = np.stack([self.grids[version][view] for view in views])
        mask = kept_views(len(views), random) if self.training else np.ones(len(views), bool)
        labels = self.conditions.draw(position, random if self.training else None)
        return grids, mask, labels, self.tokens[item]


def kept_views(views: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """(views,) bool: now and then one of several is left out."""
    mask = np.ones(views, bool)
    if views > 1 and random.random() < VIEW_DROPOUT:
        mask[random.integers(views)] = False
    return mask


@dataclass(frozen=True)
class Conditions:
    """Labels a study is conditioned on: the report's own while training, the classifier's otherwise.

    noise: share of train studies whose labels are redrawn with the classifier's error rates on val
    (`rates`). Without it a model trusts labels that the app cannot give it; the classifier's own labels
    of train studies are no substitute, since it has learned those by heart.
    oracle: evaluate with the report's own labels.
    """

    reference: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    rates: NDArray[np.float64]
    noise: float
    seed: int
    oracle: bool = False

    def draw(self, position: int, random: np.random.Generator | None) -> NDArray[np.bool_]:
        """(14,) bool; without random numbers the evaluation's choice."""
        if random is None:
            return (self.reference if self.oracle else self.predicted)[position]
        stated = self.reference[position]
        return redraw(stated, self.rates, random) if random.random() < self.noise else stated


def error_rates(reference: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(2, 14): P(predicted | not stated) and P(predicted | stated), with one study of each kind added."""
    rows = [(predicted & (reference == stated)).sum(0) + 1 for stated in (False, True)]
    totals = [(reference == stated).sum(0) + 2 for stated in (False, True)]
    return np.stack(rows) / np.stack(totals)


def redraw(
    stated: NDArray[np.bool_], rates: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.bool_]:
    """Labels as the classifier might have predicted them; "No Finding" follows from the others."""
    drawn = random.random(len(stated)) < np.where(stated, rates[1], rates[0])
    no_finding, devices = OBSERVATION_INDEX[NO_FINDING], OBSERVATION_INDEX["Support Devices"]
    others = np.delete(drawn, [no_finding, devices])
    drawn[no_finding] = not others.any()
    return drawn


def collate(samples: list[tuple[Any, ...]], views: int = 2) -> Batch:
    """Pad reports with 0 and studies to two views."""
    length = max(len(tokens) for *_, tokens in samples)
    tokens = torch.zeros(len(samples), length, dtype=torch.long)
    mask = torch.zeros(len(samples), views, dtype=torch.bool)
    grids = torch.zeros(len(samples), views, *samples[0][0].shape[1:])
    for row, (grid, present, _, ids) in enumerate(samples):
        tokens[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(present)] = torch.from_numpy(present)
        grids[row, : len(grid)] = torch.from_numpy(grid.astype(np.float32))
    return Batch(grids, mask, torch.from_numpy(np.stack([s[2] for s in samples])), tokens)


@torch.inference_mode()
def decode(
    model: Any, data: ReportStudies, vocabulary: Vocabulary, device: torch.device, batch_size: int = 32
) -> list[str]:
    """Reports of a split as the protocol scores them: lower-case vocabulary words."""
    model.eval()
    reports = []
    for start in range(0, len(data), batch_size):
        batch = collate([data[i] for i in range(start, min(start + batch_size, len(data)))])
        memory = model.encode(batch.grids.to(device), batch.mask.to(device), batch.labels.to(device))
        config = model.config.decoding
        search = BeamSearch(model.stepper(memory, config.beams), len(batch.tokens), config, device)
        reports += [vocabulary.decode(hypothesis.tokens) for hypothesis in search.run()]
    return reports


def predicted_labels(classifier_folder: Path, corpus: Corpus, cache: Path) -> NDArray[np.bool_]:
    """(studies, 14) bool: what the app's classifier would condition each study on."""
    classifier: Any = load(classifier_folder).model
    pooled = pooled_versions(classifier, corpus, cache, versions=1)[0]
    features = np.stack([pooled[list(views)].mean(0) for views in corpus.index])
    with torch.inference_mode():
        probabilities = classifier.probabilities(classifier.classify(torch.from_numpy(features)))
    return condition_labels(probabilities, torch.tensor(classifier.config.thresholds)).numpy()

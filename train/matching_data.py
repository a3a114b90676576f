"""Studies as AdaMatch is trained on them: what its image encoder reads, and the report's tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from radui.models.adamatch import AdaMatch
from radui.nn.pyramid import LowerBlocks
from radui.processing.tokens import ReportTokens
from radui.records import Preprocessing
from train.corpus import Corpus
from train.features import cached_grids
from train.pictures import Augmentation, augment, generator, plain

VIEW_DROPOUT = 0.5  # higher than elsewhere: the paper matches one picture to a report, and it halves the work

Source = Callable[[int, np.random.Generator | None], tuple[NDArray[Any], ...]]
"""From the number of a picture and random numbers, None for the plain picture, to the arrays of one view."""


@dataclass(frozen=True)
class Pairs:
    """A batch. features: (B, V, ...) each; views: (B, V) bool; tokens (B, T), words (B, T) bool.

    texts: (B,) int64, equal where two studies have the same report.
    """

    features: tuple[Tensor, ...]
    views: Tensor
    tokens: Tensor
    words: Tensor
    texts: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> "Pairs":
        """On another device; Accelerate moves what has this method, and no dataclass without it."""
        rest = (self.views, self.tokens, self.words, self.texts)
        moved = (part.to(device, non_blocking=non_blocking) for part in rest)
        return Pairs(tuple(each.to(device, non_blocking=non_blocking) for each in self.features), *moved)


class CachedFeatures:
    """The frozen backbone's two maps of each picture, plain and in warped versions, from the disk."""

    def __init__(self, model: AdaMatch, corpus: Corpus, versions: int, cache: Path) -> None:
        model.eval()
        lower, where = LowerBlocks(model.backbone), model.config.preprocessing
        self.versions = [
            tuple(
                cached_grids(each, corpus.pictures, where, version, cache) for each in (lower, model.backbone)
            )
            for version in range(versions)
        ]

    def __call__(self, picture: int, random: np.random.Generator | None) -> tuple[NDArray[Any], ...]:
        """See `Source`."""
        version = 0 if random is None else int(random.integers(len(self.versions)))
        return tuple(grids[picture] for grids in self.versions[version])


class PictureSource:
    """The pictures themselves, warped at random while training: for a model without a frozen backbone."""

    def __init__(self, corpus: Corpus, preprocessing: Preprocessing) -> None:
        self.pictures, self.preprocessing = corpus.pictures, preprocessing

    def __call__(self, picture: int, random: np.random.Generator | None) -> tuple[NDArray[Any], ...]:
        """See `Source`."""
        if random is None:
            return (plain(self.pictures[picture], self.preprocessing)[None],)
        return (augment(self.pictures[picture], self.preprocessing, random, Augmentation())[None],)


class MatchingStudies(Dataset[tuple[Any, ...]]):
    """A study's views and its report; in training a view is left out now and then."""

    def __init__(
        self, corpus: Corpus, source: Source, split: str, tokens: ReportTokens, seed: int, training: bool
    ) -> None:
        self.corpus, self.source, self.seed, self.training = corpus, source, seed, training
        self.positions = corpus.where(split)
        self.reports = [corpus.rows[p].report for p in self.positions]
        self.tokens = [tokens.encode(report) for report in self.reports]
        self.texts = text_numbers(self.reports)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the loop; versions and left out views follow it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, item: int) -> tuple[Any, ...]:
        pictures = list(self.corpus.index[self.positions[item]])
        random = generator(self.seed, self.epoch, item) if self.training else None
        if random is not None and len(pictures) > 1 and random.random() < VIEW_DROPOUT:
            pictures = [pictures[int(random.integers(len(pictures)))]]
        views = [self.source(picture, random) for picture in pictures]
        return views, self.tokens[item], self.texts[item]


def text_numbers(reports: Sequence[str]) -> list[int]:
    """A number for each report, the same for the same text."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(report, len(numbers)) for report in reports]


def collate(samples: list[tuple[Any, ...]], views: int = 2) -> Pairs:
    """Pad reports with 0 and studies to two views."""
    tokens, words = pad([ids for _, ids, _ in samples])
    mask = torch.zeros(len(samples), views, dtype=torch.bool)
    features = tuple(torch.zeros(len(samples), views, *part.shape) for part in samples[0][0][0])
    for row, (study, *_) in enumerate(samples):
        mask[row, : len(study)] = True
        for view, parts in enumerate(study):
            for target, part in zip(features, parts, strict=True):
                target[row, view] = torch.from_numpy(part.astype(np.float32))
    return Pairs(features, mask, tokens, words, torch.tensor([text for *_, text in samples]))


def pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Ids (B, T) padded with 0, and True where there are any (B, T)."""
    length = max(map(len, rows))
    tokens = torch.zeros(len(rows), length, dtype=torch.long)
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for i, ids in enumerate(rows):
        tokens[i, : len(ids)], mask[i, : len(ids)] = torch.tensor(ids), True
    return tokens, mask

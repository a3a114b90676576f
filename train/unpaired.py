"""Images of some studies and reports of others (MedRAT 4): no pair is seen but those that are asked for.

A batch zips images with reports at random, anew in each epoch; the shorter side is gone through again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from train.features import Grids
from train.pictures import generator
from train.report_data import kept_views, redraw


@dataclass(frozen=True)
class Assignment:
    """Positions of studies: those that give an image, those that give a report, those that give both."""

    images: tuple[int, ...]
    reports: tuple[int, ...]
    pairs: tuple[int, ...]


def assign(positions: Sequence[int], share: float, seed: int) -> Assignment:
    """Deal studies out: `share` of them (0 to 1) give both sides, of the rest each gives one.

    With the same seed a larger share takes nothing away from a smaller one's data.
    """
    order = [positions[i] for i in np.random.default_rng(seed).permutation(len(positions))]
    paired = round(share * len(order))
    pairs, rest = order[:paired], range(paired, len(order))
    images = [order[i] for i in rest if i % 2 == 0]
    reports = [order[i] for i in rest if i % 2 == 1]
    return Assignment(tuple(pairs + images), tuple(pairs + reports), tuple(pairs))


@dataclass(frozen=True)
class ImageSide:
    """Cached patch features and labels of studies, and the reports of those that are paired.

    index[i]: the rows of study i in each of `grids` (the plain version first, warped ones after it).
    labels: (studies, 14) bool; tokens[i]: ids of its report, empty where that is not known.
    """

    index: list[tuple[int, ...]]
    grids: list[Grids]
    labels: NDArray[np.bool_]
    tokens: list[list[int]]

    def version(self, study: int, version: int) -> NDArray[np.float16]:
        """(V, C, h, w) of a study."""
        return np.stack([self.grids[version][view] for view in self.index[study]])

    def alike(self) -> dict[bytes, list[int]]:
        """Studies by the bytes of their labels."""
        found: dict[bytes, list[int]] = {}
        for study, labels in enumerate(self.labels):
            found.setdefault(labels.tobytes(), []).append(study)
        return found


@dataclass(frozen=True)
class ReportSide:
    """tokens[i]: ids of a report; labels: (reports, 14) bool."""

    tokens: list[list[int]]
    labels: NDArray[np.bool_]


@dataclass(frozen=True)
class Batch:
    """N images and N reports; what belongs together is written beside it, everything else does not.

    grids: (2, N, V, C, h, w), two versions; mask: (N, V) bool; image_labels: (N, 14) bool.
    image_tokens: (P, T), the reports of the first P images. tokens, shuffled: (N, T), the reports and
    the same with their sentences in another order; report_labels: (N, 14) bool.
    """

    grids: Tensor
    mask: Tensor
    image_labels: Tensor
    image_tokens: Tensor
    tokens: Tensor
    shuffled: Tensor
    report_labels: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> "Batch":
        """On another device; Accelerate moves what has this method, and no dataclass without it."""
        return Batch(*(part.to(device, non_blocking=non_blocking) for part in vars(self).values()))


class UnpairedStudies(Dataset[tuple[Any, ...]]):
    """An image in two versions and a report in two orders, from any two studies.

    stop: the id of the full stop. pair_share: how often the image is a paired one, at least; a few
    pairs among many images would otherwise hardly ever be seen.
    match_share: how often the image is exchanged for one with the observations of the report, which it
    then brings as if it were its own, though it is of another study. Not in the paper: the decoder so
    learns to read images, and from them no more than observations can tell.
    """

    def __init__(
        self,
        images: ImageSide,
        reports: ReportSide,
        stop: int,
        seed: int,
        pair_share: float = 0.25,
        match_share: float = 0.0,
    ) -> None:
        self.images, self.reports, self.stop, self.seed = images, reports, stop, seed
        self.pairs = [i for i, tokens in enumerate(images.tokens) if tokens]
        self.pair_share = pair_share if self.pairs else 0.0
        self.match_share = match_share
        self.alike = images.alike()
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Called by the loop; who meets whom, versions and orders follow it."""
        self.epoch = epoch
        random = np.random.default_rng((self.seed, epoch))
        sizes = len(self.images.index), len(self.reports.tokens)
        self.orders = [random.permutation(size) for size in sizes]

    def __len__(self) -> int:
        return max(map(len, self.orders))

    def __getitem__(self, item: int) -> tuple[Any, ...]:
        random = generator(self.seed, self.epoch, item)
        image, report = (int(order[item % len(order)]) for order in self.orders)
        tokens, labels = self.reports.tokens[report], self.reports.labels[report]
        alike = self.alike.get(labels.tobytes(), [])
        if random.random() < self.pair_share:
            image = self.pairs[random.integers(len(self.pairs))]
            brought = self.images.tokens[image]
        elif alike and random.random() < self.match_share:
            image = alike[random.integers(len(alike))]
            brought = tokens
        else:
            brought = self.images.tokens[image]
        return (
            *self._versions(image, random),
            self.images.labels[image],
            brought,
            tokens,
            shuffle_sentences(tokens, self.stop, random),
            labels,
        )

    def _versions(
        self, image: int, random: np.random.Generator
    ) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        """(2, V, C, h, w) of two different versions, and which views are kept."""
        drawn = random.choice(len(self.images.grids), 2, replace=len(self.images.grids) < 2)
        mask = kept_views(len(self.images.index[image]), random)
        return np.stack([self.images.version(image, version) for version in drawn]), mask


class MatchedStudies(Dataset[tuple[Any, ...]]):
    """Each report with an image of another study that has its observations; items as ReportStudies'.

    Reports that no image matches are left out. noise: share of items whose labels are redrawn with `rates`,
    the classifier's (`train.report_data.redraw`).
    """

    def __init__(
        self, images: ImageSide, reports: ReportSide, seed: int, noise: float, rates: NDArray[np.float64]
    ) -> None:
        self.images, self.reports, self.seed, self.noise, self.rates = images, reports, seed, noise, rates
        self.alike = images.alike()
        self.kept = [i for i, labels in enumerate(reports.labels) if labels.tobytes() in self.alike]
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the loop; which image and which version is drawn follows it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, item: int) -> tuple[Any, ...]:
        report = self.kept[item]
        random = generator(self.seed, self.epoch, item)
        labels = self.reports.labels[report]
        image = int(random.choice(self.alike[labels.tobytes()]))
        grids = self.images.version(image, int(random.integers(len(self.images.grids))))
        mask = kept_views(len(grids), random)
        if random.random() < self.noise:
            labels = redraw(labels, self.rates, random)
        return grids, mask, labels, self.reports.tokens[report]


def shuffle_sentences(tokens: Sequence[int], stop: int, random: np.random.Generator) -> list[int]:
    """Ids with the sentences between their full stops in another order; the zeros around them stay."""
    inner = [token for token in tokens if token]
    sentences: list[list[int]] = [[]]
    for token in inner:
        sentences[-1].append(token)
        if token == stop:
            sentences.append([])
    whole = [sentences[i] for i in random.permutation(len(sentences) - 1)]
    shuffled = [token for sentence in [*whole, sentences[-1]] for token in sentence]
    return [*tokens[:1], *shuffled, *tokens[1 + len(inner) :]]


def collate(samples: list[tuple[Any, ...]], views: int = 2) -> Batch:
    """Pad reports with 0 and studies to two views; images whose report is known come first.

    Images and reports are strangers, so moving an image away from its report loses nothing.
    """
    by_pair = sorted(samples, key=lambda sample: not sample[3])
    shape = samples[0][0].shape[2:]
    grids = torch.zeros(2, len(samples), views, *shape)
    mask = torch.zeros(len(samples), views, dtype=torch.bool)
    for row, (versions, present, *_) in enumerate(by_pair):
        grids[:, row, : len(present)] = torch.from_numpy(versions.astype(np.float32))
        mask[row, : len(present)] = torch.from_numpy(present)
    return Batch(
        grids,
        mask,
        torch.from_numpy(np.stack([sample[2] for sample in by_pair])),
        _padded([sample[3] for sample in by_pair if sample[3]]),
        _padded([sample[4] for sample in samples]),
        _padded([sample[5] for sample in samples]),
        torch.from_numpy(np.stack([sample[6] for sample in samples])),
    )


def _padded(rows: list[list[int]]) -> Tensor:
    padded = torch.zeros(len(rows), max(map(len, rows), default=0), dtype=torch.long)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return padded

"""Studies as AdaMatch-Cyclic reads them: cached codes, hints, and an instruction with its response."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from radui.models.adamatch_cyclic import AdaMatchCyclicConfig, Instructions
from radui.models.vqgan import VQGAN
from radui.processing.instructions import Instruction, Instructor
from radui.records import ByteArray, View
from train.corpus import Corpus
from train.data.study import StudyRow
from train.features import Grids, cached_grids
from train.pictures import Augmentation, generator

# A language model draws what it has read: a picture that was turned far leaves black corners behind.
GENTLE = Augmentation(rotation=2.0, scale=0.04, shift=0.02, aspect=0.02, brightness=0.04, contrast=0.06)


class CodeReader(nn.Module):
    """A VQ-GAN as a backbone: (B, 1, S, S) pixels in [0, 1] -> (B, h, w) codes."""

    def __init__(self, vqgan: VQGAN) -> None:
        super().__init__()
        self.vqgan = vqgan

    def forward(self, pixels: Tensor) -> Tensor:
        """As the class says; the cache keeps float16, which is exact up to 2,048 codes."""
        return self.vqgan.encode(pixels)


def cached_codes(vqgan: VQGAN, pictures: ByteArray, versions: int, cache: Path) -> list[Grids]:
    """(pictures, h, w) codes a version: the plain pictures, then gently warped ones."""
    if vqgan.config.quantizer.codes > 2048:
        raise ValueError("The cache keeps up to 2,048 codes; train the VQ-GAN with a smaller codebook.")
    reader, where = CodeReader(vqgan), vqgan.config.preprocessing
    return [cached_grids(reader, pictures, where, v, cache, how=GENTLE) for v in range(versions)]


@dataclass(frozen=True)
class HintTable:
    """AdaMatch's hints, computed once. A picture's keywords and a study's keypatch codes by study id.

    keywords[id][k] are those of the study's k-th picture, frontal first; missing ones are empty.
    """

    keywords: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    keypatches: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "HintTable":
        """Read what `save` wrote."""
        document = json.loads(path.read_text())
        return cls(document["keywords"], document["keypatches"])

    def save(self, path: Path) -> None:
        """Write JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"keywords": self.keywords, "keypatches": self.keypatches}))

    def words(self, study: str, picture: int) -> Sequence[str]:
        """Keywords of one picture."""
        rows = self.keywords.get(study, ())
        return rows[picture] if picture < len(rows) else ()


def view_names(row: StudyRow) -> tuple[View, ...]:
    """The view of each picture in the order of `Corpus.index`; an unknown one is taken for frontal."""
    unknown: tuple[View | None, ...] = (None,) * len(row.images)
    names = tuple(_view(view) for view in row.views or unknown)
    return names[::-1] if row.views == ("lateral", "frontal") else names


def _view(view: View | None) -> View:
    return view or "frontal"


@dataclass(frozen=True)
class Lessons:
    """How lessons are drawn in training, and what an instruction holds.

    frontal: how often the first picture is the lesson's where there are two. unconditioned: share of
    pictures to draw without a report and of reports to write without a picture, which guidance needs.
    forgotten: share of lessons without hints, which are better on studies that AdaMatch has learned than
    on new ones.
    """

    frontal: float = 0.75
    unconditioned: float = 0.1
    forgotten: float = 0.3
    seed: int = 7580


Sample = tuple[Instruction, Instruction]


class CyclicStudies(Dataset[Sample]):
    """An instruction and its response: item 2 i asks for the report of study i, 2 i + 1 for its picture."""

    def __init__(
        self,
        corpus: Corpus,
        codes: list[Grids],
        split: str,
        instructor: Instructor,
        config: AdaMatchCyclicConfig,
        hints: HintTable,
        lessons: Lessons,
    ) -> None:
        self.corpus, self.codes, self.instructor = corpus, codes, instructor
        self.config, self.hints, self.lessons = config, hints, lessons
        self.positions, self.training, self.epoch = corpus.where(split), split == "train", 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the loop; versions, views and what is left out follow it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return 2 * len(self.positions)

    def __getitem__(self, item: int) -> Sample:
        random = generator(self.lessons.seed, self.epoch, item) if self.training else None
        position = self.positions[item // 2]
        view = self._view(position, random)
        hinted = random is None or random.random() >= self.lessons.forgotten
        empty = random is not None and random.random() < self.lessons.unconditioned
        if item % 2 == 0:
            return self.to_report(position, view, hinted, empty, random)
        return self.to_picture(position, view, hinted, empty, random)

    def to_report(
        self,
        position: int,
        view: int = 0,
        hinted: bool = True,
        empty: bool = False,
        random: np.random.Generator | None = None,
    ) -> Sample:
        """A picture and its keywords, or neither when `empty`; the study's report."""
        row = self.corpus.rows[position]
        words = self.hints.words(row.id, view) if hinted and not empty else ()
        keywords = words if self.config.use_keywords else None
        codes = [] if empty else self._codes(position, view, random).tolist()
        asked = self.instructor.to_report(codes, keywords)
        return asked, self.instructor.report(row.report, self.config.longest)

    def to_picture(
        self,
        position: int,
        view: int = 0,
        hinted: bool = True,
        empty: bool = False,
        random: np.random.Generator | None = None,
    ) -> Sample:
        """A report and its keypatches, or neither when `empty`; the picture's codes.

        The paper trains on the report that the model itself has written; here it is the radiologist's, as in
        its Figure 4: a model of this size writes the same report for most studies.
        """
        row = self.corpus.rows[position]
        found = self.hints.keypatches.get(row.id, ()) if hinted and not empty else ()
        keypatches = found if self.config.use_keypatches else None
        report = "" if empty else row.report
        asked = self.instructor.to_picture(report, view_names(row)[view], keypatches)
        return asked, self.instructor.picture(self._codes(position, view, random).tolist())

    def _view(self, position: int, random: np.random.Generator | None) -> int:
        views = len(self.corpus.index[position])
        return 1 if random is not None and views > 1 and random.random() >= self.lessons.frontal else 0

    def _codes(self, position: int, view: int, random: np.random.Generator | None) -> NDArray[np.int64]:
        version = int(random.integers(len(self.codes))) if random is not None else 0
        return self.codes[version][self.corpus.index[position][view]].astype(np.int64).ravel()


@dataclass(frozen=True)
class CyclicBatch:
    """Instructions with their responses, and where the responses stand: answers (B, T) bool."""

    instructions: Instructions
    answers: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> "CyclicBatch":
        """On another device."""
        parts = (self.instructions.ids, self.instructions.places, self.instructions.mask, self.answers)
        ids, places, mask, answers = (part.to(device, non_blocking=non_blocking) for part in parts)
        return CyclicBatch(Instructions(ids, places, mask), answers)


def collate(samples: list[Any]) -> CyclicBatch:
    """Pad a list of (instruction, response) at the right."""
    rows = [asked + response for asked, response in samples]
    batch = Instructions.of(rows)
    answers = torch.zeros_like(batch.mask)
    for row, (asked, response) in enumerate(samples):
        answers[row, len(asked.ids) : len(asked.ids) + len(response.ids)] = True
    return CyclicBatch(batch, answers)

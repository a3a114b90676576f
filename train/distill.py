"""Bring a Swin encoder up without pre-trained weights: distillation, observation labels, IRCP (OTDRG 3.2.2).

No pre-trained Swin can be had offline, so the encoder learns to give the patch features of the frozen
backbone that this repository ships (a regression of its 7 x 7 grid, on the same warped pictures, whose
features are cached), and the 14 x 4 observation states. IRCP, the paper's own pre-training, follows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from radui.models.observation_classifier import present
from radui.nn.backbones import BackboneConfig, build_backbone
from radui.observations import OBSERVATIONS, State
from radui.records import Preprocessing
from train.corpus import Corpus, positive
from train.features import Grids
from train.losses import focal_loss, info_nce
from train.observation_classifier import observation_aucs
from train.pictures import Augmentation, augment, generator, plain

Sample = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], int]


@dataclass(frozen=True)
class EncoderObjective:
    """Weights of the three teachers (0 leaves one out) and eq. 2's settings.

    ircp_level: "image", eq. 2 as printed: a positive is the feature with noise; "report": the text's own
    words ("image-report level"), a positive is the report's feature with noise.
    similarity: "euclidean" as printed, meaning the negative distance, since eq. 2 as it stands would reward
    distant positives; or "cosine".
    """

    distill: float = 1.0
    labels: float = 1.0
    ircp: float = 0.0
    ircp_level: str = "image"
    similarity: str = "euclidean"
    noise: float = 0.1
    temperature: float = 0.5


class EncoderPictures(Dataset[Sample]):
    """Pixels of a train or val picture in one version, its teacher's grid, its study's states and number."""

    def __init__(
        self, corpus: Corpus, teacher: list[Grids], split: str, preprocessing: Preprocessing, seed: int
    ) -> None:
        self.corpus, self.teacher, self.preprocessing = corpus, teacher, preprocessing
        self.studies = [(p, row) for p in corpus.where(split) for row in corpus.index[p]]
        self.training, self.seed, self.epoch = split == "train", seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the loop; the version drawn follows it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.studies)

    def __getitem__(self, item: int) -> Sample:
        position, row = self.studies[item]
        version = 0
        if self.training:
            version = int(generator(self.seed, self.epoch, item).integers(len(self.teacher)))
        grid = self.teacher[version][row].astype(np.float32)
        return self._pixels(row, version)[None], grid, self.corpus.states[position], position

    def _pixels(self, row: int, version: int) -> NDArray[np.float32]:
        picture = self.corpus.pictures[row]
        if version == 0:
            return plain(picture, self.preprocessing)
        # Exactly the warp of the teacher's cached features (train.features draws with seed 0).
        return augment(picture, self.preprocessing, generator(0, version, row), Augmentation())


class Student(nn.Module):
    """An encoder with a head on each cell for the teacher's channels and one on the mean for the states."""

    def __init__(self, config: BackboneConfig, channels: int, text_width: int) -> None:
        super().__init__()
        self.backbone = build_backbone(config)
        self.cells = nn.Linear(self.backbone.channels, channels)
        self.states = nn.Linear(self.backbone.channels, len(OBSERVATIONS) * len(State))
        self.text = nn.Linear(text_width, self.backbone.channels)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 1, S, S) -> grid (B, channels, h, w), states (B, 14, 4), anchors of eq. 2 (B, C)."""
        grid = self.backbone(pixels)
        mean = grid.mean((-2, -1))
        cells = self.cells(grid.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, grid.shape[-2:])
        return cells, self.states(mean).unflatten(-1, (len(OBSERVATIONS), len(State))), mean


class EncoderTask:
    """The weighted sum of distillation, focal loss and IRCP; the score is the negative loss on val."""

    def __init__(
        self,
        model: Student,
        objective: EncoderObjective,
        val: EncoderPictures,
        texts: NDArray[np.float32] | None = None,
    ) -> None:
        """texts: (studies, text width), the reports' features for ircp_level "report"."""
        self.model, self.objective, self.val = model, objective, val
        self.texts = None if texts is None else torch.from_numpy(texts)
        probe = val.teacher[0][:: max(1, len(val.teacher[0]) // 256)].astype(np.float32)
        self.centre = torch.from_numpy(probe.mean((0, 2, 3)))[:, None, None]
        spread = torch.from_numpy(probe.std((0, 2, 3)))[:, None, None]
        # A channel that is almost always silent would else count most of all.
        self.spread = spread.clamp_min(float(spread.median()) / 2)

    @staticmethod
    def collate(samples: list[Sample]) -> tuple[Tensor, ...]:
        """Stack a list of samples."""
        return tuple(torch.from_numpy(np.stack(parts)) for parts in zip(*samples, strict=True))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Everything learns."""
        return [{"params": self.model.parameters()}]

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """distill: squared error in units of each channel's variance; labels: eq. 10; ircp: eq. 2."""
        pixels, teacher, states, position = batch
        cells, logits, anchors = model(pixels)
        target = (teacher - self.centre.to(teacher.device)) / self.spread.to(teacher.device)
        parts = {
            "distill": F.mse_loss(cells.float(), target),
            "labels": focal_loss(logits, states),
        }
        if self.objective.ircp:
            parts["ircp"] = self._contrast(anchors.float(), position)
        total = sum(getattr(self.objective, name) * value for name, value in parts.items())
        return {"loss": torch.as_tensor(total), **parts}

    def _contrast(self, anchors: Tensor, position: Tensor) -> Tensor:
        keys = anchors
        if self.objective.ircp_level == "report":
            assert self.texts is not None, "the report level needs the reports' features"
            keys = self.model.text(self.texts.to(anchors.device)[position])
        keys = keys + self.objective.noise * torch.randn_like(keys)
        return info_nce(anchors, keys, self.objective.temperature, self.objective.similarity)

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Loss on val, and the mean AUC of the label head with a study's pictures averaged."""
        assert isinstance(model, Student)
        sums: dict[str, float] = {}
        probabilities = np.zeros((len(self.val.corpus.rows), len(OBSERVATIONS)))
        for start in range(0, len(self.val), 64):
            samples = [self.val[i] for i in range(start, min(start + 64, len(self.val)))]
            batch = tuple(part.to(device) for part in self.collate(samples))
            for name, value in self.loss(model, batch).items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(samples) / len(self.val)
            scores = present(model(batch[0])[1].float().softmax(-1)).cpu().numpy()
            np.add.at(probabilities, batch[3].cpu().numpy(), scores)
        held_out = self.val.corpus.where("val")
        aucs = observation_aucs(probabilities[held_out], positive(self.val.corpus.states[held_out]))
        area = float(np.mean(list(aucs.values()))) if aucs else float("nan")
        val = {f"val_{name}": value for name, value in sums.items() if name != "loss"}
        return {"score": -sums["loss"], "val_auc": area, **val}

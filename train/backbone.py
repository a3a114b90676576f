"""Fine-tune the ImageNet backbone on IU X-Ray before anything else learns from it.

Targets are the 14 observations together with the subject headings (MeSH) under which Open-i's indexers
filed the study: about a hundred terms say more of a picture than 14. Only train studies are used; the
best epoch is the one with the highest mean AUC on val.

    python -m train.backbone --data DATA --out runs/backbone
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from radui.models.observation_classifier import pool_views
from radui.nn.backbones import BackboneConfig, EfficientNetLite, build_backbone
from radui.observations import OBSERVATIONS
from radui.records import ByteArray, FloatArray, Preprocessing
from train.corpus import picture_index, truth
from train.data.iu_xray import read_iu_xray
from train.data.study import StudyRow
from train.imagenet import MEAN, STD, load_imagenet
from train.loop import LoopConfig, Trainer
from train.pictures import Augmentation, augment, generator, load_pictures, plain

PREPROCESSING = Preprocessing(size=224, mode="squash", mean=MEAN, std=STD)
VIEW_DROPOUT = 0.25  # a study shown with one view only, so that one picture is enough in the app


@dataclass(frozen=True)
class TargetStudy:
    """A study's rows in the picture array and its multi-hot targets."""

    pictures: tuple[int, ...]
    targets: FloatArray


class TermNetwork(nn.Module):
    """Backbone and one linear layer over all terms; only the backbone is kept."""

    def __init__(self, backbone: EfficientNetLite, terms: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(backbone.channels, terms)

    def forward(self, pixels: Tensor, view_mask: Tensor) -> Tensor:
        # bf16 pays in the frozen blocks only: depth-wise gradients are slower in it (measured 29 against
        # 12 pictures/s on 2 AMX cores).
        with torch.autocast(pixels.device.type, torch.bfloat16):
            grids = self.backbone.lower(pixels.flatten(0, 1).contiguous(memory_format=torch.channels_last))
        grids = self.backbone.upper(grids.float()).unflatten(0, pixels.shape[:2])
        return self.head(self.dropout(pool_views(grids, view_mask)))


class StudyPictures(Dataset[tuple[FloatArray, NDArray[np.bool_], FloatArray]]):
    """Two views a study; a missing or dropped one is black and masked."""

    def __init__(self, studies: list[TargetStudy], pictures: ByteArray, seed: int, augmented: bool) -> None:
        self.studies, self.pictures, self.seed, self.augmented = studies, pictures, seed, augmented
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the loop; the random warps follow it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.studies)

    def __getitem__(self, index: int) -> tuple[FloatArray, NDArray[np.bool_], FloatArray]:
        study, random = self.studies[index], generator(self.seed, self.epoch, index)
        size = PREPROCESSING.size
        pixels = np.zeros((2, 1, size, size), np.float32)
        mask = np.zeros(2, bool)
        for view, row in enumerate(study.pictures):
            picture = self.pictures[row]
            how = Augmentation()
            pixels[view, 0] = (
                augment(picture, PREPROCESSING, random, how)
                if self.augmented
                else plain(picture, PREPROCESSING)
            )
            mask[view] = True
        if self.augmented and mask.all() and random.random() < VIEW_DROPOUT:
            mask[random.integers(2)] = False
        return pixels, mask, study.targets


class BackboneTask:
    """Binary cross-entropy over all terms; the score is the mean AUC over terms with 5 positives in val."""

    def __init__(self, model: TermNetwork, val: StudyPictures) -> None:
        self.model, self.val = model, val

    @staticmethod
    def collate(samples: list[tuple[Any, ...]]) -> tuple[Tensor, ...]:
        """Stack a list of samples."""
        return tuple(torch.from_numpy(np.stack(parts)) for parts in zip(*samples, strict=True))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The head learns ten times faster than the pre-trained backbone."""
        learning = [p for p in self.model.backbone.parameters() if p.requires_grad]
        return [{"params": learning, "lr": 3e-4}, {"params": self.model.head.parameters(), "lr": 3e-3}]

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Mean binary cross-entropy, summed over terms so that rare ones keep their gradient."""
        pixels, mask, targets = batch
        losses = F.binary_cross_entropy_with_logits(model(pixels, mask).float(), targets, reduction="none")
        return {"loss": losses.sum(1).mean()}

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Mean AUC over all terms and over the 14 observations."""
        from sklearn.metrics import roc_auc_score

        scores, targets = [], []
        for start in range(0, len(self.val), 32):
            batch = self.collate([self.val[i] for i in range(start, min(start + 32, len(self.val)))])
            scores.append(model(batch[0].to(device), batch[1].to(device)).float().cpu().numpy())
            targets.append(batch[2].numpy())
        score, target = np.concatenate(scores), np.concatenate(targets)
        known = [k for k in range(target.shape[1]) if target[:, k].sum() >= 5]
        aucs = {k: roc_auc_score(target[:, k], score[:, k]) for k in known}
        first = [auc for k, auc in aucs.items() if k < len(OBSERVATIONS)]
        return {"score": float(np.mean(list(aucs.values()))), "auc_observations": float(np.mean(first))}


def headings(rows: list[dict[str, Any]], minimum: int = 10) -> list[str]:
    """Subject headings that at least `minimum` train studies carry, most frequent first."""
    counts = Counter(term for row in rows if row["split"] == "train" for term in _terms(row))
    return [term for term, count in counts.most_common() if count >= minimum]


def _terms(row: dict[str, Any]) -> set[str]:
    listed = (row.get("mesh") or "").lower().split(";") + (row.get("problems") or "").lower().split(";")
    return {term.strip() for term in listed if term.strip() and term.strip() != "no indexing"}


def read_targets(root: Path, rows: Sequence[StudyRow]) -> tuple[list[str], FloatArray]:
    """Term names and (studies, terms) float32 multi-hot targets, from studies.json beside the pictures."""
    extras = {each["id"]: each for each in json.loads((root / "studies.json").read_text())}
    known = [extras[row.id] for row in rows]
    names = headings(known)
    targets = np.zeros((len(rows), len(OBSERVATIONS) + len(names)), np.float32)
    targets[:, : len(OBSERVATIONS)] = truth(rows, "silver")
    for target, extra in zip(targets, known, strict=True):
        terms = _terms(extra)
        target[len(OBSERVATIONS) :] = [name in terms for name in names]
    return [*OBSERVATIONS, *names], targets


def main() -> None:
    """Parse the options and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="efficientnet_lite0")
    parser.add_argument("--trainable-from", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--patience", type=int, default=2, help="epochs without a better val AUC")
    parser.add_argument("--seed", type=int, default=7580)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    rows = read_iu_xray(options.data)
    names, targets = read_targets(options.data, rows)
    index, paths = picture_index(rows)
    pictures = load_pictures(paths, options.out.parent / "cache" / "pictures.npy")
    splits: dict[str, list[TargetStudy]] = {"train": [], "val": [], "test": []}
    for row, views, target in zip(rows, index, targets, strict=True):
        splits[row.split].append(TargetStudy(views, target))
    backbone = build_backbone(BackboneConfig(options.name, options.trainable_from))
    assert isinstance(backbone, EfficientNetLite)
    load_imagenet(backbone, options.name)
    for parameter in [*backbone.stem.parameters(), *backbone.blocks[: options.trainable_from].parameters()]:
        parameter.requires_grad_(False)
    model = TermNetwork(backbone, len(names))
    train = StudyPictures(splits["train"], pictures, options.seed, augmented=True)
    val = StudyPictures(splits["val"], pictures, options.seed, augmented=False)
    config = LoopConfig(
        epochs=options.epochs,
        batch_size=16,
        seed=options.seed,
        weight_decay=0.02,
        precision="no",  # the network itself says where bf16 pays
        patience=options.patience,
    )
    best = Trainer(BackboneTask(model, val), train, config, options.out).fit(options.resume)
    (best / "terms.json").write_text(json.dumps(names, indent=0))


if __name__ == "__main__":
    main()

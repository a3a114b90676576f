"""Train the 14 x 4 observation classifier with focal loss (OTDRG 3.4, eq. 9-10) and calibrate it.

The backbone comes from `train.backbone` and stays frozen, so its features are computed once; the head
learns in minutes on plain and warped versions of each picture and on single views as well as pairs.

    python -m train.observation_classifier --data DATA --backbone runs/backbone --out runs/classifier
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from radui.models.observation_classifier import (
    ObservationClassifier,
    ObservationClassifierConfig,
    condition_labels,
    present,
)
from radui.models.registry import save
from radui.nn.backbones import BackboneConfig
from radui.observations import OBSERVATIONS, State
from train.backbone import PREPROCESSING
from train.corpus import Corpus, load_corpus, positive
from train.features import cached_grids
from train.loop import LoopConfig, Trainer, load_weights
from train.losses import focal_loss
from train.pictures import generator

VERSIONS = 3  # warped copies beside the plain one
VIEW_DROPOUT = 0.25


class PooledStudies(Dataset[tuple[NDArray[np.float32], NDArray[np.int64]]]):
    """Mean features of a study's views in one random version, and its 14 states."""

    def __init__(
        self, corpus: Corpus, pooled: NDArray[np.float32], split: str, seed: int, training: bool
    ) -> None:
        self.corpus, self.pooled, self.seed, self.training = corpus, pooled, seed, training
        self.positions = corpus.where(split)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the loop; the version drawn follows it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, item: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        position = self.positions[item]
        views, version = list(self.corpus.index[position]), 0
        if self.training:
            random = generator(self.seed, self.epoch, item)
            version = int(random.integers(len(self.pooled)))
            if len(views) > 1 and random.random() < VIEW_DROPOUT:
                views = [views[int(random.integers(len(views)))]]
        return self.pooled[version, views].mean(0), self.corpus.states[position]


class Head(nn.Module):
    """The classifier's learning part by itself: pooled features (B, C) -> (B, 14, 4) logits."""

    def __init__(self, classifier: ObservationClassifier) -> None:
        super().__init__()
        self.dropout, self.head = classifier.dropout, classifier.head

    def forward(self, features: Tensor) -> Tensor:
        """As ObservationClassifier.classify."""
        return self.head(self.dropout(features)).unflatten(-1, (len(OBSERVATIONS), len(State)))


class ClassifierTask:
    """Focal loss, rare states weighted up by the square root of their rarity; score: mean AUC on val."""

    def __init__(self, classifier: ObservationClassifier, train: PooledStudies, val: PooledStudies) -> None:
        self.model, self.val = Head(classifier), val
        states = train.corpus.states[train.positions]
        counts = np.stack([(states == k).sum(0) for k in range(4)], 1) + 5.0
        weights = (counts.sum(1, keepdims=True) / counts) ** 0.5
        self.weights = torch.from_numpy(weights / weights.mean(1, keepdims=True)).float()

    @staticmethod
    def collate(samples: list[tuple[Any, ...]]) -> tuple[Tensor, Tensor]:
        """Stack a list of samples."""
        features, states = zip(*samples, strict=True)
        return torch.from_numpy(np.stack(features)), torch.from_numpy(np.stack(states))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The head alone."""
        return [{"params": self.model.parameters()}]

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Weighted focal loss over 14 x 4."""
        features, states = batch
        logits = model(features)
        weights = (
            self.weights.to(states.device).expand(len(states), -1, -1).gather(-1, states[..., None])[..., 0]
        )
        return {"loss": focal_loss(logits, states, weights=weights)}

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Mean AUC over observations that have both kinds in val."""
        logits, states = collect(self.val, model)
        aucs = observation_aucs(present(logits.softmax(-1)).numpy(), positive(states))
        return {"score": float(np.mean(list(aucs.values())))}


def collect(data: PooledStudies, classify: Callable[[Tensor], Tensor]) -> tuple[Tensor, NDArray[np.int64]]:
    """Uncalibrated logits (studies, 14, 4) and states (studies, 14) of a split."""
    features, states = ClassifierTask.collate([data[i] for i in range(len(data))])
    with torch.no_grad():
        return classify(features).float(), states.numpy()


def observation_aucs(scores: NDArray[Any], labels: NDArray[np.bool_], minimum: int = 2) -> dict[str, float]:
    """Area under the ROC curve by observation, where at least `minimum` of both kinds exist."""
    from sklearn.metrics import roc_auc_score

    enough = [minimum <= labels[:, k].sum() <= len(labels) - minimum for k in range(labels.shape[1])]
    return {
        name: float(roc_auc_score(labels[:, k], scores[:, k]))
        for k, name in enumerate(OBSERVATIONS)
        if enough[k]
    }


def fit_temperatures(logits: Tensor, states: NDArray[np.int64], strength: float = 20.0) -> Tensor:
    """One temperature an observation, (14,): likelihood on val with a pull towards the shared one.

    The pull counts as `strength` studies: some observations have two positives in val, too few to fit alone.
    """
    target = torch.from_numpy(states)
    shared = _minimise(lambda t: nn.functional.cross_entropy(logits.flatten(0, 1) / t, target.flatten()), 1)

    def objective(t: Tensor) -> Tensor:
        likelihood = nn.functional.cross_entropy(
            (logits / t[:, None]).flatten(0, 1), target.flatten(), reduction="sum"
        )
        return likelihood + strength * (t.log() - shared.log()).square().sum()

    return _minimise(objective, len(OBSERVATIONS))


def _minimise(objective: Any, size: int) -> Tensor:
    logarithm = torch.zeros(size, requires_grad=True)
    optimizer = torch.optim.LBFGS([logarithm], max_iter=100)

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = objective(logarithm.exp())
        value.backward()
        return value

    optimizer.step(closure)
    return logarithm.detach().exp()


def prevalence_thresholds(probabilities: NDArray[Any], prevalence: NDArray[Any]) -> tuple[float, ...]:
    """Cuts at which val has as many positives as train would: steadier than the best F1 of two positives."""
    columns = zip(probabilities.T, prevalence, strict=True)
    return tuple(round(float(np.quantile(column, 1 - share)), 4) for column, share in columns)


def pooled_versions(
    classifier: ObservationClassifier, corpus: Corpus, cache: Path, versions: int = 1 + VERSIONS
) -> NDArray[np.float32]:
    """(versions, pictures, C): position means of the cached grids, the plain pictures first."""
    config = classifier.config
    grids = (
        cached_grids(classifier.backbone, corpus.pictures, config.preprocessing, version, cache)
        for version in range(versions)
    )
    return np.stack([_pool(each) for each in grids])


def _pool(grids: NDArray[np.float16]) -> NDArray[np.float32]:
    chunks = np.array_split(np.arange(len(grids)), max(1, len(grids) // 256))
    return np.concatenate([grids[chunk].astype(np.float32).mean((-2, -1)) for chunk in chunks])


def main() -> None:
    """Parse the options, train, calibrate, save a checkpoint folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", type=Path, required=True, help="run folder of train.backbone")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7580)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    cache = options.out.parent / "cache"
    corpus = load_corpus(options.data, cache)
    classifier = ObservationClassifier(ObservationClassifierConfig(BackboneConfig(), PREPROCESSING))
    load_backbone(classifier, options.backbone)
    pooled = pooled_versions(classifier, corpus, cache)
    train = PooledStudies(corpus, pooled, "train", options.seed, training=True)
    val = PooledStudies(corpus, pooled, "val", options.seed, training=False)
    task = ClassifierTask(classifier, train, val)
    config = LoopConfig(options.epochs, 64, 2e-3, weight_decay=0.05, seed=options.seed, precision="no")
    best = Trainer(task, train, config, options.out).fit(options.resume)
    load_weights(task.model, best / "model.safetensors")
    if PartialState().is_main_process:
        finish(classifier, train, val, options.out / "checkpoint")


def load_backbone(model: nn.Module, run: Path) -> None:
    """Copy the backbone out of a run of train.backbone, or out of a checkpoint, into model.backbone."""
    from safetensors.torch import load_file

    best = run / "best" / "model.safetensors"
    weights = load_file(str(best if best.exists() else run / "model.safetensors"))
    prefix = "backbone."
    model.backbone.load_state_dict(  # type: ignore[union-attr]
        {name[len(prefix) :]: tensor for name, tensor in weights.items() if name.startswith(prefix)}
    )


def finish(classifier: ObservationClassifier, train: PooledStudies, val: PooledStudies, out: Path) -> None:
    """Calibrate on val, choose thresholds, save, print the val figures."""
    from dataclasses import replace

    classifier.eval()
    logits, states = collect(val, classifier.classify)
    classifier.temperatures.copy_(fit_temperatures(logits, states))
    probabilities = classifier.probabilities(logits)
    prevalence = positive(train.corpus.states[train.positions]).mean(0)
    thresholds = prevalence_thresholds(present(probabilities).numpy(), prevalence)
    classifier.config = replace(classifier.config, thresholds=thresholds)
    aucs = observation_aucs(present(probabilities).numpy(), positive(states))
    save(out, "observation_classifier", classifier, {"val_auc": aucs})
    labels = condition_labels(probabilities, torch.tensor(thresholds)).numpy()
    print(
        json.dumps(
            {"val_auc": aucs, "mean": float(np.mean(list(aucs.values()))), "labels": labels.mean(0).tolist()}
        )
    )


if __name__ == "__main__":
    main()

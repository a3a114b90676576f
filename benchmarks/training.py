"""Training: seconds of an epoch of the loop that ships against the obvious one, and the loader's share.

    python -m benchmarks.training --data DATA --cache runs/cache

Ours reads patch features that were computed once (`train.features`) and multiplies in bf16 where the
machine does; the obvious loop warps the pictures and runs the frozen backbone at each step, in float32.
Both are the same model, batch and optimiser, each in a process of its own; an epoch is its steps times the
mean step. The features have to be in the cache: the first run of `train.xpronet` writes them.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from benchmarks.timing import machine, parser, show
from radui.records import ByteArray, Preprocessing

MINILM_WIDTH = 384  # of the text half of XProNet's prototypes
WARM_UP = 2


@dataclass(frozen=True)
class Cost:
    """Seconds of the mean step and of its loading, steps of an epoch, MiB of the process at its most."""

    step: float
    loader: float
    steps: int
    mebibytes: float

    @property
    def epoch(self) -> float:
        """Seconds."""
        return self.steps * (self.step + self.loader)


class Warped(Dataset[tuple[Any, ...]]):
    """Another set's samples with freshly warped pictures, as many as a sample has patch features of."""

    def __init__(self, inner: Any, pictures: ByteArray, preprocessing: Preprocessing) -> None:
        self.inner, self.pictures, self.preprocessing = inner, pictures, preprocessing

    def set_epoch(self, epoch: int) -> None:
        """See the inner set."""
        self.inner.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, item: int) -> tuple[Any, ...]:
        from train.pictures import Augmentation, augment

        sample = self.inner[item]
        count = int(np.prod(sample[0].shape[:-3]))
        random = np.random.default_rng(item)
        chosen = [self.pictures[(item * count + k) % len(self.pictures)] for k in range(count)]
        warped = [augment(each, self.preprocessing, random, Augmentation()) for each in chosen]
        return sample, np.stack(warped)


class Obvious:
    """A task without a feature cache: its batches come with pixels, the backbone runs at each step."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.model = inner, inner.model

    def collate(self, samples: list[tuple[Any, ...]]) -> tuple[Any, Tensor]:
        """A batch of the inner task and the pixels of its pictures, (pictures, 1, S, S)."""
        batch = self.inner.collate([sample for sample, _ in samples])
        return batch, torch.from_numpy(np.concatenate([pixels for _, pixels in samples]))[:, None]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """See the inner task."""
        groups: list[dict[str, Any]] = self.inner.parameter_groups()
        return groups

    def loss(self, model: nn.Module, batch: tuple[Any, Tensor]) -> dict[str, Tensor]:
        """The inner loss on features that are computed now."""
        cached, pixels = batch
        with torch.no_grad():
            given = self.model.grids(pixels[:, None]).flatten(0, 1)
        places = int(np.prod(cached.grids.shape[:-3]))  # those without a picture are masked
        grids = given.repeat(-(-places // len(given)), 1, 1, 1)[:places].view(cached.grids.shape)
        found: dict[str, Tensor] = self.inner.loss(model, replace(cached, grids=grids))
        return found


def xpronet(options: argparse.Namespace) -> tuple[Any, Any, ByteArray]:
    """Task, train studies and pictures, as `train.xpronet` builds them."""
    from radui.models.xpronet import XProNet
    from radui.nn.backbones import EfficientNetLite
    from radui.processing.vocabulary import Vocabulary
    from train import xpronet as script
    from train.corpus import load_corpus
    from train.observation_classifier import load_backbone

    settings = script.parse([*_arguments(options), "--text-encoder", "none"])
    corpus = load_corpus(settings.data, options.cache)
    vocabulary = Vocabulary.build(corpus.rows[p].report for p in corpus.where("train"))
    model = XProNet(script.build_config(settings, vocabulary, EfficientNetLite.channels + MINILM_WIDTH))
    load_backbone(model, settings.backbone)
    model.backbone.requires_grad_(False)
    train, val = script.train_data(settings, corpus, model.backbone, vocabulary)
    return script.XProNetTask(model, script.Objective(), val, vocabulary), train, corpus.pictures


def medrat(options: argparse.Namespace) -> tuple[Any, Any, ByteArray]:
    """Task, train studies and pictures, as `train.medrat` builds them."""
    from radui.models.medrat import MedRAT
    from train import medrat as script
    from train.corpus import load_corpus
    from train.medrat_data import read_sources
    from train.observation_classifier import load_backbone

    settings = script.parse([*_arguments(options), "--observe"])
    sources = read_sources(settings)
    model = MedRAT(script.build_config(settings, len(sources.vocabulary), sources.max_length))
    load_backbone(model, settings.backbone)
    model.backbone.requires_grad_(False)
    train, val = script.load_data(settings, sources, model.backbone)
    task = script.MedRATTask(model, script.Objective(), val, sources.vocabulary, sources.max_length)
    return task, train, load_corpus(settings.data, options.cache).pictures


def _arguments(options: argparse.Namespace) -> list[str]:
    # The scripts look for their cache beside the folder that they write to.
    out = options.cache.parent / "benchmark"
    return ["--data", str(options.data), "--backbone", str(options.backbone), "--out", str(out)]


SYSTEMS: dict[str, Callable[[argparse.Namespace], tuple[Any, Any, ByteArray]]] = {
    "xpronet": xpronet,
    "medrat": medrat,
}


def measure(system: str, rival: str, options: argparse.Namespace) -> Cost:
    """Run some steps of one loop in this process."""
    from train.loop import LoopConfig, Trainer

    task, data, pictures = SYSTEMS[system](options)
    if rival == "obvious":
        data = Warped(data, pictures, task.model.config.preprocessing)
        task = Obvious(task)
    precision = "no" if rival == "obvious" else "auto"
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(task, data, LoopConfig(batch_size=16, precision=precision), Path(folder))
        trainer.model.train()
        batches = iter(trainer.loader)
        loading, stepping = [], []
        for _ in range(WARM_UP + options.steps):
            started = time.perf_counter()
            batch = next(batches)
            loaded = time.perf_counter()
            trainer._step(batch)
            loading.append(loaded - started)
            stepping.append(time.perf_counter() - loaded)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    step, loader = (float(np.mean(each[WARM_UP:])) for each in (stepping, loading))
    return Cost(step, loader, len(trainer.loader), most)


def in_a_process(system: str, rival: str, options: argparse.Namespace) -> Cost:
    """`measure` in a process of its own: precision is settled once a process, and memory never goes back."""
    command = [sys.executable, "-m", "benchmarks.training", "--one", system, rival]
    for name in ("data", "cache", "backbone", "steps"):
        command += [f"--{name}", str(getattr(options, name))]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Cost(**json.loads(output.splitlines()[-1]))


def main() -> None:
    """Print the table."""
    arguments = parser(__doc__, rounds=3)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--cache", type=Path, required=True, help="of patch features and pictures")
    arguments.add_argument("--backbone", type=Path, default=Path("checkpoints/observation_classifier"))
    arguments.add_argument("--steps", type=int, default=20)
    arguments.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    arguments.add_argument("--one", nargs=2, help="measure one system and loop (used by itself)")
    options = arguments.parse_args()
    if options.one:
        print(json.dumps(asdict(measure(*options.one, options))))
        return
    print(machine())
    rows, ratios = [], {}
    for system in options.systems:
        costs = {
            rival: sorted(turns, key=lambda cost: cost.epoch)[len(turns) // 2]
            for rival, turns in _turns(system, options).items()
        }
        for rival, cost in costs.items():
            ratio = costs["obvious"].epoch / cost.epoch
            share = cost.loader / (cost.loader + cost.step)
            figures = [f"{1e3 * cost.step:.0f}", f"{share:.0%}", f"{cost.epoch:.0f}", f"{ratio:.1f}"]
            rows.append([system, rival, *figures, f"{cost.mebibytes:.0f}"])
        ratios[system] = costs["obvious"].epoch / costs["ours"].epoch
    header = ["system", "loop", "step ms", "loader's share", "epoch s", "ratio", "peak MiB"]
    show(options, header, rows, ratios)


def _turns(system: str, options: argparse.Namespace) -> dict[str, list[Cost]]:
    found: dict[str, list[Cost]] = {"obvious": [], "ours": []}
    for _ in range(options.rounds):
        for rival, costs in found.items():
            costs.append(in_a_process(system, rival, options))
    return found


if __name__ == "__main__":
    main()

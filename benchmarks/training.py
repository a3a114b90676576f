"""Training: seconds of an epoch of the loop that ships against the obvious one, and the loader's share.

    python -m benchmarks.training --data DATA --cache runs/cache

Ours reads patch features that were computed once (`train.features`) and multiplies in bf16 where the
machine does; the obvious loop warps the pictures and runs the frozen backbone at each step, in float32.
Both are the same model, batch and optimiser, each in a process of its own; an epoch is its steps times the
mean step. The features have to be in the cache: a system's first training writes them, and OTDRG needs the
run of its stage lm. AdaMatch-Cyclic caches codes; its obvious loop encodes the picture at each step.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from benchmarks.timing import machine, parser, show
from benchmarks.training_systems import SYSTEMS, Learner, add_options, computed, started
from radui.records import Preprocessing

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
    """A learner's samples with freshly warped pictures, as many as a sample has features of."""

    def __init__(self, learner: Learner, preprocessing: Preprocessing) -> None:
        self.learner, self.preprocessing = learner, preprocessing

    def set_epoch(self, epoch: int) -> None:
        """See the inner set."""
        self.learner.data.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.learner.data)

    def __getitem__(self, item: int) -> tuple[Any, ...]:
        from train.pictures import Augmentation, augment

        sample, pictures = self.learner.data[item], self.learner.pictures
        count, random = self.learner.pictures_of(sample), np.random.default_rng(item)
        chosen = [pictures[(item * count + k) % len(pictures)] for k in range(count)]
        warped = [augment(each, self.preprocessing, random, Augmentation()) for each in chosen]
        return sample, np.stack(warped)


class Obvious:
    """A task without a feature cache: its batches come with pixels, the backbone runs at each step."""

    def __init__(self, learner: Learner) -> None:
        self.learner, self.inner, self.model = learner, learner.task, learner.task.model

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
        found: dict[str, Tensor] = self.inner.loss(model, computed(self.learner, batch[1], batch[0]))
        return found


def measure(system: str, rival: str, options: argparse.Namespace) -> Cost:
    """Run some steps of one loop in this process."""
    from train.loop import LoopConfig, Trainer

    learner = SYSTEMS[system](options)
    task, data = learner.task, learner.data
    if rival == "obvious":
        task, data = Obvious(learner), Warped(learner, task.model.config.preprocessing)
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
    command += [*started(options), "--steps", str(options.steps)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Cost(**json.loads(output.splitlines()[-1]))


def main() -> None:
    """Print the table."""
    arguments = parser(__doc__, rounds=3)
    add_options(arguments)
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

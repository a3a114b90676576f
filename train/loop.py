"""The training loop that every system shares, on Hugging Face Accelerate.

One command runs on one CPU or one GPU, under `accelerate launch -m train.…` on several GPUs, and under
`torchrun --nproc_per_node N -m train.…` in N processes on CPUs (for those Accelerate's own launcher wants
MPI, and without it quietly starts a single process).

A run folder holds `log.csv` (one row an epoch), `curves.png`, `state/` (everything that a resumed run
needs) and `best/` (the model's weights at the best validation score). A run killed at any moment goes on
with `--resume` from the last saved state, with the same batches and the same random numbers.
"""

import csv
import json
import math
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration, broadcast, set_seed
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

Collate = Any


@dataclass(frozen=True)
class LoopConfig:
    """Settings that do not belong to the model.

    learning_rate is for groups that name none; warmup is a share of all steps, then cosine to zero.
    precision "auto" takes bf16 on a GPU or CPU that multiplies in it, float32 elsewhere; "no" is float32.
    save_minutes: how much work a kill may cost; patience: epochs without a better score (0 = never stop).
    """

    epochs: int = 30
    batch_size: int = 16
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    warmup: float = 0.05
    clip_norm: float = 1.0
    seed: int = 7580
    precision: str = "auto"
    save_minutes: float = 3.0
    patience: int = 0
    evaluate_every: int = 1


class Task(Protocol):
    """What a paper's script gives the loop."""

    @property
    def model(self) -> nn.Module:
        """What is trained."""

    @property
    def collate(self) -> Collate:
        """A list of samples to a batch."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups for AdamW; a group without "lr" takes the config's."""

    def loss(self, model: nn.Module, batch: Any) -> dict[str, Tensor]:
        """Scalars; "loss" is what is minimised, the rest are logged."""

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Scores on val; "score" selects the best epoch, higher is better."""


@dataclass
class Progress:
    """Where the run stands, with this epoch's sums for the log; saved inside Accelerate's state."""

    epoch: int = 0
    step: int = 0
    best: float = -math.inf
    best_epoch: int = -1
    sums: dict[str, float] = field(default_factory=dict)

    def state_dict(self) -> dict[str, Any]:
        """As Accelerate's checkpointing asks."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """As Accelerate's checkpointing asks."""
        self.__dict__.update(state)


class EpochSampler(torch.utils.data.Sampler[int]):
    """A permutation that depends on (seed, epoch) alone, so that a resumed epoch has the same order."""

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed, self.epoch = size, seed, 0

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        return iter(torch.randperm(self.size, generator=generator).tolist())


def _precision(config: LoopConfig) -> str:
    if config.precision != "auto":
        return config.precision
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "no"
    # A CPU that does not multiply in bf16 emulates it and is slower than in float32.
    native = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return "bf16" if native else "no"


def _cpu_processes() -> bool:
    """Several processes and no GPU: Accelerate joins them only when it is told to stay on CPUs."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and not torch.cuda.is_available()


def _cosine(optimizer: torch.optim.Optimizer, warmup: int, total: int) -> torch.optim.lr_scheduler.LambdaLR:
    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, total - warmup))))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


class Trainer:
    """Runs a task to its end; `fit` is the whole interface."""

    def __init__(self, task: Task, data: Dataset[Any], config: LoopConfig, out: Path) -> None:
        self.task, self.config, self.out = task, config, out
        set_seed(config.seed)
        self.accelerator = Accelerator(
            cpu=_cpu_processes(),
            mixed_precision=_precision(config),
            # Our sampler seeds itself: the order may not depend on the number of processes.
            dataloader_config=DataLoaderConfiguration(use_seedable_sampler=False),
            step_scheduler_with_optimizer=False,
        )
        self.sampler = EpochSampler(len(data), config.seed)  # type: ignore[arg-type]
        loader: DataLoader[Any] = DataLoader(
            data,
            config.batch_size,
            sampler=self.sampler,
            collate_fn=task.collate,
            drop_last=True,
            # Else each iteration draws from the global numbers, and dropout would differ after a resume.
            generator=torch.Generator(),
        )
        optimizer = torch.optim.AdamW(
            task.parameter_groups(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.model, self.optimizer, self.loader = self.accelerator.prepare(task.model, optimizer, loader)
        total = config.epochs * len(self.loader)
        self.scheduler = _cosine(self.optimizer.optimizer, max(1, int(total * config.warmup)), total)
        self.progress = Progress()
        self.accelerator.register_for_checkpointing(self.progress, self.scheduler)
        self.saved_at = time.monotonic()

    def fit(self, resume: bool = False) -> Path:
        """Train, log, keep the best; returns the folder `best` with model.safetensors."""
        self._start(resume)
        for epoch in range(self.progress.epoch, self.config.epochs):
            if self._exhausted(epoch):
                break
            row = self._epoch(epoch)
            self._finish_epoch(epoch, row)
        return self.out / "best"

    def _start(self, resume: bool) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        state, old = self.out / "state", self.out / "state.old"
        if resume and self.accelerator.is_main_process and old.exists() and not state.exists():
            old.rename(state)  # killed between the two renames of a save
        self.accelerator.wait_for_everyone()
        if resume and state.exists():
            self.accelerator.load_state(str(state))
        elif self.accelerator.is_main_process:
            for name in ("log.csv", "best", "state", "state.old", "state.new"):
                _remove(self.out / name)
            (self.out / "loop.json").write_text(json.dumps(asdict(self.config), indent=1))
        self.accelerator.wait_for_everyone()

    def _exhausted(self, epoch: int) -> bool:
        patience, best = self.config.patience, self.progress.best_epoch
        return patience > 0 and best >= 0 and epoch - best > patience

    def _epoch(self, epoch: int) -> dict[str, float]:
        self.sampler.epoch = epoch
        self.model.train()
        progress = self.progress
        for batch in self._batches(epoch):
            for name, value in self._step(batch).items():
                progress.sums[name] = progress.sums.get(name, 0.0) + value
            progress.step += 1
            self._save_if_due()
        return {name: value / progress.step for name, value in progress.sums.items()}

    def _batches(self, epoch: int) -> Iterable[Any]:
        done = self.progress.step
        loader = self.accelerator.skip_first_batches(self.loader, done) if done else self.loader
        # Accelerate's loader counts its own passes, from 0 in every process, and tells the data set.
        loader.set_epoch(epoch)
        return tqdm(
            loader,
            desc=f"epoch {epoch + 1}/{self.config.epochs}",
            total=len(self.loader),
            initial=done,
            disable=not self.accelerator.is_main_process,
            mininterval=5,
        )

    def _step(self, batch: Any) -> dict[str, float]:
        with self.accelerator.autocast():
            losses = self.task.loss(self.model, batch)
        self.accelerator.backward(losses["loss"])
        self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.scheduler.step()
        self.optimizer.zero_grad()
        return {name: float(value.detach()) for name, value in losses.items()}

    def _finish_epoch(self, epoch: int, row: dict[str, float]) -> None:
        self.progress.epoch, self.progress.step, self.progress.sums = epoch + 1, 0, {}
        last = epoch + 1 == self.config.epochs
        if last or (epoch + 1) % self.config.evaluate_every == 0:
            row |= self._evaluate()
            row["score"] = self._agreed(row["score"])
            if row["score"] > self.progress.best:
                self.progress.best, self.progress.best_epoch = row["score"], epoch
                self._save_best()
        if self.accelerator.is_main_process:
            self._log({"epoch": epoch + 1, "learning_rate": float(self.scheduler.get_last_lr()[0]), **row})
        self._save_state()

    def _evaluate(self) -> dict[str, float]:
        # Every process scores the whole of val: no sampler padding, hence no duplicate in a score.
        model = self.accelerator.unwrap_model(self.model).eval()
        with torch.no_grad():
            return self.task.evaluate(model, self.accelerator.device)

    def _save_best(self) -> None:
        if self.accelerator.is_main_process:
            folder = self.out / "best"
            folder.mkdir(exist_ok=True)
            save_weights(self.accelerator.unwrap_model(self.model), folder / "model.safetensors")

    def _save_if_due(self) -> None:
        if self._agreed(time.monotonic() - self.saved_at) > 60 * self.config.save_minutes:
            self._save_state()

    def _agreed(self, value: float) -> float:
        """The main process's value: those who decided by their own would wait for each other for ever."""
        if self.accelerator.num_processes == 1:
            return value
        return float(broadcast(torch.tensor(value, device=self.accelerator.device)))

    def _save_state(self) -> None:
        """Write beside, then swap, so that a kill leaves the old state or the new one, never half of one."""
        fresh, kept, old = self.out / "state.new", self.out / "state", self.out / "state.old"
        if self.accelerator.is_main_process:
            _remove(fresh)
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(fresh))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            _remove(old)
            if kept.exists():
                kept.rename(old)
            fresh.rename(kept)
            _remove(old)
        self.saved_at = time.monotonic()

    def _log(self, row: dict[str, float]) -> None:
        path, fresh = self.out / "log.csv", self.out / "log.csv.new"
        known = list(csv.DictReader(path.open())) if path.exists() else []
        # A run killed after its log and before its state does this epoch again.
        rows: list[dict[str, Any]] = [each for each in known if int(each["epoch"]) < row["epoch"]]
        rows.append(row)
        with fresh.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(name for each in rows for name in each)))
            writer.writeheader()
            writer.writerows(rows)
        fresh.replace(path)
        plot_curves(path, self.out / "curves.png")
        tqdm.write("  ".join(f"{name} {value:.4g}" for name, value in row.items()))


def save_weights(model: nn.Module, path: Path) -> None:
    """The model's tensors as safetensors, contiguous, in their own precision."""
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, str(path))


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill a model in place; raises when a name or a shape differs."""
    model.load_state_dict(load_file(str(path)))


def plot_curves(log: Path, out: Path) -> None:
    """One small panel a logged number, epochs along x."""
    from matplotlib.figure import Figure

    rows = list(csv.DictReader(log.open()))
    names = [name for name in rows[0] if name != "epoch"]
    columns = min(4, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.4 * lines), layout="constrained")
    for index, name in enumerate(names):
        axes = figure.add_subplot(lines, columns, index + 1, title=name)
        points = [(int(row["epoch"]), float(row[name])) for row in rows if row.get(name)]
        axes.plot(*zip(*points, strict=True), marker=".") if points else None
    figure.savefig(out, dpi=90)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

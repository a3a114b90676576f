"""A run of the real loop on a toy task; also a script, for tests that need processes of their own."""

import argparse
import os
import signal
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from train.loop import LoopConfig, Trainer, save_weights

STUDIES, FEATURES, BATCH = 40, 6, 4


class NoisyLine(Dataset):
    """x and w x, with noise on x that is new in each epoch, as augmentation is."""

    def __init__(self):
        random = torch.Generator().manual_seed(1)
        self.x = torch.randn(STUDIES, FEATURES, generator=random)
        self.y = self.x @ torch.randn(FEATURES, 1, generator=random)
        self.epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return STUDIES

    def __getitem__(self, index):
        random = torch.Generator().manual_seed(1000 * self.epoch + index)
        return self.x[index] + 0.1 * torch.randn(FEATURES, generator=random), self.y[index]


class LineTask:
    """Least squares; can kill its own process in the middle of a step, or fail when it evaluates."""

    def __init__(self, dropout, kill_at=-1, fail_at=-1):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(FEATURES, 8), nn.Dropout(dropout), nn.ReLU(), nn.Linear(8, 1))
        self.kill_at, self.fail_at, self.steps, self.evaluations = kill_at, fail_at, 0, 0

    @staticmethod
    def collate(samples):
        return tuple(torch.stack(parts) for parts in zip(*samples, strict=True))

    def parameter_groups(self):
        return [{"params": self.model[0].parameters()}, {"params": self.model[3].parameters(), "lr": 0.1}]

    def loss(self, model, batch):
        if self.steps == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.steps += 1
        loss = F.mse_loss(model(batch[0]), batch[1])
        return {"loss": loss, "double": 2 * loss}

    def evaluate(self, model, device):
        self.evaluations += 1
        if self.evaluations == self.fail_at:
            raise InterruptedError("stopped while it evaluates")
        data = NoisyLine()
        with torch.no_grad():
            return {"score": -F.mse_loss(model(data.x.to(device)), data.y.to(device)).item()}


def make(out, task=None, **settings):
    """A trainer of three epochs that saves its state after each step."""
    usual = {"epochs": 3, "batch_size": BATCH, "learning_rate": 0.1, "save_minutes": 0.0, "precision": "no"}
    config = LoopConfig(**usual | settings)
    return Trainer(task or LineTask(dropout=0.5), NoisyLine(), config, Path(out))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--kill-at", type=int, default=-1)
    parser.add_argument("--dropout", type=float, default=0.5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = LineTask(options.dropout, options.kill_at)
    trainer = make(options.out, task)
    rank = trainer.accelerator.process_index
    trainer.saved_at += 1e9 * rank  # clocks of processes differ
    trainer.fit()
    save_weights(task.model, options.out / f"rank{rank}.safetensors")


if __name__ == "__main__":
    main()

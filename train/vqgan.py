"""Train the VQ-GAN of AdaMatch-Cyclic on all views of the train studies, or measure one on test.

    python -m train.vqgan --data DATA --out runs/vqgan
    python -m train.vqgan --data DATA --evaluate checkpoints/vqgan --figure runs/vqgan.png

L1, a perceptual distance on the observation classifier's backbone and the commitment at first; a patch
discriminator joins at --adversarial-from. Both players learn in one step of the shared loop.

--decoder-only goes on with the decoder of --start alone: the codes of every picture stay what they are, so a
language model that was trained on them stays right, and --into puts the new decoder into its checkpoint:

    python -m train.vqgan --data DATA --start runs/vqgan/checkpoint --decoder-only --adversarial-from 0 \\
        --out runs/vqgan-decoder --into checkpoints/adamatch_cyclic
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import Dataset

from radui.models.registry import load, save
from radui.models.vqgan import VQGAN, VQGANConfig, paper_config
from radui.nn.quantizer import usage
from radui.records import ByteArray
from train.corpus import picture_index
from train.data.iu_xray import read_iu_xray
from train.loop import LoopConfig, Trainer, load_weights
from train.perceptual import PerceptualDistance
from train.pictures import load_pictures
from train.reconstruction import figure, reconstruct, score_reconstructions
from train.vqgan_players import Objective, Players

MINIMUM_USAGE = 0.6  # below this share of codes in use on val the codebook counts as collapsed


class Pictures(Dataset[Tensor]):
    """Chosen pictures as (1, S, S) float32 in [0, 1]; remembers the epoch for the task."""

    def __init__(self, pictures: ByteArray, rows: list[int]) -> None:
        self.pictures, self.rows, self.epoch = pictures, rows, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the loop."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: int) -> Tensor:
        return torch.from_numpy(self.pictures[self.rows[item]][None].astype(np.float32) / 255)


class VQGANTask:
    """Both players' losses; val is scored by minus the reconstruction loss."""

    def __init__(self, model: Players, train: Pictures, val: Pictures, learning_rate: float) -> None:
        self.model, self.train, self.val, self.learning_rate = model, train, val, learning_rate

    @staticmethod
    def collate(samples: list[Tensor]) -> Tensor:
        """Stack a list of pictures."""
        return torch.stack(samples)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Two groups, one a player, with the moments of the VQ-GAN paper and no decay."""
        players = (self.model.generator, self.model.discriminator)
        learning = [[each for each in player.parameters() if each.requires_grad] for player in players]
        settings = {"lr": self.learning_rate, "betas": (0.5, 0.9), "weight_decay": 0.0}
        return [{"params": parameters, **settings} for parameters in learning]

    def loss(self, model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
        """See `Players`."""
        return model(batch, self.train.epoch >= self.model.objective.adversarial_from)

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """L1 and perceptual distance on val, and how much of the codebook its codes use."""
        # Each epoch is scored on the same windows, and the training's random numbers stay as they are.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self._scores(device)

    def _scores(self, device: torch.device) -> dict[str, float]:
        generator, sums, codes = self.model.generator, np.zeros(2), []
        for real, made in reconstruct(generator, self.val, device):
            codes.append(made.codes)
            pixels = made.pixels.float().clamp(0, 1)
            parts = self.model.likeness(pixels, real)
            lost = np.array([float(parts["l1"]), float(parts.get("perceptual", 0.0))])
            sums += lost * len(real) / len(self.val)
        share, perplexity = usage(torch.cat(codes), generator.config.quantizer.codes)
        if share < MINIMUM_USAGE:
            print(f"Only {share:.0%} of the codes are in use; raise restart_below or the learning rate.")
        names = ("val_l1", "val_perceptual", "val_usage", "val_perplexity")
        values = (*sums.tolist(), share, perplexity)
        return {"score": -float(sums.sum()), **dict(zip(names, values, strict=True))}


def load_splits(root: Path, cache: Path) -> dict[str, Pictures]:
    """All views of the studies of each split."""
    rows = read_iu_xray(root)
    index, paths = picture_index(rows)
    pictures = load_pictures(paths, cache / "pictures.npy")
    chosen: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for row, views in zip(rows, index, strict=True):
        chosen[row.split] += views
    return {split: Pictures(pictures, places) for split, places in chosen.items()}


def build_config(options: argparse.Namespace) -> VQGANConfig:
    """The compact configuration in the width asked for, or the paper's with --paper."""
    if options.paper:
        return paper_config()
    compact = VQGANConfig()
    restart = 0.0 if options.no_restart else compact.quantizer.restart_below
    average = not options.gradient_codebook
    quantizer = dataclasses.replace(compact.quantizer, average=average, restart_below=restart)
    return dataclasses.replace(compact, channels=options.channels, quantizer=quantizer)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line; `arguments` for tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--classifier", type=Path, default=Path("checkpoints/observation_classifier"))
    parser.add_argument("--out", type=Path, default=Path("runs/vqgan"))
    parser.add_argument("--evaluate", type=Path, help="measure this checkpoint on test instead of training")
    parser.add_argument("--figure", type=Path, help="with --evaluate: pictures beside their reconstructions")
    parser.add_argument("--paper", action="store_true", help="the published sizes: for a GPU")
    parser.add_argument("--start", type=Path, help="checkpoint to go on from, with its configuration")
    parser.add_argument("--decoder-only", action="store_true", help="leave encoder and codebook as they are")
    parser.add_argument(
        "--into", type=Path, help="AdaMatch-Cyclic checkpoint that gets the decoder at the end"
    )
    parser.add_argument("--channels", type=int, default=48)
    parser.add_argument("--gradient-codebook", action="store_true", help="no moving average")
    parser.add_argument("--no-restart", action="store_true", help="leave unused codes where they are")
    parser.add_argument("--perceptual", type=float, default=0.2, help="0 leaves it out")
    parser.add_argument("--adversarial", type=float, default=0.5, help="0 leaves the discriminator out")
    parser.add_argument("--adversarial-from", type=int, default=2, help="epoch, from 0")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--seed", type=int, default=7580)
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args(arguments)


def build(options: argparse.Namespace) -> VQGAN:
    """The network that --start has learned, or a new one."""
    if options.start:
        started: Any = load(options.start).model
        return started
    return VQGAN(build_config(options))


def train(options: argparse.Namespace, splits: dict[str, Pictures]) -> None:
    """Train, keep the best epoch on val, write a checkpoint folder."""
    torch.manual_seed(options.seed)
    starts = options.adversarial_from if options.adversarial else options.epochs
    objective = Objective(options.perceptual, options.adversarial, starts, decoder_only=options.decoder_only)
    classifier: Any = load(options.classifier).model
    distance = PerceptualDistance(classifier.backbone, classifier.config.preprocessing)
    model = Players(build(options), objective, distance if options.perceptual else None)
    task = VQGANTask(model, splits["train"], splits["val"], options.learning_rate)
    config = LoopConfig(options.epochs, options.batch_size, options.learning_rate, seed=options.seed)
    best = Trainer(task, splits["train"], config, options.out).fit(options.resume)
    load_weights(model, best / "model.safetensors")
    if PartialState().is_main_process:
        data = "IU X-Ray, R2Gen split, train, all views"
        provenance = {"data": data, "start": str(options.start), "objective": dataclasses.asdict(objective)}
        facts = {"training": provenance | dataclasses.asdict(config)}
        save(options.out / "checkpoint", "vqgan", model.generator, facts)
        if options.into:
            put_decoder(model.generator, options.into)


def put_decoder(vqgan: VQGAN, folder: Path) -> None:
    """Give an AdaMatch-Cyclic checkpoint this decoder; ValueError where its codes mean something else."""
    path = folder / "model.safetensors"
    tensors, own = load_file(str(path)), vqgan.state_dict()
    shared = [name for name in own if not name.startswith("decoder.")]
    if any(
        not torch.equal(tensors[f"vqgan.{name}"], own[name].to(tensors[f"vqgan.{name}"].dtype))
        for name in shared
    ):
        raise ValueError(f"{folder.name} has another encoder or codebook; train its language model again.")
    for name, tensor in vqgan.decoder.state_dict().items():
        tensors[f"vqgan.decoder.{name}"] = tensor.half().contiguous()
    save_file(tensors, str(path))


def main(arguments: list[str] | None = None) -> None:
    """Train, or measure with --evaluate."""
    options = parse(arguments)
    splits = load_splits(options.data, options.out.parent / "cache")
    if not options.evaluate:
        train(options, splits)
        return
    model: Any = load(options.evaluate).model
    for name, value in score_reconstructions(model, splits["test"]).items():
        print(f"{name:12} {value:.4f}")
    if options.figure:
        figure(model, splits["test"], options.figure)


if __name__ == "__main__":
    main()

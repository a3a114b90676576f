"""Train and measure the gate: is this an upright chest radiograph, and frontal or lateral?

    python -m train.gate --data DATA --others FOLDER --out runs/gate

What it learns from: `train.gate_pictures`. The threshold is the highest at which the films of the val
split still pass (see --pass-share); the ROC is reported on the held-out part of each source. Features are
computed once: the same command goes on with those that --out holds.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from radui.models.gate import CLASSES, Gate, GateConfig
from radui.models.registry import save
from radui.nn.backbones import BackboneConfig, EfficientNetLite
from radui.records import ByteArray, FloatArray
from train.backbone import PREPROCESSING
from train.gate_pictures import (
    Picture,
    chest_pictures,
    drawn_films,
    drawn_others,
    other_pictures,
    shipped_slices,
    spoiled_films,
)
from train.imagenet import load_imagenet
from train.pictures import Augmentation, augment, generator, plain, shrink

FILM_WARPS, SPOILED_WARPS, OTHER_WARPS = 2, 1, 6
HELD_SPOILED = 200  # test films that are spoiled too
HIDDEN = 256


def features(backbone: EfficientNetLite, pictures: list[Picture], warps: int, seed: int) -> FloatArray:
    """(1 + warps, pictures, C) pooled features of the plain picture and of random warps."""
    return np.stack([_pooled(backbone, pictures, version, seed) for version in range(1 + warps)])


@torch.inference_mode()
def _pooled(backbone: EfficientNetLite, pictures: list[Picture], version: int, seed: int) -> FloatArray:
    rows = []
    for start in range(0, len(pictures), 32):
        chunk = [
            _pixels(each.pixels, version, start + i, seed)
            for i, each in enumerate(pictures[start : start + 32])
        ]
        batch = torch.from_numpy(np.stack(chunk))[:, None].contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            rows.append(backbone(batch).float().mean((-2, -1)).numpy())
    return np.concatenate(rows)


def _pixels(picture: ByteArray, version: int, index: int, seed: int) -> FloatArray:
    if version == 0:
        return plain(picture, PREPROCESSING)
    square = shrink(picture, 256)
    return augment(square, PREPROCESSING, generator(seed, version, index), Augmentation())


def fit_head(gate: Gate, inputs: FloatArray, kinds: list[str], steps: int = 1500) -> None:
    """Logistic regression with weight decay and balanced classes, on all versions at once."""
    x = torch.from_numpy(inputs).flatten(0, 1)
    y = torch.tensor([CLASSES.index(kind) for kind in kinds]).repeat(len(inputs))
    weights = len(y) / (3 * torch.bincount(y, minlength=3).float())
    optimizer = torch.optim.AdamW(gate.head.parameters(), lr=3e-3, weight_decay=0.1)
    for _ in range(steps):
        batch = torch.randint(len(y), (512,))
        loss = torch.nn.functional.cross_entropy(gate.head(x[batch]), y[batch], weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def chest_probability(gate: Gate, inputs: FloatArray) -> FloatArray:
    """P(frontal) + P(lateral) of pooled features (pictures, C)."""
    with torch.inference_mode():
        probabilities: Tensor = gate.head(torch.from_numpy(inputs)).softmax(-1)
    return (1 - probabilities[:, 0]).numpy()


def measure(gate: Gate, pictures: list[Picture], inputs: FloatArray) -> dict[str, float]:
    """Held-out figures: AUC overall and by source, sensitivity, false passes, accuracy of the view."""
    from sklearn.metrics import roc_auc_score

    chest = np.array([each.kind != "other" for each in pictures])
    scores = chest_probability(gate, inputs)
    result = {
        "auc": float(roc_auc_score(chest, scores)),
        "sensitivity": float((scores[chest] >= gate.config.threshold).mean()),
    }
    for source in sorted({each.source for each in pictures if each.kind == "other"}):
        member = np.array([each.source == source and each.kind == "other" for each in pictures])
        result[f"auc_{source}"] = float(roc_auc_score(chest[chest | member], scores[chest | member]))
        result[f"passes_{source}"] = float((scores[member] >= gate.config.threshold).mean())
        result[f"n_{source}"] = float(member.sum())
    with torch.inference_mode():
        sides = gate.head(torch.from_numpy(inputs[chest]))[:, 1:].argmax(1).numpy()
    truth = np.array([CLASSES.index(each.kind) - 1 for each in pictures if each.kind != "other"])
    return result | {"n_chest": float(chest.sum()), "view_accuracy": float((sides == truth).mean())}


def choose_threshold(scores: FloatArray, share: float) -> float:
    """The highest threshold at which at least this share of good films passes."""
    allowed = int((1 - share) * len(scores))
    return float(np.sort(scores)[allowed])


Group = tuple[list[Picture], int]
"""Pictures and how many random warps of each are learned from beside the plain one."""


def train_groups(options: argparse.Namespace, cache: Path) -> list[Group]:
    """What the head learns from: films, spoiled films, everything else."""
    films = list(chest_pictures(options.data, cache, "train", options.studies, options.seed))
    others = chain(other_pictures(options.others), shipped_slices(), drawn_others(120, options.seed))
    return [
        (films, FILM_WARPS),
        (list(spoiled_films(films, options.seed)), SPOILED_WARPS),
        ([each for each in others if not each.held_out], OTHER_WARPS),
        (list(drawn_films(options.drawn, options.seed)), FILM_WARPS),
    ]


def test_pictures(options: argparse.Namespace, cache: Path) -> list[Picture]:
    """What is measured on: films of 400 test studies, some of them spoiled, the others' held-out third."""
    films = list(chest_pictures(options.data, cache, "test", 400, options.seed))
    others = chain(other_pictures(options.others), shipped_slices(), drawn_others(120, options.seed))
    spoiled = spoiled_films(films[:HELD_SPOILED], options.seed + 1)
    return [*films, *spoiled, *(each for each in others if each.held_out)]


def kept_features(path: Path, backbone: EfficientNetLite, group: Group, seed: int) -> FloatArray:
    """Features of a group, (1 + warps, pictures, C); read from `path` where an earlier run kept them."""
    if path.exists():
        found: FloatArray = np.load(path)
        return found
    found = features(backbone, *group, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, found)
    print(f"{path.name}: {found.shape[1]} pictures, {found.shape[0]} times", flush=True)
    return found


def joined(groups: Sequence[Group], inputs: Sequence[FloatArray]) -> tuple[FloatArray, list[str]]:
    """All versions of all groups as (rows, C), and the class of each row."""
    rows = np.concatenate([each.reshape(-1, each.shape[-1]) for each in inputs])
    kinds = [each.kind for pictures, warps in groups for _ in range(1 + warps) for each in pictures]
    return rows, kinds


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Options of the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True)
    add("--others", type=Path, required=True, help="folder of pictures that are no chest radiographs")
    add("--out", type=Path, required=True)
    add("--studies", type=int, default=500, help="of the train split (%(default)s)")
    add("--hidden", type=int, default=HIDDEN, help="units between features and classes; 0: none")
    add("--drawn", type=int, default=60, help="drawn studies, which pass: the page's examples are such")
    add("--pass-share", type=float, default=0.97, help="of val films, which the threshold keeps")
    add("--seed", type=int, default=7580)
    return parser.parse_args(arguments)


def main() -> None:
    """Train the head, choose the threshold, measure, save."""
    options = parse()
    torch.manual_seed(options.seed)
    gate = Gate(GateConfig(BackboneConfig(), PREPROCESSING, hidden=options.hidden))
    assert isinstance(gate.backbone, EfficientNetLite)
    load_imagenet(gate.backbone, gate.config.backbone.name)
    gate.eval()
    cache, kept = options.out.parent / "cache" / "pictures.npy", options.out / "features"
    groups = train_groups(options, cache)
    inputs = [
        kept_features(kept / f"train-{number}.npy", gate.backbone, group, options.seed)
        for number, group in enumerate(groups)
    ]
    rows, kinds = joined(groups, inputs)
    fit_head(gate, rows[None], kinds)
    films = list(chest_pictures(options.data, cache, "val", 400, options.seed))
    val = kept_features(kept / "val.npy", gate.backbone, (films, 0), options.seed)[0]
    threshold = choose_threshold(chest_probability(gate, val), options.pass_share)
    gate.config = replace(gate.config, threshold=threshold)
    held = test_pictures(options, cache)
    scores = measure(gate, held, kept_features(kept / "test.npy", gate.backbone, (held, 0), options.seed)[0])
    save(options.out / "checkpoint", "gate", gate, {"held_out": scores})
    print(json.dumps({"threshold": threshold} | scores, indent=1))


if __name__ == "__main__":
    main()

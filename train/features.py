"""Patch features of a frozen backbone, computed once and kept on disk (fp16, memory-mapped).

Version 0 is the plain picture, the others are random warps; a training epoch draws one version a study.
"""

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from radui.records import ByteArray, FloatArray, Preprocessing
from train.pictures import Augmentation, augment, generator, plain

Grids = NDArray[np.float16]


def fingerprint(model: nn.Module, pictures: ByteArray) -> str:
    """Twelve hex digits that change with the weights, as fp16 as they ship, or with the pictures."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().half().numpy().tobytes())
    digest.update(str(pictures.shape).encode() + pictures[:: max(1, len(pictures) // 50)].tobytes())
    return digest.hexdigest()[:12]


def cached_grids(
    backbone: nn.Module,
    pictures: ByteArray,
    preprocessing: Preprocessing,
    version: int,
    cache: Path,
    seed: int = 0,
    how: Augmentation = Augmentation(),  # noqa: B008 (frozen)
) -> Grids:
    """(pictures, C, h, w) float16 of one version, read from `cache` where it is complete."""
    settings = repr((preprocessing, seed, how, version)).encode()
    key = f"{fingerprint(backbone, pictures)}-{hashlib.sha256(settings).hexdigest()[:8]}"
    path = cache / f"grids-{key}-{version}.npy"
    if path.exists():
        grids: Grids = np.load(path, mmap_mode="r")
        return grids
    cache.mkdir(parents=True, exist_ok=True)
    # A name of its own for each process: several may start with an empty cache.
    partial = path.with_suffix(f".{os.getpid()}.part.npy")
    grids = _compute(backbone, pictures, preprocessing, version, partial, seed, how)
    del grids
    partial.replace(path)
    done: Grids = np.load(path, mmap_mode="r")
    return done


def _compute(
    backbone: nn.Module,
    pictures: ByteArray,
    preprocessing: Preprocessing,
    version: int,
    path: Path,
    seed: int,
    how: Augmentation,
) -> Grids:
    grids: Grids | None = None
    backbone.eval()
    for start in tqdm(range(0, len(pictures), 32), desc=f"features, version {version}", mininterval=5):
        chunk = range(start, min(start + 32, len(pictures)))
        pixels = np.stack([_version(pictures[i], preprocessing, version, i, seed, how) for i in chunk])[
            :, None
        ]
        values = _forward(backbone, pixels)
        if grids is None:
            shape = (len(pictures), *values.shape[1:])
            grids = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
        grids[chunk.start : chunk.stop] = values
    assert grids is not None, "no pictures"
    grids.flush()  # type: ignore[attr-defined]
    return grids


def _version(
    picture: ByteArray,
    preprocessing: Preprocessing,
    version: int,
    index: int,
    seed: int,
    how: Augmentation,
) -> FloatArray:
    if version == 0:
        return plain(picture, preprocessing)
    return augment(picture, preprocessing, generator(seed, version, index), how)


@torch.inference_mode()
def _forward(backbone: nn.Module, pixels: FloatArray) -> Grids:
    device = next(backbone.parameters()).device
    batch = torch.from_numpy(pixels).to(device, memory_format=torch.channels_last)
    with torch.autocast(device.type, torch.bfloat16):
        return backbone(batch).float().cpu().numpy().astype(np.float16)

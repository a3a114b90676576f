"""Pictures for training: decoded once, kept as bytes, warped on the fly.

Random numbers depend on (seed, epoch, index) alone, so a resumed run sees the same pictures and the
number of processes does not matter. Never flipped: the heart has a side.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from radui.processing.frame import to_model
from radui.processing.images import read_radiograph
from radui.records import ByteArray, FloatArray, Preprocessing, Radiograph

STORED_SIZE = 256
PROBES = 16  # pictures that are decoded to see whether a cache holds the same data set


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random warp; each is drawn uniformly in plus or minus the value."""

    rotation: float = 8.0  # degrees
    scale: float = 0.10
    shift: float = 0.06  # of the side
    aspect: float = 0.06
    brightness: float = 0.10  # of the full range
    contrast: float = 0.20


def load_pictures(paths: Sequence[Path], cache: Path | None = None) -> ByteArray:
    """(pictures, 256, 256) uint8, squashed; read from `cache` (.npy) when it fits the list."""
    if cache and cache.exists():
        stored: ByteArray = np.load(cache)
        if _fits(stored, paths):
            return stored
    pictures = np.stack([_stored(path) for path in paths])
    if cache:
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial = cache.with_suffix(f".{os.getpid()}.part.npy")
        np.save(partial, pictures)
        partial.replace(cache)
    return pictures


def _fits(stored: ByteArray, paths: Sequence[Path]) -> bool:
    """As many pictures, and the same ones at a few places: another data set may be as large."""
    if len(stored) != len(paths):
        return False
    probes = np.linspace(0, len(paths) - 1, min(PROBES, len(paths))).astype(int)
    return all(np.array_equal(stored[i], _stored(paths[i])) for i in probes)


def _stored(path: Path) -> ByteArray:
    display = read_radiograph(path.read_bytes()).display
    if display.shape != (STORED_SIZE, STORED_SIZE):
        return shrink(display, STORED_SIZE)
    return display


def shrink(picture: ByteArray, side: int) -> ByteArray:
    """(side, side) uint8, aspect ratio given up, antialiased."""
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8)


def plain(picture: ByteArray, preprocessing: Preprocessing) -> FloatArray:
    """(size, size) float32 exactly as the app would feed this picture."""
    return to_model(Radiograph(picture, picture.astype(np.float32) / np.float32(255)), preprocessing)[0]


def augment(
    picture: ByteArray, preprocessing: Preprocessing, random: np.random.Generator, how: Augmentation
) -> FloatArray:
    """(size, size) float32, warped about the centre and with its grey levels stretched at random."""
    size = preprocessing.size
    matrix = _warp(picture.shape[0], size, random, how)
    warped = cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_AREA, borderValue=0)
    values = warped.astype(np.float32) / 255
    contrast = 1 + random.uniform(-how.contrast, how.contrast)
    brightness = random.uniform(-how.brightness, how.brightness)
    values = np.clip((values - 0.5) * contrast + 0.5 + brightness, 0, 1)
    return ((values - preprocessing.mean) / preprocessing.std).astype(np.float32)


def _warp(source: int, target: int, random: np.random.Generator, how: Augmentation) -> NDArray[np.float64]:
    angle = np.deg2rad(random.uniform(-how.rotation, how.rotation))
    zoom = target / source * (1 + random.uniform(-how.scale, how.scale))
    aspect = 1 + random.uniform(-how.aspect, how.aspect)
    cosine, sine = np.cos(angle) * zoom, np.sin(angle) * zoom
    linear = np.array([[cosine * aspect, -sine], [sine, cosine / aspect]])
    shift = random.uniform(-how.shift, how.shift, 2) * target
    centre = np.array([target / 2, target / 2]) + shift - linear @ np.array([source / 2, source / 2])
    return np.column_stack([linear, centre])


def generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The random numbers of one sample in one epoch."""
    return np.random.default_rng((seed, epoch, index))

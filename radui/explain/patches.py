"""Adaptive patches as boxes in original pixels, linked to the words both ways (AdaMatch Fig. 8)."""

from collections.abc import Sequence

import numpy as np

from radui.processing.frame import box_to_original, clip_box
from radui.records import AdaptivePatches, Box, FloatArray, Frame, PatchKeyword


def adaptive_patches(
    boxes: FloatArray,
    anchors: FloatArray,
    similarities: FloatArray,
    words: Sequence[tuple[int, int]],
    slots: Sequence[int],
    frames: Sequence[Frame],
    keywords: Sequence[PatchKeyword] = (),
) -> AdaptivePatches:
    """The model's boxes as the page shows them, picture by picture in the order in which they were given.

    boxes, anchors: (V, P, 4) shares of the model's picture. similarities: (tokens, V, P). words: where each
    token stands in the report. slots: which of the V places each given picture took. keywords: their patches
    already count as the result's do.
    """
    placed = [(view, slot, frame) for view, (slot, frame) in enumerate(zip(slots, frames, strict=True))]
    found = [_original(frame, box) for _, slot, frame in placed for box in boxes[slot]]
    starts = [_centre(frame, anchor) for _, slot, frame in placed for anchor in anchors[slot]]
    return AdaptivePatches(
        boxes=np.array(found, np.float32),
        centres=np.array(starts, np.float32),
        views=np.repeat(np.arange(len(placed)), boxes.shape[1]),
        words=tuple(words),
        similarities=np.concatenate([similarities[:, slot] for slot in slots], 1).astype(np.float32),
        keywords=tuple(keywords),
    )


def best_patches(patches: AdaptivePatches, token: int, count: int = 3) -> list[tuple[int, float]]:
    """A word's most similar patches with their cosines, the best first."""
    row = patches.similarities[token]
    return [(int(i), float(row[i])) for i in np.argsort(-row, kind="stable")[:count]]


def best_words(patches: AdaptivePatches, patch: int, count: int = 3) -> list[tuple[int, float]]:
    """A patch's most similar words with their cosines, the best first."""
    column = patches.similarities[:, patch]
    return [(int(i), float(column[i])) for i in np.argsort(-column, kind="stable")[:count]]


def shift(patches: AdaptivePatches, patch: int) -> Box:
    """The arrow of Fig. 8: (x0, y0) the fixed cell's centre, (x1, y1) the box's, in original pixels."""
    x0, y0, x1, y1 = map(float, patches.boxes[patch])
    start = patches.centres[patch]
    return float(start[0]), float(start[1]), (x0 + x1) / 2, (y0 + y1) / 2


def _original(frame: Frame, box: FloatArray) -> Box:
    return clip_box(frame, box_to_original(frame, _in_model_pixels(frame, box)))


def _centre(frame: Frame, anchor: FloatArray) -> tuple[float, float]:
    x0, y0, x1, y1 = box_to_original(frame, _in_model_pixels(frame, anchor))
    return (x0 + x1) / 2, (y0 + y1) / 2


def _in_model_pixels(frame: Frame, box: FloatArray) -> Box:
    width, height = frame.model_size
    x0, y0, x1, y1 = map(float, box)
    return x0 * width, y0 * height, x1 * width, y1 * height

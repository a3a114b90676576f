"""Raw decoder attention to word maps over the views, cells tied to original pixels by their frames."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radui.records import FloatArray, Frame, WordMaps


def word_maps(
    attention: FloatArray, grid: tuple[int, int, int], slots: Sequence[int], frames: Sequence[Frame]
) -> WordMaps:
    """Cross-attention (tokens, layers, heads, V * h * w) to maps of the pictures that were given.

    grid: (V, h, w) of the model. slots: which of the V places each given picture took, in the pictures'
    order; attention on empty places is zero, since they are masked.
    """
    tokens, layers, heads, _ = attention.shape
    weights = attention.reshape(tokens, layers, heads, *grid)[:, :, :, list(slots)]
    return WordMaps(np.ascontiguousarray(weights, dtype=np.float32), tuple(frames))


def mean_map(maps: WordMaps, token: int, layer: int | None = None, head: int | None = None) -> FloatArray:
    """One word's (views, rows, columns) map: of a layer and head, or their mean where None."""
    weights: NDArray[np.float32] = maps.weights[token]
    weights = weights.mean(0) if layer is None else weights[layer]
    return weights.mean(0) if head is None else weights[head]

"""Attention of a decoder that reads encoded patches, followed back to the patches themselves.

The decoder's attention lands on encoder outputs, each a mixture of patches, and on states that stand for
the whole picture. MedRAT's maps (Fig. 4) spread the global state over the patches by its pooling weights
and multiply the encoder's maps through.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radui.records import FloatArray, Frame, PoolingMap


def rollout(maps: FloatArray) -> FloatArray:
    """What each encoder output is made of: (layers, S, S) self-attention -> (S, S), rows sum to 1.

    A layer adds what it attends to what it was given, so half of each map is the patch itself (attention
    rollout, Abnar and Zuidema 2020); without that half a few layers blur every word into the same map.
    """
    total: NDArray[np.float32] = np.eye(maps.shape[-1], dtype=np.float32)
    for layer in maps:
        total = (0.5 * layer + 0.5 * np.eye(len(layer), dtype=np.float32)) @ total
    return total


def spread(attention: FloatArray, pooling: FloatArray, has_global: bool) -> FloatArray:
    """Cross-attention (..., G + L) -> (..., S), over the encoder's outputs alone; rows sum to 1.

    has_global: the first column is the global state (G = 1), whose weight goes where `pooling` (S,) took
    it from. L is S, or 0 where the decoder reads no local states.
    """
    local = attention[..., 1:] if has_global else attention
    if not has_global:
        return local
    shared: FloatArray = attention[..., :1] * pooling
    return shared + local if local.shape[-1] else shared


def pooling_map(
    pooling: FloatArray, grid: tuple[int, int, int], slots: Sequence[int], frames: Sequence[Frame]
) -> PoolingMap:
    """Weights (V * h * w,) on the pictures that were given; grid and slots as in `word_maps`."""
    weights = pooling.reshape(grid)[list(slots)]
    return PoolingMap(np.ascontiguousarray(weights, dtype=np.float32), tuple(frames))

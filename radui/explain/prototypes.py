"""Which prototypes answered each word and each patch (XProNet Fig. 1)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radui.observations import OBSERVATIONS
from radui.records import FloatArray, Prototypes


def prototypes(
    word_indices: NDArray[np.int64],
    word_weights: FloatArray,
    patch_weights: FloatArray,
    grid: tuple[int, int, int],
    slots: Sequence[int],
    labels: NDArray[np.bool_],
    gamma: int,
) -> Prototypes:
    """Sparse answers from the model's traces.

    word_indices, word_weights: (tokens, heads, gamma). patch_weights: (heads, V * h * w, rows), zero but
    for gamma a patch. labels: (14,) bool, those whose prototypes were visible. grid, slots: as word_maps.
    """
    dense = patch_weights.reshape(len(patch_weights), *grid, -1)[:, list(slots)]
    indices = np.argsort(-dense, axis=-1)[..., :gamma]
    weights = np.take_along_axis(dense, indices, -1)
    return Prototypes(
        labels=tuple(name for name, visible in zip(OBSERVATIONS, labels, strict=True) if visible),
        prototypes_per_label=dense.shape[-1] // len(OBSERVATIONS),
        word_indices=word_indices,
        word_weights=word_weights,
        patch_indices=np.moveaxis(indices, 0, 3),
        patch_weights=np.moveaxis(weights, 0, 3),
    )


def shared_share(answer: Prototypes, token: int, view: int, row: int, column: int) -> float:
    """Share of the prototypes that a word and a patch both read, in [0, 1], over heads (Fig. 1)."""
    word, patch = answer.word_indices[token], answer.patch_indices[view, row, column]
    pairs = zip(word, patch, strict=True)
    return float(np.mean([len(np.intersect1d(w, p)) / len(w) for w, p in pairs]))

"""Patch-word alignment (AdaMatch eq. 5-6): how well a picture's patches and a report's words fit."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Similarities:
    """Of A studies to B reports, both (A, B) in [-1, 1].

    image: s^I of eq. 5, the patches' best words, mean over patches. text: s^T of eq. 6, the words' best
    patches, mean over words.
    """

    image: Tensor
    text: Tensor


def patch_word_matrix(patches: Tensor, words: Tensor) -> Tensor:
    """Each patch to each word: (A, P, d), (B, T, d) of unit length -> (A, B, P, T) cosines."""
    return torch.einsum("apd,btd->abpt", patches, words)


def align(patches: Tensor, patch_mask: Tensor, words: Tensor, word_mask: Tensor) -> Similarities:
    """Eq. 5 and 6 for every pair; masks (A, P), (B, T) bool, False for missing views and padding.

    Each study needs a patch and each report a word; ValueError else.
    """
    if not (patch_mask.any(1).all() and word_mask.any(1).all()):
        raise ValueError("A study without a picture or a report without a word cannot be matched.")
    # What is missing is pushed down by two more columns of the product, which spares two copies of the
    # largest array here; the means leave it out.
    one_patch, one_word = torch.ones_like(patches[..., :1]), torch.ones_like(words[..., :1])
    cosines = patch_word_matrix(
        torch.cat([patches, _penalty(patch_mask, patches), one_patch], -1),
        torch.cat([words, one_word, _penalty(word_mask, words)], -1),
    )
    # max, not amax: its gradient is one scatter instead of three passes over the whole array.
    best_word, best_patch = cosines.max(3).values, cosines.max(2).values
    return Similarities(
        masked_mean(best_word.float(), patch_mask[:, None, :]),
        masked_mean(best_patch.float(), word_mask[None, :, :]),
    )


def _penalty(mask: Tensor, x: Tensor) -> Tensor:
    """(B, N, 1): 0 where the mask is True, else -4, below every sum of a cosine and a penalty of 0."""
    return torch.where(mask, 0.0, -4.0)[..., None].to(x)


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over the last axis where the mask, which broadcasts, is True."""
    weights = mask.to(x.dtype).expand_as(x)
    return (x * weights).sum(-1) / weights.sum(-1)

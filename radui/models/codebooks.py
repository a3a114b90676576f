"""AdaMatch's codebooks (sections 3.2.1 and 3.2.2): the keywords of reports and the keypatches of radiographs.

A keypatch is kept as its feature, the codes of a VQ-GAN and where it lay, never as a picture, and nothing
says of which study it is: a codebook ships, the data set it was built from may not.
"""

import dataclasses
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from radui.models.registry import from_json


class CodebookError(ValueError):
    """A codebook that is missing or damaged; the text says what to do."""


@dataclass(frozen=True)
class CodebookConfig:
    """The paper's kappas, which it does not print: chosen on val by train.codebooks, and why.

    per_group: kappa_0, keywords of each group. per_patch: kappa_1, keywords of a patch. pairs: kappa_2, the
    best fitting pairs of train. per_pair: kappa_3, patches of each. per_token: kappa_4, keypatches of a
    token. limit: hints handed on at most, those first that most patches or tokens asked for.
    """

    per_group: int = 30
    per_patch: int = 1
    pairs: int = 500
    per_pair: int = 4
    per_token: int = 1
    limit: int = 10
    reason: str = ""


@dataclass(frozen=True)
class Keyword:
    """An entity of the train reports with its group, and how many of them have it."""

    text: str
    group: str
    count: int


@dataclass(frozen=True)
class Keypatches:
    """features: (K, d) of unit length; codes: (K, c) int64, of a VQ-GAN, c = 0 without one.

    boxes: (K, 4), where it lay, as shares of the picture. words: the token that each was best for.
    """

    features: Tensor
    codes: Tensor
    boxes: Tensor
    words: tuple[str, ...]


@dataclass(frozen=True)
class Codebooks:
    """Both codebooks of a checkpoint."""

    config: CodebookConfig
    keywords: tuple[Keyword, ...]
    keypatches: Keypatches

    def save(self, folder: Path) -> None:
        """Write codebooks.json and keypatches.safetensors."""
        from safetensors.torch import save_file

        document = {
            "config": dataclasses.asdict(self.config),
            "keywords": [dataclasses.asdict(keyword) for keyword in self.keywords],
            "words": self.keypatches.words,
        }
        (folder / "codebooks.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        patches = self.keypatches
        tensors = {"features": patches.features.half(), "codes": patches.codes, "boxes": patches.boxes.half()}
        save_file(tensors, str(folder / "keypatches.safetensors"))

    @classmethod
    def load(cls, folder: Path) -> "Codebooks":
        """Read what `save` wrote; CodebookError where it is missing or damaged."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            document: Any = json.loads((folder / "codebooks.json").read_text(encoding="utf-8"))
            tensors = load_file(str(folder / "keypatches.safetensors"))
            features, boxes = tensors["features"].float(), tensors["boxes"].float()
            patches = Keypatches(features, tensors["codes"], boxes, tuple(document["words"]))
            keywords = tuple(Keyword(**each) for each in document["keywords"])
            return cls(from_json(CodebookConfig, document["config"]), keywords, patches)
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            raise CodebookError(
                f"The codebooks of {folder.name} are missing or damaged; build them by train.codebooks."
            ) from error


def keyword_matrix(patches: Tensor, words: Tensor, mask: Tensor) -> Tensor:
    """Similarity of each keyword to each patch, (M, P): patches (P, d), words (M, T, d), mask (M, T).

    The paper ranks single tokens; a keyword of several is their mean here, as in eq. 6, so that "left"
    alone does not bring "left pleural effusion".
    """
    cosines = torch.einsum("pd,mtd->mpt", patches, words)
    weights = mask[:, None, :].to(cosines)
    return (cosines * weights).sum(-1) / weights.sum(-1)


def top_keywords(matrix: Tensor, per_patch: int) -> Tensor:
    """(P, kappa_1) rows of the matrix (M, P), each patch's best first."""
    return matrix.topk(min(per_patch, len(matrix)), 0).indices.T


def top_keypatches(words: Tensor, keypatches: Tensor, per_token: int) -> Tensor:
    """(T, kappa_4) keypatches of each token, the best first: words (T, d), keypatches (K, d)."""
    return (words @ keypatches.T).topk(min(per_token, len(keypatches)), 1).indices


def by_votes(chosen: Tensor, similarity: Tensor) -> list[int]:
    """Distinct values of `chosen`, those first that were chosen most often, then the more similar.

    similarity: of each choice, the shape of `chosen`.
    """
    votes: Counter[int] = Counter(chosen.flatten().tolist())
    best: dict[int, float] = {}
    for number, value in zip(chosen.flatten().tolist(), similarity.flatten().tolist(), strict=True):
        best[number] = max(value, best.get(number, -2.0))
    return sorted(votes, key=lambda number: (-votes[number], -best[number], number))

"""Which kappas do best on val (AdaMatch 3.2.1 and 3.2.2; the paper prints none of them)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import torch
from torch import Tensor

from radui.models.adamatch import AdaMatch
from radui.models.codebooks import (
    CodebookConfig,
    Keypatches,
    Keyword,
    by_votes,
    keyword_matrix,
    top_keypatches,
    top_keywords,
)
from radui.processing.entities import Entity, find_entities
from radui.processing.tokens import ReportTokens, encode_term
from train.matching_data import pad
from train.retrieval import Embedded

PER_GROUP = (10, 20, 30, 50)
PER_PATCH = (1, 2, 3)
PAIRS = (100, 300, 1000)
PER_PAIR = (2, 5)
PER_TOKEN = (1, 2, 3)


@torch.inference_mode()
def embed_keywords(
    model: AdaMatch, tokens: ReportTokens, keywords: Sequence[Keyword]
) -> tuple[Tensor, Tensor]:
    """Word features (M, T, d) and mask (M, T) of each keyword by itself."""
    ids, mask = pad([encode_term(tokens, keyword.text) for keyword in keywords])
    return model.text(ids, mask), mask


def hinted(matrix: Tensor, per_patch: int, limit: int) -> list[int]:
    """Keywords of a picture, the most wanted first: matrix (M, P)."""
    chosen = top_keywords(matrix, per_patch)
    return by_votes(chosen, matrix.T.gather(1, chosen))[:limit]


def agreement(chosen: Sequence[set[str]], stated: Sequence[set[str]]) -> float:
    """Mean F1 of hinted keywords and the report's own, over studies."""
    pairs = zip(chosen, stated, strict=True)
    return float(np.mean([2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0 for a, b in pairs]))


def choose_keywords(
    build: Callable[[int], list[Keyword]],
    entities: Sequence[list[Entity]],
    model: AdaMatch,
    tokens: ReportTokens,
    val: Embedded,
) -> tuple[CodebookConfig, str]:
    """kappa_0 and kappa_1 by the F1 of the hints with the entities of the val reports.

    Entities are counted whether or not the codebook has them, else a small one would win by itself. The
    reason names the same figure of the most frequent keywords, given to every study alike.
    """
    base, best, reason = CodebookConfig(), (-1.0, PER_GROUP[0], PER_PATCH[0]), ""
    stated = [{entity_of(each.text) for each in found} for found in entities]
    for per_group in PER_GROUP:
        keywords = build(per_group)
        names = [entity_of(keyword.text) for keyword in keywords]
        words, mask = embed_keywords(model, tokens, keywords)
        matrices = [keyword_matrix(each, words, mask) for each in existing(val)]
        for per_patch in PER_PATCH:
            chosen = [{names[i] for i in hinted(matrix, per_patch, base.limit)} for matrix in matrices]
            score = agreement(chosen, stated)
            print(f"kappa_0 {per_group} kappa_1 {per_patch}: F1 {score:.4f}")
            best = max(best, (score, per_group, per_patch))
        order = sorted(range(len(keywords)), key=lambda i: -keywords[i].count)[: base.limit]
        constant = agreement([{names[i] for i in order}] * len(stated), stated)
        reason = f"; the {base.limit} most frequent keywords for everybody: {constant:.3f}."
    config = replace(base, per_group=best[1], per_patch=best[2])
    return config, f"kappa_0, kappa_1: best F1 with the entities of val reports, {best[0]:.3f}{reason}"


def entity_of(term: str) -> str:
    """The entity that a term is a form of, the term itself where the list of terms has none."""
    found = find_entities(term)
    return found[0].text if len(found) == 1 else term


def existing(data: Embedded) -> list[Tensor]:
    """The patches (P, d) of each study, missing views left out."""
    return [x[mask] for x, mask in zip(data.patches.features, data.patches.mask, strict=True)]


def choose_keypatches(
    build: Callable[[CodebookConfig], Keypatches], config: CodebookConfig, val: Embedded
) -> tuple[CodebookConfig, str]:
    """kappa_2, kappa_3 and kappa_4: the keypatches of a val report shall look like its own radiograph."""
    best = (-1.0, config)
    for pairs, per_pair in product(PAIRS, PER_PAIR):
        sized = replace(config, pairs=pairs, per_pair=per_pair)
        keypatches = build(sized)
        for per_token in PER_TOKEN:
            score = likeness(keypatches.features, val, per_token)
            print(f"kappa_2 {pairs} kappa_3 {per_pair} kappa_4 {per_token}: {score:.4f}")
            best = max(best, (score, replace(sized, per_token=per_token)), key=lambda each: each[0])
    return best[1], (
        f"kappa_2, kappa_3, kappa_4: keypatches of a val report are closer to its own radiograph than to "
        f"{100 * best[0]:.1f} % of the others (chance 50 %)."
    )


def likeness(keypatches: Tensor, val: Embedded, per_token: int) -> float:
    """Mean share of other studies whose patches are less like a report's keypatches than its own study's.

    A study's likeness is the mean over the keypatches of the cosine with its nearest patch.
    """
    features = [x for x in existing(val)]
    owner = torch.cat([torch.full((len(x),), i) for i, x in enumerate(features)])
    nearest = _nearest(keypatches @ torch.cat(features).T, owner, len(features))  # (K, N)
    shares: list[float] = []
    for row, (words, mask) in enumerate(zip(val.words, val.word_mask, strict=True)):
        chosen = top_keypatches(words[mask], keypatches, per_token).unique()
        likely = nearest[chosen].mean(0)
        ties = (likely == likely[row]).sum() - 1
        shares.append(float(((likely < likely[row]).sum() + ties / 2) / (len(likely) - 1)))
    return float(np.mean(shares))


def _nearest(cosines: Tensor, owner: Tensor, studies: int) -> Tensor:
    """(K, patches) to (K, studies): the largest of each study's patches."""
    found = torch.full((len(cosines), studies), -2.0)
    return found.scatter_reduce(1, owner.expand_as(cosines), cosines, "amax")

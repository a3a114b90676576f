"""Build AdaMatch's textual and visual codebooks from the train studies (sections 3.2.1 and 3.2.2).

    python -m train.codebooks --checkpoint runs/adamatch/checkpoint --data DATA --vqgan checkpoints/vqgan

They are written into the checkpoint's folder. The kappas, which the paper does not print, are those that do
best on val; the figures go into the configuration. Without --vqgan keypatches carry no codes. --ner NAME
takes a token classification model of transformers in place of the list of terms (the paper: a biomedical
tagger).
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from radui.models.adamatch import AdaMatch
from radui.models.codebooks import CodebookConfig, Codebooks, Keypatches, Keyword
from radui.models.registry import load
from radui.nn.alignment import align, patch_word_matrix
from radui.processing.entities import GROUPS, Entity, Recogniser, recognise
from radui.processing.tokens import ReportTokens, load_tokens
from train.codebook_choice import choose_keypatches, choose_keywords
from train.corpus import Corpus, load_corpus
from train.cyclic_data import cached_codes
from train.matching_data import CachedFeatures, MatchingStudies, PictureSource, Source
from train.retrieval import Embedded, embed

CODE_POINTS = 2  # codes along a side of a keypatch: few enough to be no picture


def build_keywords(reports: Sequence[str], found: Sequence[list[Entity]], per_group: int) -> list[Keyword]:
    """The per_group entities of each group that most reports have, in the form that they have most often."""
    counts: dict[str, Counter[str]] = {group: Counter() for group in GROUPS}
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for report, entities in zip(reports, found, strict=True):
        for text, group in {(each.text, each.group) for each in entities}:
            counts[group][text] += 1
        for each in entities:
            forms[each.text][" ".join(report[each.start : each.end].lower().split())] += 1
    return [
        Keyword(forms[text].most_common(1)[0][0], group, count)
        for group in GROUPS
        for text, count in sorted(counts[group].items(), key=lambda item: (-item[1], item[0]))[:per_group]
    ]


def tagger(name: str) -> Recogniser:
    """A token classification model by name or folder; its labels are read as the four groups' names."""
    from transformers import pipeline

    tag: Any = pipeline("token-classification", model=name, aggregation_strategy="simple")

    def run(reports: Sequence[str]) -> list[list[Entity]]:
        return [
            [
                Entity(report[each["start"] : each["end"]].lower(), group, each["start"], each["end"])
                for each in found
                if (group := each["entity_group"].lower().replace("_", " ")) in GROUPS
            ]
            for report, found in zip(reports, tag(list(reports)), strict=True)
        ]

    return run


def own_similarities(data: Embedded, rows: int = 32) -> NDArray[np.float32]:
    """(N,) s^T of each study to its own report (eq. 6)."""
    found = []
    for start in range(0, len(data.words), rows):
        part = slice(start, start + rows)
        both = align(
            data.patches.features[part], data.patches.mask[part], data.words[part], data.word_mask[part]
        )
        found.append(both.text.diagonal())
    return torch.cat(found).numpy()


def build_keypatches(
    data: Embedded,
    texts: Sequence[list[str]],
    pictures: Sequence[Sequence[int]],
    codes: Any,
    config: CodebookConfig,
) -> Keypatches:
    """The best patches of the best fitting pairs (kappa_2, kappa_3), a patch once.

    texts: the tokens of each report. pictures: those of each study, rows of codes (pictures, h, w), None
    without a VQ-GAN.
    """
    best = np.argsort(-own_similarities(data), kind="stable")[: config.pairs]
    found: list[tuple[int, int, str]] = []
    for study in best.tolist():
        found += [(study, *each) for each in _best_patches(data, study, texts[study], config.per_pair)]
    # Mixed, so that no run of rows is one patient's picture in parts.
    found = [found[row] for row in np.random.default_rng(0).permutation(len(found))]
    studies = torch.tensor([study for study, *_ in found])
    patches = torch.tensor([patch for _, patch, _ in found])
    boxes = data.patches.boxes[studies, patches]
    views = patches // (data.patches.features.shape[1] // 2)
    each_codes = torch.zeros(len(found), 0, dtype=torch.long)
    if codes is not None:
        rows = [pictures[s][v] for s, v in zip(studies.tolist(), views.tolist(), strict=True)]
        each_codes = codes_under(torch.from_numpy(codes[rows].astype(np.int64)), boxes)
    words = tuple(word for *_, word in found)
    return Keypatches(data.patches.features[studies, patches], each_codes, boxes, words)


def _best_patches(data: Embedded, study: int, words: list[str], count: int) -> list[tuple[int, str]]:
    """Distinct patches of a study by the similarity of the words that they are best for."""
    cosines = patch_word_matrix(data.patches.features[study][None], data.words[study, : len(words)][None])[
        0, 0
    ]
    cosines[~data.patches.mask[study]] = -2
    values, patches = cosines.max(0)
    chosen: dict[int, str] = {}
    for token in values.argsort(descending=True).tolist():
        chosen.setdefault(int(patches[token]), words[token])
    return list(chosen.items())[:count]


def codes_under(codes: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """(K, 4) codes at two by two places of each box: codes (K, h, w), boxes (K, 4) as shares."""
    rows, columns = codes.shape[1:]
    steps = (torch.arange(CODE_POINTS) + 0.5) / CODE_POINTS
    size = boxes[:, 2:] - boxes[:, :2]
    x, y = ((boxes[:, i, None] + size[:, i, None] * steps).clamp(0, 1 - 1e-6) for i in (0, 1))
    across, down = (x * columns).long(), (y * rows).long()
    picked = codes[torch.arange(len(codes))[:, None, None], down[:, :, None], across[:, None, :]]
    return picked.flatten(1)


def build(
    model: AdaMatch, corpus: Corpus, source: Source, tokens: ReportTokens, codes: Any, find: Recogniser
) -> Codebooks:
    """Both codebooks, with the kappas that do best on val."""
    train, val = (
        MatchingStudies(corpus, source, split, tokens, 0, training=False) for split in ("train", "val")
    )
    embedded = [embed(model, each, torch.device("cpu")) for each in (train, val)]
    entities = find(train.reports)
    config, reason = choose_keywords(
        lambda per_group: build_keywords(train.reports, entities, per_group),
        find(val.reports),
        model,
        tokens,
        embedded[1],
    )
    pictures = [corpus.index[position] for position in train.positions]
    texts = [tokens.texts(ids) for ids in train.tokens]
    config, other = choose_keypatches(
        lambda chosen: build_keypatches(embedded[0], texts, pictures, None, chosen), config, embedded[1]
    )
    config = replace(config, reason=f"{reason} {other}")
    keywords = build_keywords(train.reports, entities, config.per_group)
    return Codebooks(config, tuple(keywords), build_keypatches(embedded[0], texts, pictures, codes, config))


def feature_source(model: AdaMatch, corpus: Corpus, cache: Path) -> Source:
    """Plain features from the cache, or pictures for a model that reads those."""
    if model.config.backbone is None:
        return PictureSource(corpus, model.config.preprocessing)
    return CachedFeatures(model, corpus, 1, cache)


def main() -> None:
    """Parse the options, build, save, print what was chosen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vqgan", type=Path, help="checkpoint folder of the VQ-GAN")
    parser.add_argument("--ner", help="a token classification model by name or folder")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options = parser.parse_args()
    corpus = load_corpus(options.data, options.cache)
    model: Any = load(options.checkpoint).model
    codes = None
    if options.vqgan:
        vqgan: Any = load(options.vqgan).model
        codes = cached_codes(vqgan, corpus.pictures, 1, options.cache)[0]
    source, tokens = feature_source(model, corpus, options.cache), load_tokens(options.checkpoint)
    found = build(model, corpus, source, tokens, codes, tagger(options.ner) if options.ner else recognise)
    found.save(options.checkpoint)
    print(f"{len(found.keywords)} keywords, {len(found.keypatches.words)} keypatches")
    print(found.config)


if __name__ == "__main__":
    main()

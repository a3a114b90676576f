"""A small AdaMatch, and studies whose pictures show what their reports say."""

from pathlib import Path

import numpy as np
import torch

from radui.models.adamatch import AdaMatch, AdaMatchConfig
from radui.nn.pvt import StageConfig
from radui.nn.text_encoder import TextConfig
from radui.processing.tokens import WordTokens
from radui.processing.vocabulary import Vocabulary
from radui.records import Preprocessing
from train.corpus import Corpus
from train.data.study import StudyRow

SIDE = 32
TERMS = ("heart", "effusion", "nodule", "opacity", "granuloma", "scarring")
"""Term k is a bright square at place k of a 2 x 3 grid."""


def report(terms):
    return " ".join(f"There is {TERMS[k]}." for k in terms) or "Clear."


def picture(terms, random):
    values = random.integers(0, 30, (SIDE, SIDE)).astype(np.uint8)
    for k in terms:
        y, x = divmod(k, 3)
        values[16 * y + 3 : 16 * y + 12, 10 * x + 2 : 10 * x + 10] += 200
    return values


def make_corpus(studies=24):
    """Two pictures a study, but one for each sixth; of ten the last two are val and test."""
    random = np.random.default_rng(0)
    rows, pictures, index = [], [], []
    for number in range(studies):
        terms = sorted(random.choice(6, number % 4, replace=False).tolist())
        views = 1 if number % 6 == 5 else 2
        index.append(tuple(range(len(pictures), len(pictures) + views)))
        pictures += [picture(terms, random) for _ in range(views)]
        split = {8: "val", 9: "test"}.get(number % 10, "train")
        rows.append(StudyRow(str(number), split, (Path("0.png"),) * views, report(terms)))
    return Corpus(rows, np.stack(pictures), index, np.zeros((studies, 14), np.int64))


def make_tokens(corpus):
    return WordTokens(Vocabulary.build((row.report for row in corpus.rows), threshold=1), 20)


def make_model(tokens, **settings):
    torch.manual_seed(0)
    stages = (StageConfig(8, 16, heads=2), StageConfig(4, 16, heads=2), StageConfig(2, 24, heads=2))
    text = TextConfig("words", len(tokens.vocabulary), 16, 1, 2, 32, 24)
    usual = {"backbone": None, "preprocessing": Preprocessing(size=SIDE), "stages": stages, "width": 16}
    return AdaMatch(AdaMatchConfig(**usual | {"text": text, "match_stage": 2, "dropout": 0.0} | settings))

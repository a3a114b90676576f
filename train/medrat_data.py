"""What MedRAT learns from: one data set in two halves, or images of CheXpert and reports of MIMIC-CXR."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from radui.processing.vocabulary import Vocabulary
from train.corpus import Corpus, corpus_of, load_corpus, positive, report_states
from train.data.chexpert import read_chexpert
from train.data.mimic_cxr import read_mimic_cxr
from train.features import Grids
from train.metrics.protocol import MAX_LENGTH
from train.report_data import Conditions, ReportStudies, error_rates, predicted_labels
from train.unpaired import ImageSide, ReportSide, UnpairedStudies, assign

GridsOf = Callable[[Corpus, int], list[Grids]]
"""(corpus, versions) -> its patch features, the plain version and so many warped ones."""


@dataclass(frozen=True)
class Sources:
    """Train and val data before any feature is computed.

    pictured: positions in `images` of the studies that give an image. texts: the reports.
    known: the reports of those pictured studies that are paired, by position.
    val: a corpus with val studies, pictures and reports; max_length: of a report, in ids.
    """

    images: Corpus
    pictured: tuple[int, ...]
    texts: list[str]
    known: dict[int, str]
    val: Corpus
    vocabulary: Vocabulary
    max_length: int
    description: str


def read_sources(options: argparse.Namespace) -> Sources:
    """The data set that the options of train.medrat name."""
    if options.chexpert is not None:
        return _two_sets(options)
    corpus = load_corpus(options.data, options.out.parent / "cache")
    return two_halves(corpus, options.pairing, options.seed)


def two_halves(corpus: Corpus, pairing: float, seed: int) -> Sources:
    """Images of one half of a data set's train studies, reports of the other, `pairing` % giving both."""
    dealt = assign(corpus.where("train"), pairing / 100, seed)
    return Sources(
        images=corpus,
        pictured=dealt.images,
        texts=[corpus.rows[p].report for p in dealt.reports],
        known={p: corpus.rows[p].report for p in dealt.pairs},
        val=corpus,
        # The protocol's word list, which the references are scored with, counts all train reports.
        vocabulary=Vocabulary.build(corpus.rows[p].report for p in corpus.where("train")),
        max_length=MAX_LENGTH,
        description=(
            f"IU X-Ray, R2Gen split, train: images of {len(dealt.images)} studies, reports of "
            f"{len(dealt.reports)}, {len(dealt.pairs)} of them the same"
        ),
    )


def _two_sets(options: argparse.Namespace) -> Sources:
    """The paper's setting (section 4): nothing is paired but MIMIC-CXR's val studies, which select."""
    cache = options.out.parent / "cache"
    pictured = [row for row in read_chexpert(options.chexpert) if row.split == "train"]
    told = [row for row in read_mimic_cxr(options.data, options.reports or options.data) if row.report]
    texts = [row.report for row in told if row.split == "train"]
    return Sources(
        images=corpus_of(pictured, cache / "chexpert"),
        pictured=tuple(range(len(pictured))),
        texts=texts,
        known={},
        val=corpus_of([row for row in told if row.split == "val"], cache / "mimic"),
        vocabulary=Vocabulary.build(texts, threshold=10),
        max_length=100,
        description=f"images of {len(pictured)} CheXpert studies, {len(texts)} reports of MIMIC-CXR",
    )


def train_studies(
    sources: Sources, grids_of: GridsOf, versions: int, seed: int, match_share: float = 0.0
) -> UnpairedStudies:
    """Images and reports, each with the observations of its own study (radui.processing.labeler)."""
    images = image_side(sources, grids_of(sources.images, versions))
    stop = sources.vocabulary.encode(".")[1]
    return UnpairedStudies(images, report_side(sources), stop, seed, match_share=match_share)


def image_side(sources: Sources, grids: list[Grids]) -> ImageSide:
    """The studies that give an image; grids: patch features of all of `sources.images`."""
    encode, length = sources.vocabulary.encode, sources.max_length
    known = {p: encode(report, length) for p, report in sources.known.items()}
    return ImageSide(
        [sources.images.index[p] for p in sources.pictured],
        grids,
        positive(sources.images.states)[list(sources.pictured)],
        [known.get(p, []) for p in sources.pictured],
    )


def report_side(sources: Sources) -> ReportSide:
    """The reports, with what each states."""
    tokens = [sources.vocabulary.encode(report, sources.max_length) for report in sources.texts]
    return ReportSide(tokens, positive(report_states(sources.texts)))


def val_studies(sources: Sources, grids_of: GridsOf, classifier: Path, cache: Path) -> ReportStudies:
    """Val studies with the observations that the classifier would give in the app."""
    corpus = sources.val
    predicted, stated = predicted_labels(classifier, corpus, cache), positive(corpus.states)
    held_out = corpus.where("val")
    conditions = Conditions(stated, predicted, error_rates(stated[held_out], predicted[held_out]), 0.0, 0)
    return ReportStudies(corpus, grids_of(corpus, 0), "val", sources.vocabulary, conditions)

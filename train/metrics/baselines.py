"""Systems that see no picture, or only the nearest one: what a score must be read against."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from train.metrics.overlap import BLEU_ORDERS, bleu_from_sums
from train.metrics.records import Array

SHORTLIST = 500
Ngram = tuple[str, ...]


def best_constant(train: Sequence[str], val: Sequence[str], shortlist: int | None = SHORTLIST) -> str:
    """The train report that has the highest BLEU-4 on val when it is given to every study.

    train, val: tokenised by `protocol_references`.
    shortlist: candidates are the so many most frequent distinct train reports, ties in order of
    first appearance; None takes all of them. On IU X-Ray the shortlist gives BLEU-1 .435, BLEU-4
    .155, ROUGE-L .351, CIDEr .128 on test, the figures that are quoted for this baseline (any
    length from 279 to 1,218 finds the same report). All 1,726 distinct train reports hold a much
    stronger constant: .500, .172, .363, .285.
    """
    candidates = [text for text, _ in Counter(train).most_common(shortlist)]
    return candidates[int(constant_bleu(candidates, val)[:, BLEU_ORDERS - 1].argmax())]


def constant_bleu(candidates: Sequence[str], references: Sequence[str]) -> Array:
    """Corpus BLEU-1..4 of each candidate given to every reference: (candidates, 4).

    Equals scoring them one by one; n-grams of the references are counted once for all candidates.
    """
    reach = _reach(references)
    words = sum(len(reference.split()) for reference in references)
    rows = [_constant_sums(candidate, reach, len(references), words) for candidate in candidates]
    return bleu_from_sums(np.array(rows, dtype=np.float64))


def _ngrams(text: str) -> Counter[Ngram]:
    words = text.split()
    return Counter(
        tuple(words[start : start + n])
        for n in range(1, BLEU_ORDERS + 1)
        for start in range(len(words) - n + 1)
    )


def _reach(references: Sequence[str]) -> Counter[tuple[Ngram, int]]:
    """In how many references an n-gram stands at least j times, so that clipped matches are sums of these."""
    return Counter(
        (ngram, times)
        for reference in references
        for ngram, count in _ngrams(reference).items()
        for times in range(1, count + 1)
    )


def _constant_sums(
    candidate: str, reach: Counter[tuple[Ngram, int]], studies: int, reference_words: int
) -> list[int]:
    matches = [0] * BLEU_ORDERS
    for ngram, count in _ngrams(candidate).items():
        matches[len(ngram) - 1] += sum(reach[ngram, times] for times in range(1, count + 1))
    length = len(candidate.split())
    guesses = [studies * max(0, length - n) for n in range(BLEU_ORDERS)]
    return [*matches, *guesses, studies * length, reference_words]


def random_reports(train: Sequence[str], studies: int, seed: int = 0) -> list[str]:
    """A train report drawn for each study, with repetition."""
    draws = np.random.default_rng(seed).integers(len(train), size=studies)
    return [train[draw] for draw in draws]


def nearest_reports(
    train: Sequence[str],
    train_features: NDArray[np.floating],
    features: NDArray[np.floating],
) -> list[str]:
    """For each study the report of the train study with the most similar picture (cosine).

    train_features: (train studies, d); features: (studies, d); a row of zeros is similar to nothing.
    Errors: ValueError where reports and features do not pair up.
    """
    if len(train) != len(train_features) or train_features.shape[1:] != features.shape[1:]:
        raise ValueError(
            f"{len(train)} train reports do not pair up with features "
            f"of shapes {train_features.shape} and {features.shape}."
        )
    similarity = _unit(features) @ _unit(train_features).T
    return [train[nearest] for nearest in similarity.argmax(axis=1)]


def matching_reports(
    reports: Sequence[str],
    labels: NDArray[np.floating],
    probabilities: NDArray[np.floating],
    seed: int = 0,
) -> list[str]:
    """For each study a report whose observations are the likeliest, from reports that have no picture.

    labels: (reports, n) 0 or 1, what each states; probabilities: (studies, n) of what the pictures show.
    Nearest by squared distance; among equally near reports one is drawn.
    Errors: ValueError where reports and labels do not pair up.
    """
    if len(reports) != len(labels) or labels.shape[1:] != probabilities.shape[1:]:
        raise ValueError(
            f"{len(reports)} reports do not pair up with labels and probabilities "
            f"of shapes {labels.shape} and {probabilities.shape}."
        )
    random = np.random.default_rng(seed)
    chosen = []
    for study in np.asarray(probabilities, np.float64):
        distances = np.square(labels - study).sum(axis=1)
        chosen.append(int(random.choice(np.flatnonzero(np.isclose(distances, distances.min())))))
    return [reports[place] for place in chosen]


def _unit(features: NDArray[np.floating]) -> Array:
    rows = np.asarray(features, dtype=np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)

"""Rewards of single reports for self-critical training: CIDEr-D, smoothed BLEU-4, stated observations.

The corpus scores come from libraries (train.metrics). A reward needs document frequencies of the train
reports and thousands of calls an epoch, which pycocoevalcap's scorer cannot give: it takes frequencies
from the very references that it scores.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from radui.observations import NO_FINDING, State
from radui.processing.labeler import label

Ngrams = Counter[tuple[str, ...]]
ORDER = 4
SIGMA = 6.0  # of CIDEr-D's length penalty, in words


@dataclass(frozen=True)
class Reference:
    """A reference report, counted once: n-grams, tf-idf norms by order, length in words."""

    counts: Ngrams
    norms: tuple[float, ...]
    length: int


def ngrams(words: Sequence[str]) -> Ngrams:
    """Counts of all 1- to 4-grams."""
    return Counter(tuple(words[i : i + n]) for n in range(1, ORDER + 1) for i in range(len(words) - n + 1))


class Cider:
    """CIDEr-D (Vedantam et al. 2015) with document frequencies of a fixed set of reports."""

    def __init__(self, reports: Sequence[Sequence[str]]) -> None:
        frequency: Ngrams = Counter()
        for report in reports:
            frequency.update(set(ngrams(report)))
        self.log_size = math.log(max(2, len(reports)))
        self.idf = {gram: self.log_size - math.log(count) for gram, count in frequency.items()}

    def reference(self, words: Sequence[str]) -> Reference:
        """Count a reference once, for all samples that it will judge."""
        counts = ngrams(words)
        return Reference(counts, self._norms(counts), len(words))

    def score(self, words: Sequence[str], reference: Reference) -> float:
        """CIDEr-D of one report, 0 to 10."""
        counts = ngrams(words)
        products = [0.0] * ORDER
        for gram, count in counts.items():
            if known := reference.counts.get(gram):
                weight = self.idf.get(gram, self.log_size) ** 2
                products[len(gram) - 1] += min(count, known) * known * weight
        cosines = (
            product / (a * b) if a * b else 0.0
            for product, a, b in zip(products, self._norms(counts), reference.norms, strict=True)
        )
        penalty = math.exp(-((len(words) - reference.length) ** 2) / (2 * SIGMA**2))
        return 10 * penalty * sum(cosines) / ORDER

    def _norms(self, counts: Ngrams) -> tuple[float, ...]:
        squares = [0.0] * ORDER
        for gram, count in counts.items():
            squares[len(gram) - 1] += (count * self.idf.get(gram, self.log_size)) ** 2
        return tuple(math.sqrt(square) for square in squares)


def bleu4(words: Sequence[str], reference: Reference) -> float:
    """Sentence BLEU-4 with one added to each order above the first (Lin and Och 2004), 0 to 1."""
    if not words:
        return 0.0
    matches, totals = [0] * ORDER, [0] * ORDER
    for gram, count in ngrams(words).items():
        totals[len(gram) - 1] += count
        matches[len(gram) - 1] += min(count, reference.counts.get(gram, 0))
    if not matches[0]:
        return 0.0
    logs = [math.log(matches[0] / totals[0])]
    logs += [math.log((matches[n] + 1) / (totals[n] + 1)) for n in range(1, ORDER)]
    return math.exp(sum(logs) / ORDER + min(0.0, 1 - reference.length / len(words)))


@lru_cache(maxsize=65536)
def stated(report: str) -> frozenset[str]:
    """Observations that a report states as present or uncertain, by the rule labeler; none: normal."""
    present = (State.POSITIVE, State.UNCERTAIN)
    return frozenset(name for name, state in label(report).items() if state in present and name != NO_FINDING)


def clinical_f1(found: frozenset[str], truth: frozenset[str], normal: float = 1.0) -> float:
    """2 hits / (found + truth) of one report, `normal` where both are empty.

    A finding pays as soon as it is likelier than normal / (1 + normal). With 1 that is one half, and a
    model that is rarely so sure learns to tell none; F1 over a corpus is best at half of the F1 that is
    reached (Lipton et al. 2014).
    """
    total = len(found) + len(truth)
    return 2 * len(found & truth) / total if total else normal

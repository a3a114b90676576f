"""Word overlap between hypothesis and reference, by the scorers of pycocoevalcap, on whitespace tokens."""

from collections import Counter

import numpy as np
from pycocoevalcap.bleu.bleu_scorer import BleuScorer
from pycocoevalcap.cider.cider_scorer import CiderScorer
from pycocoevalcap.rouge.rouge import Rouge

from train.metrics.records import Array, Cases, Metric, Tally, mean_tally

BLEU_ORDERS = 4
BLEU_NAMES = tuple(f"BLEU-{n}" for n in range(1, BLEU_ORDERS + 1))

# The constants with which pycocoevalcap keeps 0 / 0 at 0; kept so that values agree to the last digit.
_TINY, _SMALL = 1e-15, 1e-9


def bleu_from_sums(sums: Array) -> Array:
    """Corpus BLEU-1..4 of summed counts.

    sums: (n, 10) matches of 1..4-grams, hypothesis 1..4-grams, hypothesis words, reference words.
    Result: (n, 4).
    """
    matches, guesses = sums[:, :BLEU_ORDERS], sums[:, BLEU_ORDERS : 2 * BLEU_ORDERS]
    precisions = (matches + _TINY) / (guesses + _SMALL)
    means = np.exp(np.cumsum(np.log(precisions), axis=1) / np.arange(1, BLEU_ORDERS + 1))
    ratio = (sums[:, -2] + _TINY) / (sums[:, -1] + _SMALL)
    brevity = np.where(ratio < 1, np.exp(np.minimum(0.0, 1 - 1 / ratio)), 1.0)
    return means * brevity[:, None]


def _bleu(cases: Cases) -> Tally:
    """pycocoevalcap BleuScorer: corpus level, closest reference length, one reference (R2Gen protocol)."""
    scorer = BleuScorer(n=BLEU_ORDERS)
    for hypothesis, reference in zip(cases.hypotheses, cases.references, strict=True):
        scorer += (hypothesis, [reference])
    rows = [[*c["correct"], *c["guess"], c["testlen"], c["reflen"][0]] for c in scorer.ctest]
    return Tally(BLEU_NAMES, np.array(rows, dtype=np.float64), bleu_from_sums)


def _rouge_l(cases: Cases) -> Tally:
    """pycocoevalcap Rouge: ROUGE-L F with beta 1.2, mean over studies (R2Gen protocol)."""
    scorer = Rouge()
    pairs = zip(cases.hypotheses, cases.references, strict=True)
    return mean_tally("ROUGE-L", np.array([scorer.calc_score([h], [r]) for h, r in pairs]))


def _cider(cases: Cases) -> Tally:
    """pycocoevalcap CiderScorer: CIDEr-D, document frequencies from the references scored here, x 10.

    Intervals resample the studies' scores; the document frequencies stay those of the whole set.
    """
    scorer = CiderScorer()
    for hypothesis, reference in zip(cases.hypotheses, cases.references, strict=True):
        scorer += (hypothesis, [reference])
    return mean_tally("CIDEr", np.asarray(scorer.compute_score()[1]))


def _distinct(cases: Cases) -> Tally:
    """Number of distinct hypotheses; no interval, since a resample repeats studies and so reports."""
    counts = Counter(cases.hypotheses)
    shares = np.array([[1 / counts[hypothesis]] for hypothesis in cases.hypotheses])
    return Tally(("distinct reports",), shares, lambda sums: sums, resampled=False)


def _length(cases: Cases) -> Tally:
    """Mean number of whitespace tokens of a hypothesis, full stops included."""
    return mean_tally("mean length", np.array([len(h.split()) for h in cases.hypotheses], dtype=np.float64))


BLEU = Metric(BLEU_NAMES, _bleu)
ROUGE_L = Metric(("ROUGE-L",), _rouge_l)
CIDER = Metric(("CIDEr",), _cider)
DISTINCT = Metric(("distinct reports",), _distinct)
LENGTH = Metric(("mean length",), _length)
OVERLAP: tuple[Metric, ...] = (BLEU, ROUGE_L, CIDER)
"""Cheap enough for every epoch: about a second for 590 studies."""

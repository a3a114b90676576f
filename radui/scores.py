"""Scores of one report against one reference, for the page; `train.metrics` scores whole test sets."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log, sqrt
from pathlib import Path

from radui.observations import NO_FINDING, OBSERVATIONS, State
from radui.processing.labeler import label
from radui.processing.reports import clean

BLEU_ORDERS = 4
CIDER_ORDERS = 4
CIDER_SIGMA = 6.0  # of the length penalty, in bigrams
ROUGE_BETA = 1.2  # recall counts beta squared times as much as precision, as in the captioning scorers
_PRESENT = (State.POSITIVE, State.UNCERTAIN)


@dataclass(frozen=True)
class ReportScores:
    """How a report compares with a reference; all scores in [0, 1].

    bleu: BLEU-1..4 of this one report; rouge_l: F of the longest common subsequence, beta 1.2.
    found, missing, added: observations that both state as present or uncertain, the reference alone, the
    report alone. f1 is None where neither states any. cider: CIDEr-D in [0, 10], None without a corpus.
    """

    bleu: tuple[float, float, float, float]
    rouge_l: float
    found: tuple[str, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    cider: float | None = None

    @property
    def f1(self) -> float | None:
        """F1 of the stated observations."""
        wrong = len(self.missing) + len(self.added)
        return 2 * len(self.found) / (2 * len(self.found) + wrong) if self.found or wrong else None


@dataclass(frozen=True)
class Agreement:
    """How a report that was read back stands to the report that was wanted, by the rule labeler.

    agree: observations that the wanted report states and the other states alike, present and uncertain
    counted as one. contradict: it states the opposite. missing: it does not mention them. added: it states
    them as present where the wanted report does not mention them.
    """

    agree: tuple[str, ...]
    contradict: tuple[str, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]

    @property
    def stated(self) -> int:
        """How many observations the wanted report states."""
        return len(self.agree) + len(self.contradict) + len(self.missing)


def agreement(wanted: str, read: str) -> Agreement:
    """Compare what two reports state; "No Finding" is left out, since it follows from the others."""
    asked, said = label(wanted), label(read)
    kinds: dict[str, list[str]] = {"agree": [], "contradict": [], "missing": [], "added": []}
    for name in OBSERVATIONS:
        if name != NO_FINDING and (kind := _stands(asked[name], said[name])):
            kinds[kind].append(name)
    return Agreement(**{kind: tuple(names) for kind, names in kinds.items()})


def _stands(asked: State, said: State) -> str:
    if asked is State.UNMENTIONED:
        return "added" if said in _PRESENT else ""
    if said is State.UNMENTIONED:
        return "missing"
    return "agree" if (asked in _PRESENT) == (said in _PRESENT) else "contradict"


class CorpusError(ValueError):
    """A file of reports that cannot be used; str() is one sentence."""


class Corpus:
    """In how many reports of a set each n-gram stands: what CIDEr weighs words by.

    None ships: n-grams of up to four words, each with its count, hand on the reports that they were counted
    in, and IU X-Ray's licence (CC BY-NC-ND) allows no such derivative. It is counted where the reports are.
    """

    def __init__(self, name: str, reports: Iterable[str]) -> None:
        cleaned = [" ".join(clean(report).split()) for report in reports]
        self.name, self.size = name, len(cleaned)
        self.holding = Counter(gram for report in cleaned for gram in _grams(report.split()))

    def weights(self, words: list[str]) -> list[dict[tuple[str, ...], float]]:
        """Return the tf-idf of the n-grams of a text, a table an order."""
        tables: list[dict[tuple[str, ...], float]] = [{} for _ in range(CIDER_ORDERS)]
        for gram, count in _grams(words).items():
            tables[len(gram) - 1][gram] = count * (log(self.size) - log(max(1, self.holding[gram])))
        return tables


def read_corpus(path: Path) -> Corpus:
    """Count the reports of a file: the train split of R2Gen's annotation.json, or a text, a report a line.

    CorpusError where it cannot be read or holds fewer than two reports.
    """
    try:
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        reports = (
            [str(each["report"]) for each in json.loads(text)["train"]] if path.suffix == ".json" else lines
        )
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CorpusError(f"The reports in {path} cannot be read ({type(error).__name__}).") from error
    found = [report for report in reports if report.strip()]
    if len(found) < 2:
        raise CorpusError(f"{path} holds {len(found)} reports; CIDEr needs a set of them.")
    return Corpus(path.name, found)


def score_report(report: str, reference: str, corpus: Corpus | None = None) -> ReportScores:
    """Score a report against a reference, both cleaned as the R2Gen protocol does, neither cut.

    CIDEr is left out without a corpus: it weighs words by their rarity in a set, and one reference is none.
    Labels come from the rule labeler; "No Finding" is left out, since it follows from the others.
    """
    hypothesis, target = (" ".join(clean(text).split()) for text in (report, reference))
    said, wanted = _present(report), _present(reference)
    return ReportScores(
        bleu(hypothesis, target),
        rouge_l(hypothesis.split(), target.split()),
        tuple(name for name in OBSERVATIONS if name in said & wanted),
        tuple(name for name in OBSERVATIONS if name in wanted - said),
        tuple(name for name in OBSERVATIONS if name in said - wanted),
        cider_d(hypothesis.split(), target.split(), corpus) if corpus else None,
    )


def bleu(hypothesis: str, reference: str) -> tuple[float, float, float, float]:
    """Return BLEU-1..4 of one pair of cleaned texts, split at blanks, unsmoothed, in [0, 1]."""
    from sacrebleu.metrics import BLEU

    one, two, three, four = (
        BLEU(max_ngram_order=order, tokenize="none", smooth_method="none")
        .corpus_score([hypothesis], [[reference]])
        .score
        / 100
        for order in range(1, BLEU_ORDERS + 1)
    )
    return one, two, three, four


def cider_d(hypothesis: list[str], reference: list[str], corpus: Corpus) -> float:
    """Return CIDEr-D of two lists of words (Vedantam et al. 2015), in [0, 10]."""
    pairs = zip(corpus.weights(hypothesis), corpus.weights(reference), strict=True)
    similarity = sum(_clipped_cosine(said, wanted) for said, wanted in pairs) / CIDER_ORDERS
    # The published scorer counts the length in bigrams.
    apart = max(0, len(hypothesis) - 1) - max(0, len(reference) - 1)
    return 10 * similarity * exp(-(apart**2) / (2 * CIDER_SIGMA**2))


def _clipped_cosine(said: dict[tuple[str, ...], float], wanted: dict[tuple[str, ...], float]) -> float:
    norms = sqrt(sum(x**2 for x in said.values()) * sum(x**2 for x in wanted.values()))
    common = sum(min(x, wanted.get(gram, 0.0)) * wanted.get(gram, 0.0) for gram, x in said.items())
    return common / norms if norms else common


def _grams(words: list[str]) -> Counter[tuple[str, ...]]:
    orders = range(1, CIDER_ORDERS + 1)
    return Counter(tuple(words[i : i + n]) for n in orders for i in range(len(words) - n + 1))


def rouge_l(hypothesis: list[str], reference: list[str]) -> float:
    """Return ROUGE-L's F of two lists of words (Lin 2004), in [0, 1]."""
    common = _common_subsequence(hypothesis, reference)
    if not common:
        return 0.0
    precision, recall = common / len(hypothesis), common / len(reference)
    return (1 + ROUGE_BETA**2) * precision * recall / (recall + ROUGE_BETA**2 * precision)


def _common_subsequence(one: list[str], other: list[str]) -> int:
    """Length of the longest common subsequence, by the row of the dynamic programme."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for index, wanted in enumerate(other, 1):
            above = row[index]
            row[index] = before + 1 if word == wanted else max(above, row[index - 1])
            before = above
    return row[-1]


def _present(report: str) -> set[str]:
    return {name for name, state in label(report).items() if state in _PRESENT} - {NO_FINDING}

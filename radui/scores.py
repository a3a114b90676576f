"""Scores of one report against one reference, for the page; `train.metrics` scores whole test sets."""

from dataclasses import dataclass

from radui.observations import NO_FINDING, OBSERVATIONS, State
from radui.processing.labeler import label
from radui.processing.reports import clean

BLEU_ORDERS = 4
ROUGE_BETA = 1.2  # recall counts beta squared times as much as precision, as in the captioning scorers
_PRESENT = (State.POSITIVE, State.UNCERTAIN)


@dataclass(frozen=True)
class ReportScores:
    """How a report compares with a reference; all scores in [0, 1].

    bleu: BLEU-1..4 of this one report; rouge_l: F of the longest common subsequence, beta 1.2.
    found, missing, added: observations that both state as present or uncertain, the reference alone, the
    report alone. f1 is None where neither states any.
    """

    bleu: tuple[float, float, float, float]
    rouge_l: float
    found: tuple[str, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]

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


def score_report(report: str, reference: str) -> ReportScores:
    """Score a report against a reference, both cleaned as the R2Gen protocol does, neither cut.

    CIDEr is left out: it weighs words by their rarity in a set of references, and one reference is none.
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

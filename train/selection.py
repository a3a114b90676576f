"""The score on val by which the report generators keep their best epoch."""

from collections.abc import Sequence

from train.metrics.scoring import score_reports

# Weights that bring three kinds of score to one scale: BLEU alone would choose an epoch that writes one
# report for everybody, CIDEr rewards rare words, and the clinical score says whether they are true.
SELECTED = {"BLEU-4": 5.0, "CIDEr": 2.0, "CE-14 macro F1": 3.0}


def selection_scores(
    reports: Sequence[str], references: Sequence[str], written: Sequence[str]
) -> dict[str, float]:
    """The mix as "score", its parts, and the number of distinct reports.

    reports: generated; references: tokenised by the protocol; written: the radiologists' reports.
    """
    scores = score_reports(reports, references, written, resamples=0)
    picked = {name: scores.value(name) or 0.0 for name in SELECTED}
    mix = sum(weight * picked[name] for name, weight in SELECTED.items()) / len(SELECTED)
    return {"score": mix, **picked, "distinct": float(len(set(reports)))}

"""AUC, F1 and calibration of the observation classifier, with 95 % intervals by study.

    python -m train.observation_scores --checkpoint checkpoints/observation_classifier --data DATA

Truth is the rule labeler on the findings, which the classifier was trained on, or with `--truth silver`
the data set's own labels (on IU X-Ray made from the impression). Uncertain counts as positive.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radui.models.registry import read_config
from radui.observations import OBSERVATIONS, State
from radui.records import FloatArray
from train.corpus import truth
from train.data.iu_xray import read_iu_xray
from train.generate import observation_probabilities
from train.metrics.bootstrap import resample_weights
from train.metrics.table import align

RESAMPLES = 500
Labels = NDArray[np.bool_]


def auc(scores: FloatArray, labels: Labels, weights: NDArray[np.float64] | None = None) -> float:
    """Area under the ROC curve, NaN where one kind is missing from the (re)sample."""
    from sklearn.metrics import roc_auc_score

    used = np.ones(len(labels)) if weights is None else weights
    if not labels[used > 0].any() or labels[used > 0].all():
        return float("nan")
    return float(roc_auc_score(labels, scores, sample_weight=used))


def f1(predicted: Labels, labels: Labels, weights: NDArray[np.float64] | None = None) -> float:
    """2 TP / (2 TP + FP + FN), 0 where nothing is predicted or present."""
    used = np.ones(len(labels)) if weights is None else weights
    hits = 2 * (used * (predicted & labels)).sum()
    total = (used * (predicted.astype(float) + labels)).sum()
    return float(hits / total) if total else 0.0


def calibration_error(probabilities: FloatArray, labels: Labels, bins: int = 10) -> float:
    """Expected calibration error over all observations, equal-width bins, in [0, 1]."""
    p, y = probabilities.ravel(), labels.ravel()
    place = np.minimum((p * bins).astype(int), bins - 1)
    gaps = [abs(p[place == b].mean() - y[place == b].mean()) * (place == b).mean() for b in np.unique(place)]
    return float(np.sum(gaps))


def observation_table(scores: FloatArray, labels: Labels, thresholds: Sequence[float]) -> str:
    """A line an observation: positives, AUC and F1 with intervals; then means over observations."""
    weights = resample_weights(len(labels), RESAMPLES)
    lines, areas = [], []
    for k, name in enumerate(OBSERVATIONS):
        predicted = scores[:, k] >= thresholds[k]
        areas.append(auc(scores[:, k], labels[:, k]))
        drawn = [auc(scores[:, k], labels[:, k], w) for w in weights]
        f1_drawn = [f1(predicted, labels[:, k], w) for w in weights]
        value = f1(predicted, labels[:, k])
        lines.append((name, str(labels[:, k].sum()), _interval(areas[-1], drawn), _interval(value, f1_drawn)))
    lines.append(("mean", "", f"{np.nanmean(areas):.3f}", ""))
    return align(("observation", "n", "AUC", "F1"), lines)


def _interval(value: float, drawn: Sequence[float]) -> str:
    if np.isnan(value):
        return "no positives"
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Parse the options, predict, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/observation_classifier"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="test", choices=("train", "val", "test"))
    parser.add_argument("--truth", default="findings", choices=("findings", "silver"))
    options = parser.parse_args()
    rows = [row for row in read_iu_xray(options.data) if row.split == options.split]
    probabilities = observation_probabilities(options.checkpoint, rows)
    scores = probabilities[..., State.POSITIVE] + probabilities[..., State.UNCERTAIN]
    labels = truth(rows, options.truth)
    thresholds = read_config(options.checkpoint)["config"]["thresholds"]
    print(f"{len(rows)} {options.split} studies, labels of the {options.truth}")
    print(observation_table(scores, labels, thresholds))
    print(f"expected calibration error {calibration_error(scores, labels):.3f}")


if __name__ == "__main__":
    main()

"""Score reports: run metrics, keep going where one is unavailable, add intervals."""

from collections.abc import Iterable, Sequence

from train.metrics.bootstrap import RESAMPLES, SEED, resample_weights, score_tally
from train.metrics.clinical import Policy, clinical_metric, support_metric
from train.metrics.overlap import DISTINCT, LENGTH, OVERLAP
from train.metrics.records import (
    Array,
    Cases,
    Metric,
    MetricUnavailableError,
    Score,
    Scores,
    Unavailable,
)


def quick_metrics(policy: Policy = "positive only") -> tuple[Metric, ...]:
    """What needs no Java and no weights: overlap, clinical efficacy, distinct reports, length."""
    return (*OVERLAP, clinical_metric(policy), support_metric(policy), DISTINCT, LENGTH)


def score_reports(
    hypotheses: Sequence[str],
    references: Sequence[str],
    reports: Sequence[str],
    metrics: Iterable[Metric] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Scores:
    """Scores of generated reports against the studies' own, with 95 % intervals by study.

    hypotheses: generated reports as cleaned words; an empty one is scored as a single full stop.
    references: `protocol_references` of the same studies; reports: the full reports as written.
    metrics: `quick_metrics()` where None. resamples: 0 leaves the intervals out (inside training).
    """
    cases = Cases(tuple(map(_tokens, hypotheses)), tuple(map(_tokens, references)), tuple(reports))
    weights = resample_weights(len(cases.hypotheses), resamples, seed) if resamples else None
    values: dict[str, Score | Unavailable] = {}
    for metric in quick_metrics() if metrics is None else metrics:
        values.update(_run(metric, cases, weights))
    return Scores(len(cases.hypotheses), values)


def _run(metric: Metric, cases: Cases, weights: Array | None) -> dict[str, Score] | dict[str, Unavailable]:
    try:
        return score_tally(metric.tally(cases), weights)
    except MetricUnavailableError as error:
        return {name: Unavailable(str(error)) for name in metric.names}


def _tokens(text: str) -> str:
    # An empty line breaks METEOR's protocol and lowers BLEU unseen, so nothing said is one full stop.
    return " ".join(text.split()) or "."

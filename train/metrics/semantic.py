"""Metrics that need weights of their own: BERTScore with any encoder folder, RadGraph F1."""

import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from train.metrics.records import Cases, Metric, MetricUnavailableError, Tally, mean_tally

BERTSCORE_NAMES = ("BERTScore",)
RADGRAPH_NAMES = ("RadGraph F1",)


def bertscore_metric(model: Path | None) -> Metric:
    """bert-score with the encoder in a folder: F1, last layer, no idf, no baseline rescaling, mean.

    Values of different encoders are not comparable, so the table names the folder.
    """

    def tally(cases: Cases) -> Tally:
        return mean_tally("BERTScore", np.array(_bertscore(model, cases.hypotheses, cases.references)))

    return Metric(BERTSCORE_NAMES, tally)


def _bertscore(model: Path | None, hypotheses: Sequence[str], references: Sequence[str]) -> list[float]:
    if model is None:
        raise MetricUnavailableError("BERTScore needs an encoder: give its folder with --bertscore-model.")
    if not (model / "config.json").is_file():
        raise MetricUnavailableError(f"BERTScore needs an encoder, but {model} holds no config.json.")
    if importlib.util.find_spec("bert_score") is None:
        raise MetricUnavailableError("BERTScore needs the package bert-score: pip install bert-score.")
    return _encoder(model).score(list(hypotheses), list(references))[2].tolist()


@lru_cache(maxsize=1)
def _encoder(model: Path) -> Any:
    from bert_score import BERTScorer
    from transformers import AutoConfig

    try:
        layers = AutoConfig.from_pretrained(model, local_files_only=True).num_hidden_layers
        return BERTScorer(model_type=str(model), num_layers=layers)
    except (OSError, ValueError, AttributeError) as error:
        raise MetricUnavailableError(f"BERTScore cannot load the encoder in {model}: {error}") from error


@lru_cache(maxsize=1)
def _radgraph_scorer() -> Any:
    if importlib.util.find_spec("radgraph") is None:
        raise MetricUnavailableError(
            "RadGraph F1 needs the package radgraph, which downloads its weights: pip install radgraph."
        )
    try:
        from radgraph import F1RadGraph

        return F1RadGraph(reward_level="partial")
    except (ImportError, OSError) as error:
        raise MetricUnavailableError(f"RadGraph F1 cannot start: {error}") from error


def _radgraph(cases: Cases) -> Tally:
    """radgraph F1RadGraph, reward "partial" (entities and whether each has a relation), mean over studies."""
    scorer = _radgraph_scorer()
    rewards = scorer(hyps=list(cases.hypotheses), refs=list(cases.references))[1]
    return mean_tally("RadGraph F1", np.array(rewards))


RADGRAPH = Metric(RADGRAPH_NAMES, _radgraph)

"""Which automatic metric agrees with the readers of a study: rank correlation over its reports."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from radui.scores import ReportScores, score_report
from radui.store.connection import Store
from radui.store.plan import REFERENCE
from radui.store.tables import read_table

if TYPE_CHECKING:  # its libraries take seconds to import
    from radui.statistics.intervals import Bootstrap, Estimate

_METRICS: dict[str, Callable[[ReportScores], float | None]] = {
    "BLEU-4": lambda scores: scores.bleu[3],
    "ROUGE-L": lambda scores: scores.rouge_l,
    "F1 of stated observations": lambda scores: scores.f1,
}


def metric_agreement(store: Store, study_id: str, bootstrap: "Bootstrap") -> "dict[str, Estimate]":
    """Return {metric: Kendall's tau-b with the readers' mean acceptability} over reports of cases that have
    a reference report; empty where none has. The reference itself as a candidate is left out."""
    from radui.statistics.results import metric_correlation

    scored = _scores(store, study_id)
    if not scored:
        return {}
    values = {
        name: {key: value for key, scores in scored.items() if (value := measure(scores)) is not None}
        for name, measure in _METRICS.items()
    }
    return {
        name: metric_correlation(store, study_id, found, bootstrap=bootstrap)
        for name, found in values.items()
    }


def _scores(store: Store, study_id: str) -> dict[tuple[str, str], ReportScores]:
    """(case name, system) -> scores of the report as the system wrote it."""
    cases = {row["case_id"]: row for row in read_table(store, "cases", study_id) if row["reference_report"]}
    return {
        (cases[row["case_id"]]["name"], row["system"]): score_report(
            row["report"], cases[row["case_id"]]["reference_report"]
        )
        for row in read_table(store, "candidates")
        if row["case_id"] in cases and row["system"] != REFERENCE
    }

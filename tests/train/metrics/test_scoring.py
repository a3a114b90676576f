import pytest

from train.metrics.records import Metric, MetricUnavailableError, Score, Unavailable
from train.metrics.scoring import quick_metrics, score_reports

REPORTS = ["the heart is enlarged .", "there is a large left pleural effusion .", "lungs are clear ."]


def refuse(cases):
    raise MetricUnavailableError("it needs a machine that is not here")


def test_all_quick_metrics_give_values_in_range():
    scores = score_reports(REPORTS, REPORTS, REPORTS, resamples=50)
    assert scores.studies == 3
    assert set(scores.values) == {name for metric in quick_metrics() for name in metric.names}
    assert scores.value("BLEU-4") == pytest.approx(1)
    assert scores.value("ROUGE-L") == pytest.approx(1)
    assert scores.value("CE-14 micro F1") == pytest.approx(1)
    assert scores.value("distinct reports") == pytest.approx(3)


def test_an_unavailable_metric_is_reported_and_the_others_still_run():
    broken = Metric(("needs more", "and this"), refuse)
    scores = score_reports(REPORTS, REPORTS, REPORTS, [broken, *quick_metrics()], resamples=0)
    assert scores.values["needs more"] == Unavailable("it needs a machine that is not here")
    assert set(scores.unavailable()) == {"needs more", "and this"}
    assert scores.value("needs more") is None
    assert scores.value("BLEU-1") == pytest.approx(1)


def test_no_resamples_means_no_intervals():
    scores = score_reports(REPORTS, REPORTS, REPORTS, resamples=0)
    assert scores.values["BLEU-1"] == Score(pytest.approx(1), None, None)


def test_an_empty_report_counts_as_one_full_stop():
    empty = score_reports(["", REPORTS[1], REPORTS[2]], REPORTS, REPORTS, resamples=0)
    stop = score_reports([" . ", REPORTS[1], REPORTS[2]], REPORTS, REPORTS, resamples=0)
    assert empty == stop
    assert empty.value("ROUGE-L") > 2 / 3


def test_more_reports_than_studies_are_refused():
    with pytest.raises(ValueError, match="cannot be paired"):
        score_reports(REPORTS, REPORTS[:2], REPORTS[:2])

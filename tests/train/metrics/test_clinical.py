import numpy as np
import pytest

from radui.observations import OBSERVATION_INDEX, OBSERVATIONS
from train.metrics.bootstrap import resample_weights, score_tally
from train.metrics.clinical import (
    CLINICAL_NAMES,
    clinical_from_sums,
    clinical_metric,
    confusion,
    presence,
    support_metric,
)
from train.metrics.records import Cases

EFFUSION = "there is a large left pleural effusion ."
NO_EFFUSION = "there is no pleural effusion ."
HEART = "the heart is enlarged ."
MAYBE_PNEUMONIA = "this may represent pneumonia ."


def column(*positive):
    row = np.zeros(len(OBSERVATIONS), dtype=bool)
    row[[OBSERVATION_INDEX[name] for name in positive]] = True
    return row


def test_counts_by_hand():
    stated = np.array([column("Edema", "Fracture"), column("Edema"), column("Edema"), column()])
    predicted = np.array([column("Edema"), column("Edema", "Fracture"), column(), column()])
    sums = confusion(predicted, stated).sum(axis=0, keepdims=True)
    values = dict(zip(CLINICAL_NAMES, clinical_from_sums(sums)[0], strict=True))
    assert values["Edema precision"] == 1
    assert values["Edema recall"] == pytest.approx(2 / 3)
    assert values["Edema F1"] == pytest.approx(4 / 5)
    assert values["Fracture F1"] == 0
    # Pooled: 2 hits, 1 false alarm, 2 misses; of the five observations only Edema occurs.
    assert values["CE-14 micro precision"] == pytest.approx(2 / 3)
    assert values["CE-14 micro recall"] == pytest.approx(2 / 4)
    assert values["CE-14 micro F1"] == pytest.approx(4 / 7)
    assert values["CE-14 macro F1"] == pytest.approx(4 / 5 / 14)
    assert values["CE-5 micro F1"] == pytest.approx(4 / 5)
    assert values["CE-5 macro F1"] == pytest.approx(4 / 5 / 5)


def test_values_agree_with_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(0)
    stated, predicted = draw.random((2, 50, len(OBSERVATIONS))) < 0.2
    stated[:, 4] = False
    sums = confusion(predicted, stated).sum(axis=0, keepdims=True)
    values = dict(zip(CLINICAL_NAMES, clinical_from_sums(sums)[0], strict=True))
    for average in ("micro", "macro"):
        expected = sklearn.precision_recall_fscore_support(
            stated, predicted, average=average, zero_division=0
        )
        got = [values[f"CE-14 {average} {measure}"] for measure in ("precision", "recall", "F1")]
        assert got == pytest.approx(expected[:3])


def test_a_negated_observation_is_absent():
    found = presence([EFFUSION, NO_EFFUSION])[:, OBSERVATION_INDEX["Pleural Effusion"]]
    assert found.tolist() == [True, False]


def test_the_policy_decides_on_uncertain_statements():
    pneumonia = OBSERVATION_INDEX["Pneumonia"]
    assert not presence([MAYBE_PNEUMONIA], "positive only")[0, pneumonia]
    assert presence([MAYBE_PNEUMONIA], "uncertain counts as positive")[0, pneumonia]


def test_the_reference_side_is_labelled_from_the_full_report():
    cases = Cases((EFFUSION,), ("<unk> .",), (EFFUSION,))
    score = score_tally(clinical_metric().tally(cases), None)["Pleural Effusion F1"]
    assert score.value == 1


def test_reports_are_labelled_and_scored_with_intervals():
    hypotheses, reports = (EFFUSION, HEART) * 10, (EFFUSION, NO_EFFUSION) * 10
    scores = score_tally(
        clinical_metric().tally(Cases(hypotheses, reports, reports)), resample_weights(20, 200)
    )
    assert scores["Pleural Effusion F1"].value == 1
    assert scores["Cardiomegaly precision"].value == 0
    micro = scores["CE-5 micro F1"]
    assert micro.value == pytest.approx(2 / 3)
    assert micro.low < micro.value < micro.high


def test_support_counts_the_references():
    reports = (EFFUSION, NO_EFFUSION, EFFUSION)
    scores = score_tally(support_metric().tally(Cases(("x",) * 3, reports, reports)), None)
    assert scores["Pleural Effusion studies"].value == 2

"""The rewards of single reports agree with the libraries that score whole corpora."""

import pytest

from train.rewards import Cider, bleu4, clinical_f1, ngrams, stated

REPORTS = [
    "the heart is normal in size . the lungs are clear .",
    "the heart is enlarged . there is a small left pleural effusion .",
    "no pneumothorax . the lungs are clear . the heart is normal .",
]


def test_cider_equals_pycocoevalcap_when_the_references_are_the_frequencies():
    scorer_module = pytest.importorskip("pycocoevalcap.cider.cider_scorer")
    hypotheses = ["the heart is normal .", "a large left pleural effusion .", "the lungs are clear ."]
    scorer = scorer_module.CiderScorer(n=4, sigma=6.0)
    for hypothesis, reference in zip(hypotheses, REPORTS, strict=True):
        scorer += (hypothesis, [reference])
    cider = Cider([report.split() for report in REPORTS])
    ours = [
        cider.score(hypothesis.split(), cider.reference(reference.split()))
        for hypothesis, reference in zip(hypotheses, REPORTS, strict=True)
    ]
    assert ours == pytest.approx(list(scorer.compute_score()[1]), abs=1e-9)


def test_an_identical_report_gets_full_marks():
    cider = Cider([report.split() for report in REPORTS])
    reference = cider.reference(REPORTS[1].split())
    assert cider.score(REPORTS[1].split(), reference) == pytest.approx(10.0)
    assert bleu4(REPORTS[1].split(), reference) == pytest.approx(1.0)


def test_nothing_in_common_gets_nothing():
    cider = Cider([report.split() for report in REPORTS])
    reference = cider.reference(REPORTS[1].split())
    assert cider.score(["xyz"], reference) == 0.0
    assert bleu4(["xyz"], reference) == 0.0
    assert bleu4([], reference) == 0.0


def test_a_repeated_word_counts_only_as_often_as_the_reference_has_it():
    cider = Cider([report.split() for report in REPORTS])
    reference = cider.reference(["the", "heart"])
    assert bleu4(["the", "the", "the"], reference) < bleu4(["the", "heart"], reference)


def test_a_short_report_pays_the_brevity_penalty():
    cider = Cider([report.split() for report in REPORTS])
    reference = cider.reference(REPORTS[0].split())
    assert bleu4(["the", "heart"], reference) < 0.1


def test_ngrams_of_all_orders_are_counted():
    counts = ngrams(["a", "b", "a", "b"])
    assert counts[("a",)] == 2
    assert counts[("a", "b")] == 2
    assert counts[("a", "b", "a", "b")] == 1
    assert max(map(len, counts)) == 4


def test_clinical_f1_counts_shared_observations():
    truth = stated("the heart is enlarged . there is a small left pleural effusion .")
    assert truth == {"Cardiomegaly", "Pleural Effusion"}
    assert clinical_f1(stated("the heart is enlarged ."), truth) == pytest.approx(2 / 3)
    assert clinical_f1(stated("the heart is normal in size ."), truth) == 0.0
    assert clinical_f1(frozenset(), frozenset()) == 1.0


def test_a_finding_pays_from_the_probability_that_the_reward_of_normal_reports_says():
    """Told: p. Not told: (1 - p) x normal. Equal at normal / (1 + normal) = .2 for .25."""
    finding, nothing = frozenset({"Edema"}), frozenset()
    for p, pays in ((0.19, False), (0.21, True)):
        told = p * clinical_f1(finding, finding, 0.25) + (1 - p) * clinical_f1(finding, nothing, 0.25)
        silent = p * clinical_f1(nothing, finding, 0.25) + (1 - p) * clinical_f1(nothing, nothing, 0.25)
        assert (told > silent) is pays

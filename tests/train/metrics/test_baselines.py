from pathlib import Path

import numpy as np
import pytest

from train.metrics.baselines import (
    best_constant,
    constant_bleu,
    matching_reports,
    nearest_reports,
    random_reports,
)
from train.metrics.bootstrap import score_tally
from train.metrics.overlap import BLEU, CIDER, ROUGE_L
from train.metrics.records import Cases
from train.metrics.scored_studies import read_corpus

IU_XRAY = Path(__file__).parents[3] / "../shared/data/iu_xray"

TRAIN = ["lungs are clear .", "lungs are clear .", "the heart is normal . no effusion is seen .", "a rib ."]
VAL = ["the heart is normal . lungs are clear .", "no effusion is seen . the heart is big ."]


def scores(metrics, hypotheses, references):
    cases = Cases(tuple(hypotheses), tuple(references), tuple(references))
    return {n: s.value for m in metrics for n, s in score_tally(m.tally(cases), None).items()}


def test_scoring_all_candidates_at_once_equals_scoring_each():
    candidates = [*TRAIN[1:], "the the the heart . . .", "x"]
    for candidate, row in zip(candidates, constant_bleu(candidates, VAL), strict=True):
        assert row == pytest.approx(list(scores([BLEU], [candidate] * 2, VAL).values()))


def test_the_best_constant_wins_on_val():
    assert best_constant(TRAIN, VAL) == TRAIN[2]


def test_a_shortlist_keeps_the_most_frequent_candidates():
    assert best_constant(TRAIN, VAL, shortlist=1) == "lungs are clear ."


def test_random_reports_are_seeded_train_reports():
    drawn = random_reports(TRAIN, 50, seed=1)
    assert drawn == random_reports(TRAIN, 50, seed=1)
    assert drawn != random_reports(TRAIN, 50, seed=2)
    assert set(drawn) == set(TRAIN)


def test_the_nearest_neighbour_is_found_by_direction_not_by_length():
    known = np.array([[1.0, 0.0], [0.0, 5.0], [3.0, 3.0], [0.0, 0.0]])
    asked = np.array([[10.0, 1.0], [0.1, 0.1], [0.0, 0.01]])
    assert nearest_reports(TRAIN, known, asked) == [TRAIN[0], TRAIN[2], TRAIN[1]]


def test_features_that_do_not_pair_up_are_refused():
    with pytest.raises(ValueError, match="do not pair up"):
        nearest_reports(TRAIN, np.ones((3, 2)), np.ones((1, 2)))
    with pytest.raises(ValueError, match="do not pair up"):
        nearest_reports(TRAIN, np.ones((4, 2)), np.ones((1, 3)))


@pytest.mark.skipif(not IU_XRAY.is_dir(), reason="IU X-Ray is not beside the repository")
def test_the_constant_report_gives_the_known_figures_on_iu_xray():
    corpus = read_corpus(IU_XRAY, "test")
    assert len(corpus.references) == 590
    metrics = [BLEU, ROUGE_L, CIDER]
    constant = best_constant(corpus.train_texts, corpus.val_texts)
    short = scores(metrics, [constant] * 590, corpus.references)
    expected = {"BLEU-1": 0.435, "BLEU-2": 0.299, "BLEU-3": 0.213, "BLEU-4": 0.155}
    expected |= {"ROUGE-L": 0.351, "CIDEr": 0.128}
    assert short == pytest.approx(expected, abs=0.002)
    strongest = best_constant(corpus.train_texts, corpus.val_texts, shortlist=None)
    full = scores(metrics, [strongest] * 590, corpus.references)
    assert full["BLEU-4"] > short["BLEU-4"] + 0.01


class TestMatchingReports:
    LABELS = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 1.0]])

    def test_the_report_with_the_likeliest_observations_is_given(self):
        asked = np.array([[0.9, 0.2], [0.8, 0.9]])
        assert matching_reports(TRAIN, self.LABELS, asked) == [TRAIN[0], TRAIN[3]]

    def test_equally_near_reports_take_turns(self):
        asked = np.tile([[0.1, 0.6]], (40, 1))
        assert set(matching_reports(TRAIN, self.LABELS, asked, seed=1)) == {TRAIN[1], TRAIN[2]}

    def test_what_does_not_pair_up_is_refused(self):
        with pytest.raises(ValueError, match="do not pair up"):
            matching_reports(TRAIN[:3], self.LABELS, np.ones((1, 2)))

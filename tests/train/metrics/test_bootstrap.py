import numpy as np
import pytest

from train.metrics.bootstrap import resample_weights, score_tally
from train.metrics.overlap import BLEU, CIDER, DISTINCT, ROUGE_L
from train.metrics.records import Cases, mean_tally

REFERENCES = tuple(f"the finding number {i % 7} is seen on side {i % 3} ." for i in range(60))
HYPOTHESES = tuple(f"the finding number {i % 5} is seen on side {i % 2} ." for i in range(60))
CASES = Cases(HYPOTHESES, REFERENCES, REFERENCES)


def test_each_resample_draws_as_many_studies_as_there_are():
    weights = resample_weights(40, resamples=200, seed=1)
    assert weights.shape == (200, 40)
    assert (weights.sum(axis=1) == 40).all()
    assert weights.max() > 1
    assert weights.min() == 0


def test_the_same_seed_gives_the_same_draws():
    assert (resample_weights(10, 50, seed=3) == resample_weights(10, 50, seed=3)).all()
    assert (resample_weights(10, 50, seed=3) != resample_weights(10, 50, seed=4)).any()


@pytest.mark.parametrize("metric", [BLEU, ROUGE_L, CIDER], ids=lambda m: m.names[0])
def test_the_interval_contains_the_point_value(metric):
    for score in score_tally(metric.tally(CASES), resample_weights(60)).values():
        assert score.low < score.value < score.high


def test_a_resample_equals_scoring_the_drawn_studies_again():
    weights = resample_weights(60, resamples=1, seed=5)
    drawn = np.repeat(np.arange(60), weights[0].astype(int))
    again = Cases(*(tuple(texts[i] for i in drawn) for texts in (HYPOTHESES, REFERENCES, REFERENCES)))
    tally = BLEU.tally(CASES)
    rescored = score_tally(BLEU.tally(again), None)
    assert tally.reduce(weights @ tally.statistics)[0] == pytest.approx([s.value for s in rescored.values()])


def test_the_interval_of_a_mean_matches_the_normal_approximation():
    draws = np.random.default_rng(0).normal(size=400)
    score = score_tally(mean_tally("x", draws), resample_weights(400, 4000))["x"]
    half = 1.96 * draws.std() / np.sqrt(400)
    assert (score.high - score.low) / 2 == pytest.approx(half, rel=0.1)


def test_counts_that_resampling_distorts_have_no_interval():
    score = score_tally(DISTINCT.tally(CASES), resample_weights(60))["distinct reports"]
    assert score.value == pytest.approx(len(set(HYPOTHESES)))
    assert (score.low, score.high) == (None, None)

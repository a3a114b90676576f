import numpy as np
import pytest

from train.metrics.bootstrap import resample_weights, score_tally
from train.metrics.differences import difference, difference_row, differences
from train.metrics.records import Score, Scores, Unavailable, mean_tally

RNG = np.random.default_rng(4)
HARD = RNG.normal(size=300)
BETTER = HARD + 0.1 + 0.05 * RNG.normal(size=300)
WEIGHTS = resample_weights(300, 2000)


def mean_score(per_study: np.ndarray) -> Score:
    return score_tally(mean_tally("x", per_study), WEIGHTS)["x"]


def test_a_paired_difference_is_clear_where_the_two_intervals_overlap():
    ours, theirs = mean_score(BETTER), mean_score(HARD)
    assert ours.low < theirs.high
    paired = difference(ours, theirs)
    assert paired.value == pytest.approx(BETTER.mean() - HARD.mean())
    assert 0 < paired.low < paired.high


def test_its_interval_is_that_of_the_mean_difference_by_the_normal_approximation():
    paired = difference(mean_score(BETTER), mean_score(HARD))
    half = 1.96 * (BETTER - HARD).std() / np.sqrt(300)
    assert (paired.high - paired.low) / 2 == pytest.approx(half, rel=0.1)


def test_no_difference_without_resamples():
    assert difference(Score(0.5), mean_score(HARD)) is None


def test_scores_of_different_resamples_are_refused():
    other = score_tally(mean_tally("x", HARD), resample_weights(300, 50))["x"]
    with pytest.raises(ValueError, match="different resamples"):
        difference(mean_score(HARD), other)


def test_only_metrics_that_both_have_are_compared():
    ours = Scores(300, {"x": mean_score(BETTER), "y": mean_score(HARD), "z": Unavailable("no Java")})
    theirs = Scores(300, {"x": mean_score(HARD), "z": mean_score(HARD)})
    assert list(differences(ours, theirs)) == ["x"]


def test_a_row_stars_what_is_clear_and_nothing_else():
    noise = HARD + np.random.default_rng(9).normal(size=300)
    ours = Scores(300, {"BLEU-4": mean_score(BETTER), "CIDEr": mean_score(noise)})
    theirs = Scores(300, {"BLEU-4": mean_score(HARD), "CIDEr": mean_score(HARD)})
    row = difference_row("ours - theirs", ours, theirs)
    assert row.cells["BLEU-4"].startswith("+.")
    assert row.cells["BLEU-4"].endswith("*")
    assert not row.cells["CIDEr"].endswith("*")
    assert row.spread["CIDEr"].startswith("[-.")

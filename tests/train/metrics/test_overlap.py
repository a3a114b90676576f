import math
import random

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu

from train.metrics.bootstrap import score_tally
from train.metrics.overlap import BLEU, BLEU_NAMES, CIDER, DISTINCT, LENGTH, ROUGE_L
from train.metrics.records import Cases, Metric

TEXT = "the heart is normal in size lungs are clear no effusion or pneumothorax . mild large"


def cases(hypotheses, references):
    return Cases(tuple(hypotheses), tuple(references), tuple(references))


def values(metric: Metric, hypotheses, references):
    scores = score_tally(metric.tally(cases(hypotheses, references)), None)
    return {name: score.value for name, score in scores.items()}


def random_texts(count, seed):
    draw = random.Random(seed)
    return [" ".join(draw.choices(TEXT.split(), k=draw.randint(1, 14))) for _ in range(count)]


def test_bleu_of_one_pair_by_hand():
    # 5 of 6 words match, 3 of 5 pairs, 2 of 4 triples, 1 of 3 quadruples; the hypothesis is one word short.
    got = values(BLEU, ["the heart is normal in width"], ["the heart is normal and not in"])
    brevity = math.exp(1 - 7 / 6)
    assert got["BLEU-1"] == pytest.approx(brevity * 5 / 6)
    assert got["BLEU-2"] == pytest.approx(brevity * math.sqrt(5 / 6 * 3 / 5))
    assert got["BLEU-3"] == pytest.approx(brevity * (5 / 6 * 3 / 5 * 2 / 4) ** (1 / 3))
    assert got["BLEU-4"] == pytest.approx(brevity * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** (1 / 4))


def test_bleu_clips_repeated_words_and_does_not_reward_length():
    assert values(BLEU, ["clear clear clear clear"], ["lungs clear"])["BLEU-1"] == pytest.approx(1 / 4)


def test_bleu_pools_counts_over_the_corpus_rather_than_averaging_sentences():
    got = values(BLEU, ["a b c d", "x y"], ["a b c d", "p q"])
    assert got["BLEU-1"] == pytest.approx(4 / 6)


@pytest.mark.parametrize("seed", range(5))
def test_bleu_equals_the_library_on_random_corpora(seed):
    hypotheses, references = random_texts(30, seed), random_texts(30, seed + 100)
    expected, _ = Bleu(4).compute_score(
        {i: [text] for i, text in enumerate(references)},
        {i: [text] for i, text in enumerate(hypotheses)},
        verbose=0,
    )
    got = values(BLEU, hypotheses, references)
    assert [got[name] for name in BLEU_NAMES] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_rouge_l_by_hand():
    # The longest common subsequence "heart is normal" has 3 words: precision 3/4, recall 3/5.
    got = values(ROUGE_L, ["heart is clearly normal"], ["the heart is normal ."])["ROUGE-L"]
    precision, recall, weight = 3 / 4, 3 / 5, 1.2**2
    assert got == pytest.approx((1 + weight) * precision * recall / (recall + weight * precision))


def test_rouge_l_is_a_mean_over_studies():
    assert values(ROUGE_L, ["a b", "x"], ["a b", "y"])["ROUGE-L"] == pytest.approx(0.5)


def test_cider_does_not_depend_on_the_order_of_the_studies():
    hypotheses, references = random_texts(25, 1), random_texts(25, 2)
    order = np.random.default_rng(0).permutation(25)
    shuffled = values(CIDER, [hypotheses[i] for i in order], [references[i] for i in order])
    assert shuffled["CIDEr"] == pytest.approx(values(CIDER, hypotheses, references)["CIDEr"])


def test_cider_of_identical_texts_is_ten_and_of_disjoint_ones_zero():
    texts = ["mild edema is seen today", "both lungs look clear here", "there was a broken rib"]
    assert values(CIDER, texts, texts)["CIDEr"] == pytest.approx(10)
    assert values(CIDER, ["q r s t u"] * 3, texts)["CIDEr"] == 0


def test_distinct_reports_and_length_count():
    hypotheses = ["a b .", "a b .", "c ."]
    assert values(DISTINCT, hypotheses, hypotheses) == {"distinct reports": pytest.approx(2)}
    assert values(LENGTH, hypotheses, hypotheses) == {"mean length": pytest.approx(8 / 3)}


def test_cases_that_do_not_pair_up_are_refused():
    with pytest.raises(ValueError, match="cannot be paired"):
        cases(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="no study"):
        cases([], [])

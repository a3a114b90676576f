import numpy as np
import pytest
import torch

from tests.train.matching_toys import make_corpus, make_model, make_tokens
from train.matching_data import MatchingStudies, PictureSource
from train.retrieval import (
    chance,
    embed,
    mean_reciprocal_rank,
    recalls,
    retrieval,
    similarity_matrices,
    table,
)


def test_recalls_by_hand():
    """Own candidates stand at ranks 1, 3 and 2."""
    similarity = np.array([[0.9, 0.1, 0.2], [0.5, 0.3, 0.4], [0.8, 0.1, 0.6]])
    found = recalls(similarity, [0, 1, 2])
    assert found["R@1"] == pytest.approx(1 / 3)
    assert found["R@5"] == 1
    assert found["R@1 same text"] == found["R@1"]
    assert mean_reciprocal_rank(similarity) == pytest.approx((1 + 1 / 3 + 1 / 2) / 3)


def test_the_same_text_elsewhere_is_a_hit_of_its_own_kind():
    similarity = np.array([[0.1, 0.9, 0.2], [0.9, 0.1, 0.2], [0.5, 0.4, 0.3]])
    found = recalls(similarity, [7, 7, 1])
    assert found["R@1"] == 0
    assert found["R@1 same text"] == pytest.approx(2 / 3)


def test_equal_similarities_do_not_count_as_found():
    found = recalls(np.zeros((40, 40)), list(range(40)))
    assert found["R@10"] == 0
    assert mean_reciprocal_rank(np.zeros((3, 3))) == pytest.approx(1 / 2)


def test_chance_is_what_random_orders_score():
    random = np.random.default_rng(0)
    texts = [0] * 8 + [1] * 3 + list(range(2, 11))
    runs = [recalls(random.uniform(size=(20, 20)), texts) for _ in range(400)]
    expected = chance(texts)
    for name, value in expected.items():
        assert np.mean([run[name] for run in runs]) == pytest.approx(value, abs=0.02)


@pytest.fixture(scope="module")
def toys():
    corpus = make_corpus()
    tokens = make_tokens(corpus)
    model = make_model(tokens).eval()
    source = PictureSource(corpus, model.config.preprocessing)
    return model, MatchingStudies(corpus, source, "train", tokens, 0, training=False)


def test_a_split_is_embedded_batch_by_batch_as_at_once(toys):
    model, data = toys
    small, large = (embed(model, data, torch.device("cpu"), size) for size in (5, 64))
    torch.testing.assert_close(small.patches.features, large.patches.features)
    torch.testing.assert_close(small.words[small.word_mask], large.words[large.word_mask])
    for first, second in zip(similarity_matrices(small, 3), similarity_matrices(large), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)


def test_both_directions_and_chance_are_told(toys):
    found = retrieval(*toys, torch.device("cpu"))
    assert set(found) == {"image to report", "report to image", "chance"}
    assert all(0 <= value <= 1 for row in found.values() for value in row.values())
    lines = table(found).splitlines()
    assert len(lines) == 4
    assert "R@10 same text" in lines[0]

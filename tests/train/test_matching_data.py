import numpy as np
import pytest
import torch
from accelerate.utils import send_to_device

from tests.train.matching_toys import make_corpus, make_model, make_tokens
from train.matching_data import (
    VIEW_DROPOUT,
    CachedFeatures,
    MatchingStudies,
    PictureSource,
    collate,
    pad,
    text_numbers,
)


@pytest.fixture(scope="module")
def corpus():
    return make_corpus()


@pytest.fixture(scope="module")
def build(corpus):
    tokens = make_tokens(corpus)
    source = PictureSource(corpus, make_model(tokens).config.preprocessing)

    def build(split):
        return MatchingStudies(corpus, source, split, tokens, 3, split == "train")

    return build


def test_val_has_all_views_plain(build, corpus):
    val = build("val")
    first, second = ([val[item] for item in range(len(val))] for _ in range(2))
    for (views, _, _), (again, _, _), position in zip(first, second, val.positions, strict=True):
        assert len(views) == len(corpus.index[position])
        assert all(np.array_equal(a[0], b[0]) for a, b in zip(views, again, strict=True))


def test_train_depends_on_seed_epoch_and_place_alone(build):
    one, other = build("train"), build("train")
    for item in reversed(range(len(one))):
        one[item]
    first, second = ([each[item][0] for item in range(len(each))] for each in (one, other))
    assert all(np.array_equal(a[0][0], b[0][0]) for a, b in zip(first, second, strict=True))
    other.set_epoch(1)
    assert not np.array_equal(first[0][0][0], other[0][0][0][0])


def test_views_are_left_out_as_often_as_said(build, corpus):
    train = build("train")
    pairs = [item for item, position in enumerate(train.positions) if len(corpus.index[position]) == 2]
    dropped = []
    for epoch in range(20):
        train.set_epoch(epoch)
        dropped += [len(train[item][0]) == 1 for item in pairs]
    assert np.mean(dropped) == pytest.approx(VIEW_DROPOUT, abs=0.1)


def test_a_batch_pads_views_and_words(build):
    val = build("train")
    batch = send_to_device(collate([val[item] for item in range(6)]), torch.device("cpu"))
    assert batch.features[0].shape == (6, 2, 1, 32, 32)
    assert batch.tokens.shape == batch.words.shape
    for row, (views, ids, text) in enumerate(val[item] for item in range(6)):
        assert batch.views[row].sum() == len(views)
        assert batch.tokens[row, batch.words[row]].tolist() == ids
        assert batch.texts[row] == text
    assert batch.features[0][~batch.views].abs().sum() == 0


def test_equal_reports_have_equal_numbers():
    assert text_numbers(["a", "b", "a", "c"]) == [0, 1, 0, 2]


def test_padding():
    tokens, mask = pad([[4, 5], [6]])
    assert tokens.tolist() == [[4, 5], [6, 0]]
    assert mask.tolist() == [[True, True], [True, False]]


def test_cached_features_are_the_models_own(corpus, tmp_path):
    from radui.nn.backbones import BackboneConfig
    from radui.records import Preprocessing
    from train.pictures import plain

    where = Preprocessing(size=64)
    model = make_model(make_tokens(corpus), backbone=BackboneConfig(), preprocessing=where).eval()
    source = CachedFeatures(model, corpus, 1, tmp_path)
    pixels = torch.from_numpy(plain(corpus.pictures[5], where))[None, None]
    for found, expected in zip(source(5, None), model.features(pixels), strict=True):
        assert found.shape == expected.shape[1:]
        np.testing.assert_allclose(found, expected[0].numpy(), atol=0.05)

from dataclasses import replace

import numpy as np
import pytest
import torch

from radui.models.codebooks import CodebookConfig
from radui.models.registry import Checkpoint, CheckpointError
from radui.processing.entities import find_entities, recognise
from radui.records import Radiograph, Study
from radui.systems.adamatch import AdaMatchSystem
from radui.systems.inputs import model_input
from tests.train.matching_toys import make_corpus, make_model, make_tokens, picture
from train.codebook_choice import agreement, embed_keywords, hinted, likeness
from train.codebooks import build, build_keypatches, build_keywords, codes_under, own_similarities
from train.hints import hint_table
from train.matching_data import MatchingStudies, PictureSource
from train.retrieval import embed, similarity_matrices


@pytest.fixture(scope="module")
def corpus():
    return make_corpus(40)


@pytest.fixture(scope="module")
def parts(corpus):
    tokens = make_tokens(corpus)
    model = make_model(tokens).eval()
    source = PictureSource(corpus, model.config.preprocessing)
    data = MatchingStudies(corpus, source, "train", tokens, 0, training=False)
    return model, tokens, source, data, embed(model, data, torch.device("cpu"))


@pytest.fixture(scope="module")
def codes(corpus):
    """A VQ-GAN's codes that say the picture and the place."""
    places = np.arange(16).reshape(4, 4)
    return (50 * np.arange(len(corpus.pictures))[:, None, None] + places).astype(np.float16)


def test_keywords_are_counted_once_a_report_in_their_commonest_form():
    reports = ["Lungs clear. Lungs.", "Clear lungs, heart.", "Heart."]
    found = build_keywords(reports, [find_entities(each) for each in reports], per_group=1)
    assert [(each.text, each.count) for each in found] == [("heart", 2), ("clear", 2)]
    both = build_keywords(reports, [find_entities(each) for each in reports], per_group=2)
    assert ("lungs", 2) in [(each.text, each.count) for each in both]


def test_own_similarities_are_the_diagonal(parts):
    data = parts[4]
    np.testing.assert_allclose(own_similarities(data, 7), np.diag(similarity_matrices(data)[1]), atol=1e-5)


def test_keypatches_come_from_the_best_pairs(parts, corpus, codes):
    _, tokens, _, data, embedded = parts
    texts = [tokens.texts(ids) for ids in data.tokens]
    pictures = [corpus.index[position] for position in data.positions]
    config = CodebookConfig(pairs=3, per_pair=2)
    found = build_keypatches(embedded, texts, pictures, codes, config)
    best = np.argsort(-own_similarities(embedded))[:3]
    assert len(found.words) == len(found.features) == 6
    drawn_from = []
    for row, word in enumerate(found.words):
        same = (embedded.patches.features == found.features[row]).all(-1) & embedded.patches.mask
        (study,) = same.any(1).nonzero()[:, 0].tolist()
        drawn_from.append(study)
        assert word in texts[study]
        assert {int(code) // 50 for code in found.codes[row]} <= set(pictures[study])
    assert sorted(drawn_from) == sorted(np.repeat(best, 2).tolist())
    assert drawn_from != np.repeat(best, 2).tolist(), "a study's patches do not stand together"
    without = build_keypatches(embedded, texts, pictures, None, config)
    assert without.codes.shape == (6, 0)


def test_codes_are_those_under_the_box():
    codes = torch.arange(16).view(1, 4, 4)
    boxes = torch.tensor([[0.5, 0.0, 1.0, 0.5]])
    assert codes_under(codes, boxes).tolist() == [[2, 3, 6, 7]]
    # A quarter and three quarters of the side fall on the borders before columns 1 and 3.
    assert codes_under(codes, torch.tensor([[0.0, 0.0, 1.0, 1.0]])).tolist() == [[5, 7, 13, 15]]


def test_agreement_is_the_mean_f1():
    assert agreement([{"a", "b"}, set(), {"c"}], [{"a"}, set(), {"d"}]) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_perfect_keypatches_are_like_their_own_radiograph(parts):
    """Keypatches that are the words themselves, and studies whose only patch is their report's word."""
    embedded = parts[4]
    count = 8
    features = torch.eye(count)[:, None]
    mask = torch.ones(count, 1, dtype=torch.bool)
    patches = replace(embedded.patches, features=features, mask=mask)
    own = replace(embedded, patches=patches, words=features, word_mask=mask)
    assert likeness(torch.eye(count), own, 1) == 1
    assert likeness(torch.eye(count), replace(own, words=features.roll(1, 0)), 1) < 0.5


@pytest.fixture(scope="module")
def system(parts, corpus, codes, tmp_path_factory):
    model, tokens, source, *_ = parts
    folder = tmp_path_factory.mktemp("adamatch")
    tokens.save(folder)
    build(model, corpus, source, tokens, codes, recognise).save(folder)
    return AdaMatchSystem(Checkpoint("adamatch", model, {}, folder))


def test_the_kappas_that_were_chosen_are_told_with_the_reason(system):
    config = system.codebooks.config
    assert "chance 50 %" in config.reason
    assert "F1" in config.reason
    assert len(system.codebooks.keypatches.words) <= config.pairs * config.per_pair


def test_hints_of_the_table_are_those_of_the_app(system, parts, corpus):
    """Features from the cache and pixels of the page lead to the same keywords."""
    table = hint_table(system, corpus, parts[2])
    row, pictures = corpus.rows[3], corpus.index[3]
    pixels = torch.from_numpy(corpus.pictures[pictures[0]] / np.float32(255))[None, None]
    assert tuple(table.keywords[row.id][0]) == system.keywords(pixels)
    assert tuple(table.keypatches[row.id]) == system.keypatches(row.report)
    assert 0 < len(table.keywords[row.id][0]) <= system.codebooks.config.limit


def test_keywords_are_the_patches_best(system, parts):
    features = parts[4].patches.features[0]
    words, mask = embed_keywords(system.model, system.tokens, system.codebooks.keywords)
    matrix = torch.stack([(features @ w[m].T).mean(1) for w, m in zip(words, mask, strict=True)])
    config = system.codebooks.config
    expected = [system.codebooks.keywords[i].text for i in hinted(matrix, config.per_patch, config.limit)]
    assert list(system.keywords_of(features)) == expected


def test_evidence_links_words_patches_and_keywords(system):
    values = picture([0, 4], np.random.default_rng(5))
    radiographs = tuple(Radiograph(each, each / np.float32(255)) for each in (values, values.T.copy()))
    wanted = system.model.config.preprocessing
    inputs = model_input(Study(radiographs), ("frontal", "lateral"), wanted)
    report = "There is heart. There is opacity."
    found = system.evidence(inputs, report)
    assert found.boxes.shape == (32, 4)
    assert [report[a:b] for a, b in found.words] == [
        "There",
        "is",
        "heart",
        ".",
        "There",
        "is",
        "opacity",
        ".",
    ]
    assert found.similarities.shape == (8, 32)
    assert np.abs(found.similarities).max() <= 1 + 1e-5
    assert found.views.tolist() == [0] * 16 + [1] * 16
    for keyword in found.keywords:
        assert list(keyword.similarities) == sorted(keyword.similarities, reverse=True)
        assert all(0 <= patch < 32 for patch in keyword.patches)


def test_a_checkpoint_without_codebooks_is_refused(parts, tmp_path):
    model, tokens, *_ = parts
    tokens.save(tmp_path)
    with pytest.raises(CheckpointError, match=r"train\.codebooks"):
        AdaMatchSystem(Checkpoint("adamatch", model, {}, tmp_path))


def test_the_figure_shows_abnormal_words(system, tmp_path):
    from train.patch_figure import draw_patches, shown_tokens

    values = picture([0, 4], np.random.default_rng(5))
    radiograph = Radiograph(values, values / np.float32(255))
    inputs = model_input(Study((radiograph,)), ("frontal",), system.model.config.preprocessing)
    report = "There is heart. There is opacity."
    found = system.evidence(inputs, report)
    tokens = shown_tokens(found, report)
    assert [report[slice(*found.words[token])] for token in tokens] == ["opacity"]
    draw_patches(values, found, tokens, report, tmp_path / "fig8.png")
    assert (tmp_path / "fig8.png").stat().st_size > 5000

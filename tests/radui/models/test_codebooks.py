import pytest
import torch
from torch.nn import functional as F

from radui.models.codebooks import (
    CodebookConfig,
    CodebookError,
    Codebooks,
    Keypatches,
    Keyword,
    by_votes,
    keyword_matrix,
    top_keypatches,
    top_keywords,
)


@pytest.fixture
def codebooks():
    torch.manual_seed(0)
    features = F.normalize(torch.randn(3, 4), dim=-1)
    patches = Keypatches(features, torch.arange(12).view(3, 4), torch.rand(3, 4), ("heart", "no", "."))
    keywords = (Keyword("heart", "biological structure", 9), Keyword("clear", "detailed description", 5))
    return Codebooks(CodebookConfig(per_group=2, reason="because"), keywords, patches)


def test_what_is_saved_comes_back(codebooks, tmp_path):
    codebooks.save(tmp_path)
    found = Codebooks.load(tmp_path)
    assert (found.config, found.keywords) == (codebooks.config, codebooks.keywords)
    assert found.keypatches.words == codebooks.keypatches.words
    assert torch.equal(found.keypatches.codes, codebooks.keypatches.codes)
    torch.testing.assert_close(found.keypatches.features, codebooks.keypatches.features, atol=1e-3, rtol=0)


def test_a_codebook_holds_no_picture_and_no_study(codebooks, tmp_path):
    from safetensors.torch import load_file

    codebooks.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"codebooks.json", "keypatches.safetensors"}
    stored = load_file(str(tmp_path / "keypatches.safetensors"))
    assert {name: len(each[0]) for name, each in stored.items()} == {"features": 4, "codes": 4, "boxes": 4}


@pytest.mark.parametrize("damage", ["missing", "json", "field"])
def test_damage_is_named(codebooks, tmp_path, damage):
    if damage != "missing":
        codebooks.save(tmp_path)
        (tmp_path / "codebooks.json").write_text("{" if damage == "json" else '{"config": {"kappa": 1}}')
    with pytest.raises(CodebookError, match=r"train\.codebooks"):
        Codebooks.load(tmp_path)


def test_a_keyword_is_the_mean_of_its_words():
    patches = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    words = torch.tensor([[[1.0, 0.0], [0.6, 0.8]], [[0.0, 1.0], [1.0, 0.0]]])
    mask = torch.tensor([[True, True], [True, False]])
    found = keyword_matrix(patches, words, mask)
    torch.testing.assert_close(found, torch.tensor([[0.8, 0.4], [0.0, 1.0]]))


def test_each_patch_asks_for_its_best_keywords():
    matrix = torch.tensor([[0.1, 0.9], [0.5, 0.2], [0.4, 0.8]])
    assert top_keywords(matrix, 2).tolist() == [[1, 2], [0, 2]]
    assert top_keywords(matrix, 9).shape == (2, 3)


def test_each_token_asks_for_its_best_keypatches():
    words = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    keypatches = torch.tensor([[0.0, 1.0], [0.8, 0.6], [1.0, 0.0]])
    assert top_keypatches(words, keypatches, 2).tolist() == [[2, 1], [0, 1]]


def test_most_wanted_first_then_the_most_similar():
    chosen = torch.tensor([[4, 1], [1, 7]])
    assert by_votes(chosen, torch.tensor([[0.2, 0.1], [0.3, 0.9]])) == [1, 7, 4]

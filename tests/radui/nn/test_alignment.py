import pytest
import torch
from torch.nn import functional as F

from radui.nn.alignment import align, masked_mean


@pytest.fixture
def pairs():
    torch.manual_seed(0)
    patches = F.normalize(torch.randn(3, 6, 8), dim=-1)
    words = F.normalize(torch.randn(4, 5, 8), dim=-1)
    patch_mask, word_mask = torch.rand(3, 6) > 0.4, torch.rand(4, 5) > 0.4
    patch_mask[:, 0] = word_mask[:, 0] = True
    return patches, patch_mask, words, word_mask


def test_equations_5_and_6_pair_by_pair(pairs):
    patches, patch_mask, words, word_mask = pairs
    found = align(*pairs)
    for i in range(3):
        for j in range(4):
            cosines = patches[i][patch_mask[i]] @ words[j][word_mask[j]].T
            torch.testing.assert_close(found.image[i, j], cosines.amax(1).mean())
            torch.testing.assert_close(found.text[i, j], cosines.amax(0).mean())


def test_by_hand():
    """Two patches along the axes; words along x and y and, masked, a perfect third."""
    patches = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    words = torch.tensor([[[0.6, 0.8], [1.0, 0.0], [0.0, 1.0]]])
    found = align(patches, torch.ones(1, 2, dtype=torch.bool), words, torch.tensor([[True, True, False]]))
    assert found.image.item() == pytest.approx((1.0 + 0.8) / 2)
    assert found.text.item() == pytest.approx((0.8 + 1.0) / 2)


def test_padding_and_missing_views_change_nothing(pairs):
    patches, patch_mask, words, word_mask = pairs
    other_patches, other_words = patches.clone(), words.clone()
    other_patches[~patch_mask] = patches[0, 0]
    other_words[~word_mask] = words[0, 0]
    first, second = align(*pairs), align(other_patches, patch_mask, other_words, word_mask)
    torch.testing.assert_close(first.image, second.image)
    torch.testing.assert_close(first.text, second.text)


def test_only_the_best_learn(pairs):
    patches, patch_mask, words, word_mask = pairs
    words = words.clone().requires_grad_()
    align(patches[:1], patch_mask[:1], words, word_mask).text[0, 0].backward()
    assert words.grad[1:].abs().max() == 0
    assert words.grad[0][~word_mask[0]].abs().sum() == 0
    assert (words.grad[0][word_mask[0]].abs().sum(-1) > 0).all()


def test_nothing_cannot_be_matched(pairs):
    patches, patch_mask, words, word_mask = pairs
    with pytest.raises(ValueError, match="without a word"):
        align(patches, patch_mask, words, torch.zeros_like(word_mask))


def test_masked_mean():
    found = masked_mean(torch.tensor([[1.0, 2.0, 9.0]]), torch.tensor([[True, True, False]]))
    assert found.tolist() == [1.5]

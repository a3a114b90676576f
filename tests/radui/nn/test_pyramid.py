import pytest
import torch

from radui.nn.backbones import BackboneConfig, build_backbone
from radui.nn.pyramid import LowerBlocks, ScaleFusion, last_halving, two_scales


@pytest.fixture(scope="module")
def backbone(awake):
    torch.manual_seed(0)
    return awake(build_backbone(BackboneConfig())).requires_grad_(False)


def test_the_coarse_map_is_the_backbones_own(backbone):
    pixels = torch.randn(2, 1, 64, 64)
    fine, coarse = two_scales(backbone, pixels)
    assert fine.shape == (2, 112, 4, 4)
    torch.testing.assert_close(coarse, backbone(pixels))


def test_the_lower_blocks_give_the_fine_map(backbone):
    pixels = torch.randn(2, 1, 64, 64)
    lower = LowerBlocks(backbone)
    assert lower.channels == 112
    assert len(lower.blocks) == last_halving(backbone) == 11
    torch.testing.assert_close(lower(pixels), two_scales(backbone, pixels)[0])


def test_fusion_adds_the_coarse_map_to_the_fine_one_in_place():
    torch.manual_seed(0)
    fusion = ScaleFusion(3, 5, 4)
    fine, coarse = torch.randn(1, 3, 8, 8), torch.randn(1, 5, 4, 4)
    before = fusion(fine, coarse)
    assert before.shape == (1, 4, 8, 8)
    coarse[0, :, 0, 0] += torch.randn(5)
    moved = (fusion(fine, coarse) - before).abs().sum(1)[0]
    assert moved[:2, :2].min() > 0
    assert moved[4:, :].max() == moved[:, 4:].max() == 0

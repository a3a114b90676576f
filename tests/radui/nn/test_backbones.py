import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from radui.nn.backbones import BackboneConfig, EfficientNetLite, SamePadConv, build_backbone


@pytest.fixture(scope="module")
def lite():
    torch.manual_seed(0)
    return build_backbone(BackboneConfig("efficientnet_lite0")).eval()


@pytest.mark.parametrize("size", [(64, 64), (97, 97), (130, 65)])
def test_lite_gives_a_cell_for_each_32_pixels_begun(lite, size):
    with torch.inference_mode():
        grid = lite(torch.randn(2, 1, *size))
    assert grid.shape == (2, 1280, math.ceil(size[0] / 32), math.ceil(size[1] / 32))
    assert grid.min() >= 0
    assert grid.max() <= 6


@pytest.mark.parametrize(
    ("name", "widths", "blocks", "million"),
    [
        ("efficientnet_lite0", [16, 24, 40, 80, 112, 192, 320], 16, 4.65),
        ("efficientnet_lite1", [16, 24, 40, 80, 112, 192, 320], 21, 5.42),
        ("efficientnet_lite2", [16, 24, 48, 88, 120, 208, 352], 21, 6.09),
    ],
)
def test_lite_has_the_published_sizes(name, widths, blocks, million):
    with torch.device("meta"):
        backbone = EfficientNetLite(BackboneConfig(name))
    found = [block.outputs for block in backbone.blocks]
    assert list(dict.fromkeys(found)) == widths
    assert len(found) == blocks
    parameters = sum(each.numel() for each in backbone.parameters())
    colours, classes = 2 * 32 * 9, 1280 * 1000 + 1000
    assert round((parameters + colours + classes) / 1e6, 2) == million


def slow_same(picture, kernel, stride):
    """Cross-correlation with TensorFlow's SAME padding, by its definition, one output at a time."""
    size, width = picture.shape[0], kernel.shape[0]
    outputs = math.ceil(size / stride)
    before = max((outputs - 1) * stride + width - size, 0) // 2
    result = np.zeros((outputs, outputs))
    for y, x, i, j in np.ndindex(outputs, outputs, width, width):
        row, column = y * stride + i - before, x * stride + j - before
        if 0 <= row < size and 0 <= column < size:
            result[y, x] += picture[row, column] * kernel[i, j]
    return result


@pytest.mark.parametrize("size", [5, 6, 7, 8])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_same_padding_is_tensorflows(size, kernel, stride):
    random = np.random.default_rng(0)
    picture, weights = random.normal(size=(size, size)), random.normal(size=(kernel, kernel))
    convolution = SamePadConv(1, 1, kernel, stride, bias=False).double()
    with torch.no_grad():
        convolution.weight.copy_(torch.from_numpy(weights))
        found = convolution(torch.from_numpy(picture)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(found, slow_same(picture, weights, stride), atol=1e-12)


def test_same_padding_treats_each_side_by_its_own_length():
    convolution = SamePadConv(1, 1, 3, 2, bias=False)
    picture = torch.randn(1, 1, 8, 5)
    expected = F.conv2d(F.pad(picture, (1, 1, 0, 1)), convolution.weight, stride=2)
    torch.testing.assert_close(convolution(picture), expected)


class TestFrozenPart:
    @pytest.fixture
    def partly(self):
        torch.manual_seed(0)
        return build_backbone(BackboneConfig("efficientnet_lite0", trainable_from=14)).train()

    def test_gets_no_gradient_and_keeps_its_statistics(self, partly):
        frozen, learning = partly.blocks[13], partly.blocks[14]
        before = [each.depthwise[1].running_mean.clone() for each in (frozen, learning)]
        partly(torch.randn(2, 1, 64, 64)).sum().backward()
        assert partly.stem[0].weight.grad is None
        assert frozen.project[0].weight.grad is None
        assert learning.project[0].weight.grad is not None
        assert torch.equal(frozen.depthwise[1].running_mean, before[0])
        assert not torch.equal(learning.depthwise[1].running_mean, before[1])

    def test_lower_and_upper_make_the_whole(self, partly):
        partly.eval()
        pixels = torch.randn(1, 1, 64, 64)
        assert not partly.lower(pixels).requires_grad
        torch.testing.assert_close(partly.upper(partly.lower(pixels)), partly(pixels))


def test_resnet18_reads_a_grey_picture():
    backbone = build_backbone(BackboneConfig("resnet18")).eval()
    with torch.inference_mode():
        grid = backbone(torch.randn(2, 1, 96, 64))
    assert grid.shape == (2, 512, 3, 2)
    assert backbone.channels == 512


def test_resnet101_has_the_papers_width():
    with torch.device("meta"):
        backbone = build_backbone(BackboneConfig("resnet101"))
    assert backbone.channels == 2048
    convolutions = [each for each in backbone.modules() if isinstance(each, nn.Conv2d)]
    assert len(convolutions) == 100 + 4  # the hundred and four shortcuts; the classifier is left out

"""Image backbones: grey pictures in, a grid of patch features out.

`EfficientNetLite` is written here because no library on our list builds it (transformers' EfficientNet
always carries squeeze-and-excitation, which Lite leaves out); `ResNetBackbone` and `SwinBackbone`
(radui.nn.swin) wrap transformers.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radui.nn.swin import SWINS, SwinBackbone

BackboneName = Literal[
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "resnet101",
    "resnet18",
    "swin_base",
    "swin_compact",
]

# (expansion, channels, repeats, stride, kernel) of EfficientNet-B0, which Lite keeps.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
# Lite scales the middle stages' depth; the first and the last stage, the stem and the head stay.
DEPTH = {"efficientnet_lite0": 1.0, "efficientnet_lite1": 1.1, "efficientnet_lite2": 1.2}
WIDTH = {"efficientnet_lite0": 1.0, "efficientnet_lite1": 1.0, "efficientnet_lite2": 1.1}
RESNETS: dict[str, dict[str, Any]] = {
    "resnet101": {
        "depths": [3, 4, 23, 3],
        "layer_type": "bottleneck",
        "hidden_sizes": [256, 512, 1024, 2048],
    },
    "resnet18": {"depths": [2, 2, 2, 2], "layer_type": "basic", "hidden_sizes": [64, 128, 256, 512]},
}


@dataclass(frozen=True)
class BackboneConfig:
    """Which network; trainable_from: the first inverted-residual block that learns (Lite only)."""

    name: BackboneName = "efficientnet_lite0"
    trainable_from: int = 0


class SamePadConv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME, one pixel more at the right and bottom when uneven.

    The ImageNet weights were trained so; symmetric padding shifts the grid by half a cell a stage.
    """

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for size, kernel, stride in zip(
            x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        if pads[0] == pads[1] and pads[2] == pads[3]:
            return F.conv2d(x, self.weight, self.bias, self.stride, (pads[2], pads[0]), 1, self.groups)
        return F.conv2d(F.pad(x, pads), self.weight, self.bias, self.stride, 0, 1, self.groups)


def _conv_norm(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = SamePadConv(inputs, outputs, kernel, stride, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01))


class InvertedResidual(nn.Module):
    """Expand, depth-wise, project; added to its input where the shapes allow it."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = _conv_norm(inputs, hidden) if expansion > 1 else None
        self.depthwise = _conv_norm(hidden, hidden, kernel, stride, groups=hidden)
        self.project = _conv_norm(hidden, outputs)
        self.outputs = outputs
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


def _round_channels(channels: float) -> int:
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _lite_blocks(width: float, depth: float) -> list[InvertedResidual]:
    blocks: list[InvertedResidual] = []
    inputs = 32
    for index, (expansion, channels, repeats, stride, kernel) in enumerate(STAGES):
        outputs = _round_channels(channels * width)
        count = repeats if index in (0, len(STAGES) - 1) else -int(-(repeats * depth) // 1)
        for repeat in range(count):
            blocks.append(InvertedResidual(inputs, outputs, expansion, kernel, stride if repeat == 0 else 1))
            inputs = outputs
    return blocks


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite on one grey channel: (batch, 1, S, S) -> (batch, 1280, S/32, S/32).

    The stem's three colour filters are summed into one when ImageNet weights are loaded, which is
    exact for a grey picture repeated three times, up to the colour channels' own normalisation.
    Blocks before `trainable_from` run without gradient and keep their batch statistics.
    """

    channels = 1280
    stride = 32

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.trainable_from = config.trainable_from
        self.stem = _conv_norm(1, 32, 3, 2)
        blocks = _lite_blocks(WIDTH[config.name], DEPTH[config.name])
        self.blocks = nn.ModuleList(blocks)
        self.head = _conv_norm(blocks[-1].outputs, self.channels)

    def train(self, mode: bool = True) -> "EfficientNetLite":
        """Put the learning part in training mode; the frozen part stays in evaluation mode."""
        super().train(mode)
        if self.trainable_from:
            self.stem.eval()
            self.blocks[: self.trainable_from].eval()
        return self

    def lower(self, pixels: Tensor) -> Tensor:
        """The blocks before `trainable_from`, without gradient when there are any."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.trainable_from == 0):
            x = F.relu6(self.stem(pixels))
            for block in self.blocks[: self.trainable_from]:
                x = block(x)
        return x

    def upper(self, x: Tensor) -> Tensor:
        """The blocks from `trainable_from` on and the head."""
        for block in self.blocks[self.trainable_from :]:
            x = block(x)
        return F.relu6(self.head(x))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.upper(self.lower(pixels))


class ResNetBackbone(nn.Module):
    """transformers' ResNet on one grey channel: (batch, 1, S, S) -> (batch, C, S/32, S/32)."""

    stride = 32

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        from transformers import ResNetConfig, ResNetModel

        self.body = ResNetModel(ResNetConfig(**RESNETS[config.name]))
        self.channels: int = RESNETS[config.name]["hidden_sizes"][-1]

    def forward(self, pixels: Tensor) -> Tensor:
        return self.body(pixels.expand(-1, 3, -1, -1)).last_hidden_state


Backbone = EfficientNetLite | ResNetBackbone | SwinBackbone


def build_backbone(config: BackboneConfig) -> Backbone:
    """A backbone with random weights; checkpoints or `train.imagenet` fill them."""
    if config.name in SWINS:
        return SwinBackbone(config.name)
    kind = EfficientNetLite if config.name.startswith("efficientnet") else ResNetBackbone
    return kind(config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

"""VQ-GAN (Esser et al. 2021): a grey radiograph as 16 x 16 codes of 1,024, and back (AdaMatch-Cyclic 3.2).

The encoder and decoder of the paper, on one channel. The compact one begins by folding 4 x 4 pixels into
channels, so that no convolution runs at full resolution, which costs most of the time of training on CPUs.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radui.nn.quantizer import Quantized, Quantizer, QuantizerConfig
from radui.records import Preprocessing

GROUPS = 16


@dataclass(frozen=True)
class VQGANConfig:
    """Compact by default; `paper()` gives the published sizes.

    fold: pixels a side that become channels before the first convolution. Level i has
    channels * multipliers[i] channels and half the resolution of the one before; the last is the codes'.
    encoder_blocks, decoder_blocks: residual blocks a level. attention: at the codes' resolution.
    preprocessing: pixels in [0, 1].
    """

    fold: int = 4
    channels: int = 64
    multipliers: tuple[int, ...] = (1, 2, 4)
    encoder_blocks: int = 1
    decoder_blocks: int = 1
    attention: bool = True
    quantizer: QuantizerConfig = field(default_factory=QuantizerConfig)
    preprocessing: Preprocessing = field(default_factory=lambda: Preprocessing(256, "squash", 256, 0.0, 1.0))

    @property
    def grid(self) -> int:
        """Codes a side."""
        return self.preprocessing.size // self.fold // 2 ** (len(self.multipliers) - 1)


def paper_config() -> VQGANConfig:
    """256 px, f = 16, 1,024 codes of width 256, 128 channels x (1, 1, 2, 2, 4), two blocks a level."""
    quantizer = QuantizerConfig(width=256, normalise=False, average=False, restart_below=0.0)
    return VQGANConfig(1, 128, (1, 1, 2, 2, 4), 2, 3, True, quantizer)


class ResidualBlock(nn.Module):
    """Two normalised 3 x 3 convolutions beside a shortcut: (B, C, h, w) -> (B, D, h, w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(GROUPS, inputs), nn.GroupNorm(GROUPS, outputs)])
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(inputs, outputs, 3, padding=1), nn.Conv2d(outputs, outputs, 3, padding=1)]
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            y = convolution(F.silu(norm(y)))
        return self.shortcut(x) + y


class AttentionBlock(nn.Module):
    """Each cell looks at all cells, one head: (B, C, h, w) -> the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.project = nn.Conv2d(channels, 3 * channels, 1)
        self.output = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.project(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=-1)
        seen = F.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None])[:, 0]
        return x + self.output(seen.transpose(1, 2).unflatten(2, x.shape[2:]))


def _level(inputs: int, outputs: int, blocks: int, attention: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for block in range(blocks):
        layers.append(ResidualBlock(inputs if block == 0 else outputs, outputs))
        if attention:
            layers.append(AttentionBlock(outputs))
    return layers


def _middle(channels: int, attention: bool) -> list[nn.Module]:
    between = [AttentionBlock(channels)] if attention else []
    return [ResidualBlock(channels, channels), *between, ResidualBlock(channels, channels)]


def _encoder(config: VQGANConfig) -> nn.Sequential:
    """(B, 1, S, S) pixels in [-1, 1] -> (B, width, S / 16, S / 16)."""
    widths = [config.channels * each for each in config.multipliers]
    stem = nn.Conv2d(config.fold**2, widths[0], 3, padding=1)
    layers: list[nn.Module] = [nn.PixelUnshuffle(config.fold), stem]
    inputs = widths[0]
    for level, width in enumerate(widths):
        last = level == len(widths) - 1
        layers += _level(inputs, width, config.encoder_blocks, config.attention and last)
        if not last:
            layers.append(nn.Conv2d(width, width, 3, 2, padding=1))
        inputs = width
    head = [nn.GroupNorm(GROUPS, inputs), nn.SiLU(), nn.Conv2d(inputs, config.quantizer.width, 3, padding=1)]
    return nn.Sequential(*layers, *_middle(inputs, config.attention), *head)


def _decoder(config: VQGANConfig) -> nn.Sequential:
    """(B, width, S / 16, S / 16) -> (B, 1, S, S) pixels in [-1, 1], not clipped."""
    widths = [config.channels * each for each in config.multipliers][::-1]
    layers: list[nn.Module] = [nn.Conv2d(config.quantizer.width, widths[0], 3, padding=1)]
    layers += _middle(widths[0], config.attention)
    inputs = widths[0]
    for level, width in enumerate(widths):
        layers += _level(inputs, width, config.decoder_blocks, config.attention and level == 0)
        if level < len(widths) - 1:
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1)]
        inputs = width
    head = [nn.GroupNorm(GROUPS, inputs), nn.SiLU(), nn.Conv2d(inputs, config.fold**2, 3, padding=1)]
    return nn.Sequential(*layers, *head, nn.PixelShuffle(config.fold))


@dataclass(frozen=True)
class Reconstruction:
    """pixels (B, 1, S, S) about [0, 1], not clipped; codes (B, h, w); loss: the quantizer's, a scalar."""

    pixels: Tensor
    codes: Tensor
    loss: Tensor


class VQGAN(nn.Module):
    """(B, 1, S, S) float pixels in [0, 1] -> codes -> pixels."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.decoder = _encoder(config), _decoder(config)
        self.quantizer = Quantizer(config.quantizer)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, pixels: Tensor) -> Reconstruction:
        quantized = self.quantize(pixels)
        return Reconstruction(self._draw(quantized.values), quantized.codes, quantized.loss)

    def quantize(self, pixels: Tensor) -> Quantized:
        """The encoder's half of `forward`."""
        folded = (2 * pixels - 1).contiguous(memory_format=torch.channels_last)
        return self.quantizer(self.encoder(folded))

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        """(B, 1, S, S) pixels in [0, 1] -> (B, h, w) int64 codes."""
        return self.quantize(pixels).codes

    @torch.no_grad()
    def decode_codes(self, codes: Tensor) -> Tensor:
        """(B, h, w) int64 codes -> (B, 1, S, S) float32 pixels in [0, 1]."""
        return self._draw(self.quantizer.lookup(codes)).float().clamp(0, 1)

    def _draw(self, values: Tensor) -> Tensor:
        return (self.decoder(values.contiguous(memory_format=torch.channels_last)) + 1) / 2

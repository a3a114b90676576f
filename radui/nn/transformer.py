"""Pre-norm Transformer encoder and decoder (Vaswani et al. 2017), the decoder also one token at a time."""

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from radui.nn.attention import MultiHeadAttention
from radui.nn.decoder_cache import DecoderCache


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes shared by the encoder and the decoder."""

    width: int = 512
    heads: int = 8
    feedforward: int = 512
    encoder_layers: int = 3
    decoder_layers: int = 3
    dropout: float = 0.1


def sinusoidal_positions(length: int, width: int) -> Tensor:
    """(length, width) float32, sine in even and cosine in odd columns."""
    position = torch.arange(length).unsqueeze(1)
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    table = torch.zeros(length, width)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)
    return table


class FeedForward(nn.Sequential):
    """Two linear layers with ReLU between."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(
            nn.Linear(config.width, config.feedforward),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.feedforward, config.width),
        )


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each normalised before and added after."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(2))
        self.attention = MultiHeadAttention(config.width, config.heads, config.dropout)
        self.feedforward = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.read(x, mask, weights=False)[0]

    def read(self, x: Tensor, mask: Tensor, weights: bool) -> tuple[Tensor, Tensor | None]:
        """The layer's output and, when asked for, its attention (B, heads, S, S)."""
        normed = self.norms[0](x)
        mixed, attention = self.attention.attend(normed, *self.attention.project(normed), mask, weights)
        x = x + self.dropout(mixed)
        return x + self.dropout(self.feedforward(self.norms[1](x))), attention


class Encoder(nn.Module):
    """A stack of layers with a final norm; (B, S, width), mask (B, S) bool -> (B, S, width)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, mask[:, None, None, :])
        return self.norm(x)

    def trace(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """`forward` with each layer's attention, the mean of its heads: (B, layers, S, S)."""
        maps = []
        for layer in cast(list[EncoderLayer], list(self.layers)):
            x, attention = layer.read(x, mask[:, None, None, :], weights=True)
            maps.append(cast(Tensor, attention).mean(1))
        return self.norm(x), torch.stack(maps, 1)


class DecoderLayer(nn.Module):
    """Masked self-attention, cross-attention and feed-forward."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(3))
        self.attention = MultiHeadAttention(config.width, config.heads, config.dropout)
        self.cross = MultiHeadAttention(config.width, config.heads, config.dropout)
        self.feedforward = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, causal: Tensor, memory: Tensor, memory_mask: Tensor) -> Tensor:
        normed = self.norms[0](x)
        x = x + self.dropout(self.attention(normed, normed, causal))
        x = x + self.dropout(self.cross(self.norms[1](x), memory, memory_mask))
        return x + self.dropout(self.feedforward(self.norms[2](x)))

    def step(self, x: Tensor, cache: DecoderCache, index: int, weights: bool) -> tuple[Tensor, Tensor | None]:
        """The newest word of each beam, (studies, beams, width); the cross-attention when asked for."""
        normed = self.norms[0](x)
        keys, values = cache.write(index, *self.attention.project(normed))
        x = x + self.attention.attend(normed, keys, values, cache.visible())[0]
        read, attention = self.cross.attend(self.norms[1](x), *cache.memory[index], cache.mask, weights)
        x = x + read
        return x + self.feedforward(self.norms[2](x)), attention


class Decoder(nn.Module):
    """A stack of layers with a final norm, for whole sequences (training) and single steps (decoding)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor, memory: Tensor, memory_mask: Tensor) -> Tensor:
        """(B, T, width), (B, S, width), (B, S) mask -> (B, T, width); position t sees 0..t."""
        length = x.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
        for layer in self.layers:
            x = layer(x, causal, memory, memory_mask[:, None, None, :])
        return self.norm(x)

    def _stack(self) -> list[DecoderLayer]:
        return cast(list[DecoderLayer], list(self.layers))

    def start(self, memory: Tensor, memory_mask: Tensor, beams: int = 1, room: int = 64) -> DecoderCache:
        """An empty cache for `beams` hypotheses of each study over its memory, (B, S, width) and (B, S)."""
        # In one piece a head: each step reads all of it.
        pairs = (layer.cross.project(memory) for layer in self._stack())
        projected = [(keys.contiguous(), values.contiguous()) for keys, values in pairs]
        return DecoderCache.over(projected, memory_mask[:, None, None, :], beams, room)

    def step(self, x: Tensor, cache: DecoderCache, weights: bool = False) -> tuple[Tensor, Tensor | None]:
        """(N, width) -> (N, width) and the cross-attention (N, layers, heads, S) when asked for."""
        cache.advance()
        x = x.view(-1, cache.beams, x.shape[-1])
        maps = []
        for index, layer in enumerate(self._stack()):
            x, attention = layer.step(x, cache, index, weights)
            maps.append(attention)
        known = [each for each in maps if each is not None]
        stacked = torch.stack(known).permute(1, 3, 0, 2, 4).flatten(0, 1) if known else None
        return self.norm(x).flatten(0, 1), stacked

"""Pre-norm Transformer encoder and decoder (Vaswani et al. 2017), the decoder also one token at a time."""

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from radui.nn.attention import MultiHeadAttention


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes shared by the encoder and the decoder."""

    width: int = 512
    heads: int = 8
    feedforward: int = 512
    encoder_layers: int = 3
    decoder_layers: int = 3
    dropout: float = 0.1


@dataclass
class DecoderCache:
    """What the decoder has read so far: a layer's self keys and values, and the memory's, projected once.

    self_keys, self_values: (N, heads, t, d), one a layer; memory_keys, memory_values likewise with
    S patches; memory_mask: (N, 1, 1, S) bool.
    """

    self_keys: list[Tensor]
    self_values: list[Tensor]
    memory_keys: list[Tensor]
    memory_values: list[Tensor]
    memory_mask: Tensor

    def reorder(self, rows: Tensor) -> None:
        """Beam `i` goes on from what beam `rows[i]` had read; the memory is equal within a study's beams."""
        self.self_keys = [keys[rows] for keys in self.self_keys]
        self.self_values = [values[rows] for values in self.self_values]


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
        normed = self.norms[0](x)
        x = x + self.dropout(self.attention(normed, normed, mask))
        return x + self.dropout(self.feedforward(self.norms[1](x)))


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
        """One new position, (N, 1, width); appends to the cache; returns the cross-attention when asked."""
        normed = self.norms[0](x)
        keys, values = self.attention.project(normed)
        cache.self_keys[index] = torch.cat([cache.self_keys[index], keys], 2)
        cache.self_values[index] = torch.cat([cache.self_values[index], values], 2)
        x = x + self.attention.attend(normed, cache.self_keys[index], cache.self_values[index])[0]
        read, attention = self.cross.attend(
            self.norms[1](x), cache.memory_keys[index], cache.memory_values[index], cache.memory_mask, weights
        )
        x = x + read
        return x + self.feedforward(self.norms[2](x)), attention


class Decoder(nn.Module):
    """A stack of layers with a final norm, for whole sequences (training) and single steps (decoding)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor, memory: Tensor, memory_mask: Tensor) -> Tensor:
        """(B, T, width), (B, S, width), (B, S) bool -> (B, T, width); position t sees 0..t."""
        length = x.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
        for layer in self.layers:
            x = layer(x, causal, memory, memory_mask[:, None, None, :])
        return self.norm(x)

    def _stack(self) -> list[DecoderLayer]:
        return cast(list[DecoderLayer], list(self.layers))

    def start(self, memory: Tensor, memory_mask: Tensor) -> DecoderCache:
        """An empty cache over a memory, its keys and values projected for each layer."""
        projected = [layer.cross.project(memory) for layer in self._stack()]
        empty = [keys[:, :, :0] for keys, _ in projected]
        return DecoderCache(
            self_keys=list(empty),
            self_values=list(empty),
            memory_keys=[keys for keys, _ in projected],
            memory_values=[values for _, values in projected],
            memory_mask=memory_mask[:, None, None, :],
        )

    def step(self, x: Tensor, cache: DecoderCache, weights: bool = False) -> tuple[Tensor, Tensor | None]:
        """(N, width) -> (N, width) and the cross-attention (N, layers, heads, S) when asked for."""
        x = x[:, None]
        maps = []
        for index, layer in enumerate(self._stack()):
            x, attention = layer.step(x, cache, index, weights)
            maps.append(attention)
        stacked = torch.stack([each[:, :, 0] for each in maps if each is not None], 1) if weights else None
        return self.norm(x)[:, 0], stacked

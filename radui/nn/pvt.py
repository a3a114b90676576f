"""Stages of a Pyramid Vision Transformer (Wang et al. 2021): tokens of a grid in, tokens of it out."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radui.nn.attention import MultiHeadAttention


@dataclass(frozen=True)
class StageConfig:
    """One stage. grid: cells along a side; reduction: how much coarser the grid is that attention reads."""

    grid: int
    width: int
    depth: int = 1
    heads: int = 4
    reduction: int = 1
    expansion: int = 4


class PatchEmbedding(nn.Module):
    """Fixed patches, flattened and projected: (B, 1, S, S) -> (B, grid * grid, width); grid divides S."""

    def __init__(self, grid: int, size: int, width: int) -> None:
        super().__init__()
        side = size // grid
        self.projection = nn.Conv2d(1, width, side, side)  # the linear layer g of AdaMatch 3.1
        self.norm = nn.LayerNorm(width)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.norm(self.projection(pixels).flatten(2).transpose(1, 2))


class Block(nn.Module):
    """Attention to a grid averaged down by `reduction`, then feed-forward; normalised before, added after."""

    def __init__(self, config: StageConfig, dropout: float) -> None:
        super().__init__()
        self.config = config
        hidden = config.width * config.expansion
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(2))
        # Without dropout attention never writes its weights out: half the time of a stage of 196 tokens.
        self.attention = MultiHeadAttention(config.width, config.heads, dropout=0.0)
        self.feedforward = nn.Sequential(
            nn.Linear(config.width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, config.width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norms[0](x)
        x = x + self.dropout(self.attention(normed, self._reduced(normed)))
        return x + self.dropout(self.feedforward(self.norms[1](x)))

    def _reduced(self, x: Tensor) -> Tensor:
        if self.config.reduction == 1:
            return x
        return F.avg_pool2d(to_map(x), self.config.reduction).flatten(2).transpose(1, 2)


class Stage(nn.Module):
    """Position embeddings and a transformer encoder: (B, grid * grid, width) -> the same."""

    def __init__(self, config: StageConfig, dropout: float) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.empty(config.grid**2, config.width))
        nn.init.normal_(self.positions, std=0.02)
        self.blocks = nn.ModuleList(Block(config, dropout) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.positions
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


def to_map(tokens: Tensor) -> Tensor:
    """Tokens of a square grid, (B, P, C), as a map (B, C, side, side)."""
    side = round(tokens.shape[1] ** 0.5)
    return tokens.transpose(1, 2).unflatten(2, (side, side))

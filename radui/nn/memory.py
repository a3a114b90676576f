"""A matrix that features of both modalities query alike, and the pooling of a sequence (MedRAT 3.1-3.2)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radui.nn.attention import top_weights


@dataclass(frozen=True)
class MemoryConfig:
    """slots: M; read: K, how many slots answer a query; heads as in the authors' code."""

    slots: int = 2048
    read: int = 32
    heads: int = 8


class SharedMemory(nn.Module):
    """(B, N, width) -> the response of M slots to each feature, (B, N, width) (MedRAT eq. 1).

    The query does not know where a feature comes from, so patches and words are drawn to one space.
    Deviation, after the authors' public code: features and slots are split into heads, which choose
    their own K slots; eq. 1 has one head.
    """

    def __init__(self, config: MemoryConfig, width: int) -> None:
        super().__init__()
        if config.read > config.slots:
            raise ValueError("A memory cannot answer with more slots than it has: lower `read`.")
        self.config = config
        self.matrix = nn.Parameter(torch.randn(config.slots, width) / width)
        self.query = nn.Linear(width, width)  # W_f
        self.key = nn.Linear(width, width)  # W_m,in
        self.value = nn.Linear(width, width)  # W_m,out

    def forward(self, x: Tensor) -> Tensor:
        queries, keys = self._split(self.query(x)), self._split(self.key(self.matrix))
        # Cosines between -1 and 1 go to the softmax as they are: its temperature is 1.
        cosines = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).transpose(-1, -2)
        weights = top_weights(cosines, self.config.read)
        return (weights @ self._split(self.value(self.matrix))).transpose(-3, -2).flatten(-2)

    def _split(self, x: Tensor) -> Tensor:
        """(..., N, width) -> (..., heads, N, d)."""
        return x.unflatten(-1, (self.config.heads, -1)).transpose(-3, -2)


class AttentionPooling(nn.Module):
    """A weighted mean whose weights come from the vectors themselves (MedRAT eq. 2-3).

    (B, S, width), (B, S) bool -> (B, width) and the weights (B, S), which are zero on padding.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, width, bias=False)  # W_SA1
        self.score = nn.Linear(width, 1, bias=False)  # W_SA2

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.score(self.inner(x).tanh())[..., 0].float()
        weights = scores.masked_fill(~mask, float("-inf")).softmax(-1)
        return (weights[:, None].to(x.dtype) @ x)[:, 0], weights

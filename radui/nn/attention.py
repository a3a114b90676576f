"""Multi-head attention with reusable keys and values, which gives its weights when asked."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def top_weights(scores: Tensor, count: int, dropout: float = 0.0) -> Tensor:
    """Softmax over the `count` largest scores of each row, zero elsewhere: (..., S) -> (..., S).

    dropout: share of the chosen weights that are set to zero, the others scaled up.
    """
    top, index = scores.topk(count, dim=-1)
    chosen = F.dropout(top.softmax(-1), dropout).to(scores.dtype)
    return torch.zeros_like(scores).scatter(-1, index, chosen)


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention in `heads` parts of `width`."""

    def __init__(self, width: int, heads: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)

    def project(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of (B, S, width), each (B, heads, S, width / heads)."""
        keys, values = self.key_value(memory).chunk(2, -1)
        return self._split(keys), self._split(values)

    def attend(
        self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None, weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Read from projected keys and values.

        x: (B, T, width); mask: broadcasts to (B, heads, T, S), bool, True where attention may look, or
        float, added to the scores.
        Returns (B, T, width) and, when asked for, the weights (B, heads, T, S) before dropout.
        """
        queries = self._split(self.query(x))
        if not weights:
            dropout = self.dropout if self.training else 0.0
            mixed = F.scaled_dot_product_attention(queries, keys, values, mask, dropout)
            return self.output(self._merge(mixed)), None
        scores = queries @ keys.transpose(-1, -2) / queries.shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
        attention = scores.softmax(-1)
        return self.output(self._merge(F.dropout(attention, self.dropout, self.training) @ values)), attention

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.attend(x, *self.project(memory), mask)[0]

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _merge(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2).flatten(2)

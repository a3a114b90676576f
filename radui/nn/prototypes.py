"""Cross-modal prototypes: a matrix that image patches and words both query (XProNet 3.2)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from radui.nn.attention import top_weights


@dataclass(frozen=True)
class PrototypeConfig:
    """labels x per_label rows of `features` numbers; each query reads the `gamma` most similar it may see."""

    labels: int = 14
    per_label: int = 20
    features: int = 2816
    gamma: int = 15
    heads: int = 8


@dataclass(frozen=True)
class Answer:
    """response: (B, N, width); weights: (B, heads, N, rows), zero but for the gamma chosen."""

    response: Tensor
    weights: Tensor


class PrototypeMemory(nn.Module):
    """The prototype matrix PM with querying and responding, several heads (XProNet eq. 8-13).

    Two deviations follow the authors' public code, where the text cannot be meant as printed: eq. 11
    divides similarities by their sum, which is undefined when they cancel, so the weights are a softmax
    over the gamma chosen; eq. 10 divides by d, the code by the square root of a head's width.
    """

    def __init__(self, config: PrototypeConfig, width: int, dropout: float) -> None:
        super().__init__()
        if config.gamma > config.per_label:
            raise ValueError(
                "gamma may not exceed per_label: a study with one label has no more rows to read."
            )
        self.config = config
        rows = config.labels * config.per_label
        self.matrix = nn.Parameter(torch.randn(rows, config.features))
        self.project = nn.Linear(config.features, width)  # eq. 8
        self.query = nn.Linear(width, width)  # eq. 9, shared by patches and words
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)  # eq. 12
        self.output = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def keys_values(self) -> tuple[Tensor, Tensor]:
        """(heads, rows, d) each; equal for all studies, so decoding computes them once."""
        rows = self.project(self.matrix)
        heads = self.config.heads
        return (
            self.key(rows).unflatten(-1, (heads, -1)).transpose(0, 1),
            self.value(rows).unflatten(-1, (heads, -1)).transpose(0, 1),
        )

    def visible(self, labels: Tensor) -> Tensor:
        """(B, labels) bool -> (B, rows) bool: the rows of the labels that are set."""
        if not bool(labels.any(-1).all()):
            raise ValueError("Each study needs at least one label; without a finding that is 'No Finding'.")
        return labels.repeat_interleave(self.config.per_label, dim=-1)

    def forward(self, x: Tensor, visible: Tensor, keys_values: tuple[Tensor, Tensor] | None = None) -> Answer:
        """Query with (B, N, width) the rows that (B, rows) allows."""
        keys, values = keys_values or self.keys_values()
        batch, heads = len(x), self.config.heads
        # Heads first and studies with positions in one axis: one product a head with the keys that all
        # studies share. With studies first, matmul would copy the keys for each of them.
        queries = self.query(x).unflatten(-1, (heads, -1)).permute(2, 0, 1, 3).flatten(1, 2)
        scores = queries @ keys.transpose(-1, -2) / queries.shape[-1] ** 0.5
        scores = scores.unflatten(1, (batch, -1)).masked_fill(~visible[:, None, :], float("-inf"))
        weights = top_weights(scores, self.config.gamma, self.dropout.p if self.training else 0.0)
        read = (weights.flatten(1, 2) @ values).unflatten(1, (batch, -1))  # (heads, B, N, d)
        return Answer(self.output(read.permute(1, 2, 0, 3).flatten(2)), weights.transpose(0, 1))

"""Drawing tokens at random: temperature and the nucleus (top-p), for text by steps and for image codes."""

import torch
from torch import Tensor

from radui.nn.decoding import Stepper
from radui.records import SamplingConfig


def nucleus(log_probabilities: Tensor, top_p: float) -> Tensor:
    """(..., V) log-probabilities -> those of the nucleus alone, -inf outside; the likeliest always stays."""
    ordered, order = log_probabilities.sort(-1, descending=True)
    before = ordered.exp().cumsum(-1) - ordered.exp()
    kept = ordered.masked_fill(before >= top_p, float("-inf"))
    return torch.empty_like(kept).scatter_(-1, order, kept).log_softmax(-1)


def filtered(logits: Tensor, config: SamplingConfig) -> Tensor:
    """(..., V) logits -> log-probabilities of the draw: temperature, then the nucleus."""
    logits = logits.float()
    if config.temperature == 0:
        likeliest = torch.full_like(logits, float("-inf"))
        return likeliest.scatter_(-1, logits.argmax(-1, keepdim=True), 0.0)
    return nucleus((logits / config.temperature).log_softmax(-1), config.top_p)


def draw(logits: Tensor, config: SamplingConfig, generator: torch.Generator | None = None) -> Tensor:
    """(N, V) logits -> (N,) ids; the same generator state draws the same ids."""
    return torch.multinomial(filtered(logits, config).exp(), 1, generator=generator)[:, 0]


class FilteredStepper:
    """A stepper whose log-probabilities are those of the draw, for `radui.nn.decoding.sample`."""

    def __init__(self, stepper: Stepper, config: SamplingConfig) -> None:
        self.stepper, self.config = stepper, config

    def step(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Stepper`."""
        log_probabilities, traces = self.stepper.step(tokens)
        return filtered(log_probabilities, self.config), traces

    def reorder(self, rows: Tensor) -> None:
        """See `Stepper`."""
        self.stepper.reorder(rows)

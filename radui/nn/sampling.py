"""Drawing tokens at random: temperature and the nucleus (top-p), for text by steps and for image codes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from radui.nn.decoding import Stepper


@dataclass(frozen=True)
class SamplingConfig:
    """How a token is drawn.

    top_p: only the likeliest tokens that together reach this probability can be drawn (Holtzman et al.
    2020), in (0, 1]. temperature divides the logits; 0 takes the likeliest token always.
    guidance: how far the logits go from those without a condition to those with it, and beyond; 1 is
    the model's own distribution (Ho and Salimans 2022).
    """

    top_p: float = 0.92
    temperature: float = 1.0
    guidance: float = 1.0

    def __post_init__(self) -> None:
        if not (0 < self.top_p <= 1 and self.temperature >= 0 and self.guidance >= 0):
            raise ValueError("top_p must be in (0, 1], temperature and guidance must not be negative.")


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

"""Guided decoding: two steppers over one report, moved away from what a normal report would say.

Beam search prefers the normal sentence, which is the most frequent one whatever is seen. Guidance compares
the words under a study's observations with those under No Finding, as contrastive decoding compares two
models (Li et al. 2023). In none of the papers.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from radui.nn.decoding import Stepper
from radui.observations import NO_FINDING, OBSERVATIONS

PLAUSIBLE = 0.1  # share of the best word's probability below which guidance lifts no word


def no_finding_labels(studies: int, device: torch.device | str = "cpu") -> Tensor:
    """(studies, 14) bool, No Finding alone."""
    row = torch.tensor([name == NO_FINDING for name in OBSERVATIONS], device=device)
    return row.expand(studies, -1)


def guided(likely: Tensor, normal: Tensor, weight: float) -> Tensor:
    """log p + w (log p - log p under No Finding), normalised: (N, vocabulary) log-probabilities.

    Words far less likely than the best are left out: without that the weight lifts rare ones over and
    over again. Where both agree, any weight only leaves those out.
    """
    implausible = likely < likely.amax(-1, keepdim=True) + math.log(PLAUSIBLE)
    moved = likely + weight * (likely - normal)
    return F.log_softmax(moved.masked_fill(implausible, float("-inf")), -1)


class GuidedStepper:
    """A stepper led away from another one that reads the same tokens; the traces are the first one's."""

    def __init__(self, own: Stepper, normal: Stepper, weight: float) -> None:
        self.own, self.normal, self.weight = own, normal, weight

    def step(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Stepper`."""
        likely, traces = self.own.step(tokens)
        return guided(likely, self.normal.step(tokens)[0], self.weight), traces

    def reorder(self, rows: Tensor) -> None:
        """See `Stepper`."""
        self.own.reorder(rows)
        self.normal.reorder(rows)

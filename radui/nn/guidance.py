"""Guided decoding: one report read in two ways, moved away from what a normal report would say.

Beam search prefers the normal sentence, which is the most frequent one whatever is seen. Guidance compares
the words under a study's observations with those under No Finding, as contrastive decoding compares two
models (Li et al. 2023). In none of the papers.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from radui.nn.decoding import Stepper
from radui.nn.repetition import NoRepeatStepper
from radui.observations import NO_FINDING, OBSERVATIONS

PLAUSIBLE = 0.1  # share of the best word's probability below which guidance lifts no word


def no_finding_labels(studies: int, device: torch.device | str = "cpu") -> Tensor:
    """(studies, 14) bool, No Finding alone."""
    row = torch.tensor([name == NO_FINDING for name in OBSERVATIONS], device=device)
    return row.expand(studies, -1)


def guided(likely: Tensor, normal: Tensor, weight: float) -> Tensor:
    """log p + w (log p - log p under No Finding), of the same total as p: (N, vocabulary) log-probabilities.

    Words far less likely than the best are left out: without that the weight lifts rare ones over and
    over again. Where both agree, any weight only leaves those out. p is normalised unless words were taken
    out of it (radui.nn.repetition), which then stay out.
    """
    implausible = likely < likely.amax(-1, keepdim=True) + math.log(PLAUSIBLE)
    moved = likely + weight * (likely - normal)
    return F.log_softmax(moved.masked_fill(implausible, float("-inf")), -1) + likely.logsumexp(-1, True)


class GuidedStepper:
    """Studies led away from their normal twins, which read the same tokens; the traces are the studies'.

    both: a stepper over the studies and, after all of them, their twins in the same order. One batch of
    twice the rows costs far less than two steps: a step of a few rows is calls and weights, not products.
    """

    def __init__(self, both: Stepper, weight: float) -> None:
        self.both, self.weight = both, weight
        self.count = 0

    def step(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Stepper`."""
        self.count = len(tokens)
        likely, traces = self.both.step(tokens.repeat(2))
        own, normal = likely.chunk(2)
        kept = {name: trace[: self.count] for name, trace in traces.items()}
        return guided(own, normal, self.weight), kept

    def reorder(self, rows: Tensor) -> None:
        """See `Stepper`."""
        self.both.reorder(torch.cat([rows, rows + self.count]))


def steered(stepper: Stepper, guidance: float, no_repeat: int) -> Stepper:
    """What a model's own stepper becomes: no phrase twice, then guidance, each only where it is not 0.

    With guidance the stepper holds the studies and their normal twins.
    """
    if no_repeat:
        stepper = NoRepeatStepper(stepper, no_repeat)
    return GuidedStepper(stepper, guidance) if guidance else stepper


def stacked(own: Tensor, normal: Tensor) -> Tensor:
    """(B, T, …) and (B, U, …) -> (2 B, the longer, …), the shorter one filled up with zeros at its end."""
    longer = max(own.shape[1], normal.shape[1])
    filled = [F.pad(x, (0, 0) * (x.dim() - 2) + (0, longer - x.shape[1])) for x in (own, normal)]
    return torch.cat(filled)

"""No phrase twice: a report that lists findings falls under beam search into saying one over and over.

Not in the papers.
"""

import torch
from torch import Tensor

# Imported here, not on use: two threads in the first import of transformers find it half made, and whoever
# loads a checkpoint has imported this module before.
from transformers import NoRepeatNGramLogitsProcessor

from radui.nn.decoding import Stepper


class NoRepeatStepper:
    """A stepper that never gives `size` tokens in a row for a second time; the rest keeps its probability.

    What is left sums to less than one, so that a beam pays for what it wanted to repeat.
    """

    def __init__(self, inner: Stepper, size: int) -> None:
        self.inner, self.rule = inner, NoRepeatNGramLogitsProcessor(size)
        self.read: Tensor | None = None

    def step(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Stepper`."""
        newest = tokens[:, None]
        self.read = newest if self.read is None else torch.cat([self.read, newest], 1)
        log_probabilities, traces = self.inner.step(tokens)
        return self.rule(self.read, log_probabilities), traces

    def reorder(self, rows: Tensor) -> None:
        """See `Stepper`."""
        assert self.read is not None
        self.read = self.read[rows]
        self.inner.reorder(rows)

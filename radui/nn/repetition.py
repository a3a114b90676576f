"""No phrase twice: a report that lists findings falls under beam search into saying one over and over.

Not in the papers.
"""

import torch
from torch import Tensor

from radui.nn.decoding import Stepper


def repeated(read: Tensor, size: int) -> Tensor:
    """What would say `size` tokens in a row that were said before: (hits, 2) int64 pairs of row and token.

    read: (N, T) tokens so far.
    """
    if read.shape[1] < size:
        return torch.empty(0, 2, dtype=torch.long, device=read.device)
    said = read.unfold(1, size, 1)  # (N, T - size + 1, size)
    going_on = read[:, None, read.shape[1] - size + 1 :]
    hits = (said[..., :-1] == going_on).all(-1)
    return torch.stack([hits.nonzero()[:, 0], said[..., -1][hits]], 1)


class NoRepeatStepper:
    """A stepper that never gives `size` tokens in a row for a second time; the rest keeps its probability.

    What is left sums to less than one, so that a beam pays for what it wanted to repeat.
    """

    def __init__(self, inner: Stepper, size: int) -> None:
        self.inner, self.size = inner, size
        self.read: Tensor | None = None

    def step(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Stepper`."""
        newest = tokens[:, None]
        self.read = newest if self.read is None else torch.cat([self.read, newest], 1)
        log_probabilities, traces = self.inner.step(tokens)
        rows, words = repeated(self.read, self.size).unbind(1)
        return log_probabilities.index_put((rows, words), log_probabilities.new_tensor(float("-inf"))), traces

    def reorder(self, rows: Tensor) -> None:
        """See `Stepper`."""
        assert self.read is not None
        self.read = self.read[rows]
        self.inner.reorder(rows)

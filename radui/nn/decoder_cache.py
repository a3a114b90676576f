"""What a decoder has read so far: each word's keys and values once, and which beams descend from it."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class DecoderCache:
    """Keys and values of the words read and of the memory, both shared by a study's beams.

    Beams that change their parent move no keys: every word stays where it was written, and `ancestry`
    says which of them a beam may look back at. The beams of a study are then queries over one table,
    which is read once for all of them.

    words: (layers, 2, studies, heads, room * beams, d), keys then values, filled up to `filled`.
    ancestry: (studies, beams, room * beams) bool.
    memory: a layer's keys and values, (studies, heads, S, d) each; mask: (studies, 1, 1, S) bool, or float
    that is added to the scores.
    """

    words: Tensor
    ancestry: Tensor
    memory: list[tuple[Tensor, Tensor]]
    mask: Tensor
    beams: int
    time: int = 0

    @classmethod
    def over(cls, memory: list[tuple[Tensor, Tensor]], mask: Tensor, beams: int, room: int) -> "DecoderCache":
        """Nothing read yet over a projected memory; `room` words fit before the first enlargement."""
        studies, heads, _, depth = memory[0][0].shape
        words = memory[0][0].new_empty(len(memory), 2, studies, heads, room * beams, depth)
        ancestry = torch.zeros(studies, beams, room * beams, dtype=torch.bool, device=words.device)
        return cls(words, ancestry, memory, mask, beams)

    @property
    def filled(self) -> int:
        """How many words of all beams have been written."""
        return self.time * self.beams

    def advance(self) -> None:
        """Make room for the next word of each beam, which belongs to that beam alone."""
        if self.filled == self.words.shape[4]:
            self.words = torch.cat([self.words, torch.empty_like(self.words)], 4)
            self.ancestry = torch.cat([self.ancestry, torch.zeros_like(self.ancestry)], 2)
        own = torch.eye(self.beams, dtype=torch.bool, device=self.ancestry.device)
        self.ancestry[:, :, self.filled : self.filled + self.beams] = own
        self.time += 1

    def write(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keep (studies, heads, beams, d) of the newest words; all that the layer has read so far."""
        here, first = self.words[layer, :, :, :, : self.filled], self.filled - self.beams
        here[0, :, :, first:], here[1, :, :, first:] = keys, values
        return here[0], here[1]

    def visible(self) -> Tensor:
        """(studies, 1, beams, words) bool: what each beam may look back at."""
        return self.ancestry[:, None, :, : self.filled]

    def reorder(self, rows: Tensor) -> None:
        """Beam `i` goes on from what beam `rows[i]` of the same study had read; studies may be missing."""
        grouped = rows.view(-1, self.beams)
        if len(grouped) < len(self.ancestry):
            self._keep(grouped[:, 0] // self.beams)
        parents = grouped % self.beams
        self.ancestry = self.ancestry.gather(1, parents[..., None].expand_as(self.ancestry))

    def _keep(self, studies: Tensor) -> None:
        self.words, self.ancestry = self.words[:, :, studies], self.ancestry[studies]
        self.memory = [(keys[studies], values[studies]) for keys, values in self.memory]
        self.mask = self.mask[studies]

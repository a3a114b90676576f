"""MedRAT at work: a study's patch features in, a streamed report with its evidence out."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from radui.explain.attention import word_maps
from radui.explain.rollout import pooling_map, rollout, spread
from radui.models.medrat import MedRAT, Memory
from radui.models.registry import Checkpoint, CheckpointError
from radui.nn.decoding import BeamSearch, Hypothesis
from radui.records import Evidence, Finding, Prediction
from radui.systems.inputs import ModelInput
from radui.systems.streaming import ReportStream, checkpoint_vocabulary

NAME = "medrat"


class MedRATSystem:
    """A loaded checkpoint with its vocabulary; CheckpointError where they are no MedRAT and its words."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        if not isinstance(checkpoint.model, MedRAT):
            raise CheckpointError(f"The checkpoint {checkpoint.name} is of another model; train it again.")
        self.model = checkpoint.model
        self.vocabulary = checkpoint_vocabulary(checkpoint, self.model.config.vocabulary)

    def predict(
        self,
        inputs: ModelInput,
        grids: Tensor,
        labels: Tensor,
        findings: tuple[Finding, ...],
        cancelled: Callable[[], bool],
    ) -> Iterator[Prediction]:
        """Growing reports, then the complete prediction with evidence; ends early when cancelled.

        grids: (1, 2, C, h, w) of the model's backbone; labels: (1, 14) bool, read by a checkpoint that
        observes and by no other.
        """
        config = self.model.config.decoding
        with torch.inference_mode():
            memory = self.model.encode(grids, inputs.mask, labels, maps=True)
            stepper = self.model.stepper(memory, config.beams, traces=True)
        search = BeamSearch(stepper, 1, config, grids.device)
        grid = (grids.shape[1], grids.shape[3], grids.shape[4])
        yield from ReportStream(NAME, self.vocabulary).follow(
            search, findings, cancelled, lambda best: self.evidence(best, memory, inputs, grid)
        )

    def write(
        self, masks: Tensor, grids: Tensor, labels: Tensor, findings: Sequence[tuple[Finding, ...]]
    ) -> list[Prediction]:
        """Complete predictions of B studies without evidence: (B, 2), (B, 2, C, h, w), (B, 14)."""
        config = self.model.config.decoding
        with torch.inference_mode():
            stepper = self.model.stepper(self.model.encode(grids, masks, labels), config.beams)
        search = BeamSearch(stepper, len(masks), config, grids.device)
        return ReportStream(NAME, self.vocabulary).whole(search, findings)

    def evidence(
        self, best: Hypothesis, memory: Memory, inputs: ModelInput, grid: tuple[int, int, int]
    ) -> Evidence:
        """Word maps and the pooling map of what was written over a memory that was encoded with maps.

        grid: (V, h, w) of the model.
        """
        source, attention = memory.source, best.traces["attention"].cpu().numpy()
        assert source.maps is not None, "encoded with maps"
        pooling = source.pooling[0].float().cpu().numpy()
        through = rollout(source.maps[0].float().cpu().numpy())
        read = spread(attention, pooling, memory.prefix == 1) @ through
        seen = np.asarray(pooling @ through, np.float32)
        return Evidence(
            word_maps=word_maps(read, grid, inputs.slots, inputs.frames),
            pooling=pooling_map(seen, grid, inputs.slots, inputs.frames),
        )

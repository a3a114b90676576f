"""MedRAT at work: patch features in, streamed reports with their evidence out."""

from collections.abc import Sequence

import numpy as np
import torch

from radui.explain.attention import word_maps
from radui.explain.rollout import pooling_map, rollout, spread
from radui.models.medrat import MedRAT, Memory
from radui.models.registry import Checkpoint, CheckpointError
from radui.nn.decoding import Hypothesis, Stepper
from radui.records import Evidence
from radui.systems.inputs import Request, masks, patches
from radui.systems.streaming import Prove, ReportSystem
from radui.systems.words import checkpoint_vocabulary


class MedRATSystem(ReportSystem):
    """A loaded checkpoint with its vocabulary; CheckpointError where they are no MedRAT and its words."""

    name = "medrat"

    def __init__(self, checkpoint: Checkpoint) -> None:
        if not isinstance(checkpoint.model, MedRAT):
            raise CheckpointError(f"The checkpoint {checkpoint.name} is of another model; train it again.")
        self.model = checkpoint.model
        self.text = self.vocabulary = checkpoint_vocabulary(checkpoint, self.model.config.vocabulary)

    def begin(self, requests: Sequence[Request], evidence: bool) -> tuple[Stepper, Prove]:
        """See `ReportSystem`; grids (1, 2, C, h, w); labels are read by a checkpoint that observes alone."""
        labels = torch.cat([request.labels for request in requests])
        memory = self.model.encode(patches(requests), masks(requests), labels, maps=evidence)
        stepper = self.model.stepper(memory, self.model.config.decoding.beams, traces=evidence)
        return stepper, lambda index, best, _: self.evidence(best, memory, index, requests[index])

    def evidence(self, best: Hypothesis, memory: Memory, index: int, request: Request) -> Evidence:
        """Word maps and the pooling map of what was written over a study of a memory encoded with maps."""
        if not best.tokens:
            return Evidence()
        source, attention = memory.source, best.traces["attention"].cpu().numpy()
        assert source.maps is not None, "encoded with maps"
        pooling = source.pooling[index].float().cpu().numpy()
        through = rollout(source.maps[index].float().cpu().numpy())
        read = spread(attention, pooling, memory.prefix == 1) @ through
        seen = np.asarray(pooling @ through, np.float32)
        inputs, grid = request.inputs, request.grid
        return Evidence(
            word_maps=word_maps(read, grid, inputs.slots, inputs.frames),
            pooling=pooling_map(seen, grid, inputs.slots, inputs.frames),
        )

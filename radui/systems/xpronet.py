"""XProNet at work: patch features and labels in, streamed reports with their evidence out."""

from collections.abc import Sequence

import torch

from radui.explain.attention import word_maps
from radui.explain.prototypes import prototypes
from radui.models.registry import Checkpoint, CheckpointError
from radui.models.xpronet import Memory, XProNet
from radui.nn.decoding import Hypothesis, Stepper
from radui.records import Evidence
from radui.systems.inputs import Request, masks, patches
from radui.systems.streaming import Prove, ReportSystem
from radui.systems.words import checkpoint_vocabulary


class XProNetSystem(ReportSystem):
    """A loaded checkpoint with its vocabulary; CheckpointError where they are no XProNet and its words."""

    name = "xpronet"

    def __init__(self, checkpoint: Checkpoint) -> None:
        if not isinstance(checkpoint.model, XProNet):
            raise CheckpointError(f"The checkpoint {checkpoint.name} is of another model; train it again.")
        self.model = checkpoint.model
        self.text = self.vocabulary = checkpoint_vocabulary(checkpoint, self.model.config.vocabulary)

    def begin(self, requests: Sequence[Request], evidence: bool) -> tuple[Stepper, Prove]:
        """See `ReportSystem`; grids (1, 2, C, h, w) of the model's backbone."""
        labels = torch.cat([request.labels for request in requests])
        memory = self.model.encode(patches(requests), masks(requests), labels)
        stepper = self.model.stepper(memory, self.model.config.decoding.beams, traces=evidence)
        return stepper, lambda index, best, _: self._evidence(best, memory, index, requests[index])

    def _evidence(self, best: Hypothesis, memory: Memory, index: int, request: Request) -> Evidence:
        if not best.tokens:
            return Evidence()
        inputs, grid = request.inputs, request.grid
        maps = word_maps(best.traces["attention"].cpu().numpy(), grid, inputs.slots, inputs.frames)
        if memory.weights is None:
            return Evidence(word_maps=maps)
        answer = prototypes(
            best.traces["prototype_index"].cpu().numpy(),
            best.traces["prototype_weight"].cpu().numpy(),
            memory.weights[index].cpu().numpy(),
            grid,
            inputs.slots,
            request.labels[0].cpu().numpy(),
            self.model.config.prototypes.gamma,
        )
        return Evidence(word_maps=maps, prototypes=answer)

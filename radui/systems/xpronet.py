"""XProNet at work: a study's patch features and labels in, a streamed report with its evidence out."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from radui.explain.attention import word_maps
from radui.explain.prototypes import prototypes
from radui.models.registry import Checkpoint, CheckpointError
from radui.models.xpronet import Memory, XProNet
from radui.nn.decoding import BeamSearch, Hypothesis
from radui.records import Evidence, Finding, Prediction
from radui.systems.inputs import ModelInput
from radui.systems.streaming import ReportStream, checkpoint_vocabulary

NAME = "xpronet"


class XProNetSystem:
    """A loaded checkpoint with its vocabulary; CheckpointError where they are no XProNet and its words."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        if not isinstance(checkpoint.model, XProNet):
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

        grids: (1, 2, C, h, w) of the model's backbone; labels: (1, 14) bool.
        """
        config = self.model.config.decoding
        with torch.inference_mode():
            memory = self.model.encode(grids, inputs.mask, labels)
            stepper = self.model.stepper(memory, config.beams, traces=True)
        search = BeamSearch(stepper, 1, config, grids.device)
        yield from ReportStream(NAME, self.vocabulary).follow(
            search, findings, cancelled, lambda best: self._evidence(best, memory, inputs, grids, labels)
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

    def _evidence(
        self, best: Hypothesis, memory: Memory, inputs: ModelInput, grids: Tensor, labels: Tensor
    ) -> Evidence:
        grid = (grids.shape[1], grids.shape[3], grids.shape[4])
        maps = word_maps(best.traces["attention"].cpu().numpy(), grid, inputs.slots, inputs.frames)
        if memory.weights is None:
            return Evidence(word_maps=maps)
        answer = prototypes(
            best.traces["prototype_index"].cpu().numpy(),
            best.traces["prototype_weight"].cpu().numpy(),
            memory.weights[0].cpu().numpy(),
            grid,
            inputs.slots,
            labels[0].cpu().numpy(),
            self.model.config.prototypes.gamma,
        )
        return Evidence(word_maps=maps, prototypes=answer)

"""OTDRG at work: patch features and labels in, streamed reports with their transport plans out."""

from collections.abc import Sequence

import torch
from torch import Tensor

from radui.explain.transport import observation_links, transport_plan
from radui.models.observation_classifier import condition_states
from radui.models.otdrg import OTDRG, Memory
from radui.models.registry import Checkpoint, CheckpointError
from radui.nn.decoding import Stepper
from radui.records import Evidence, Finding, TransportPlan
from radui.systems.inputs import Request, masks, patches
from radui.systems.streaming import Prove, ReportSystem
from radui.systems.words import checkpoint_tokenizer


class OTDRGSystem(ReportSystem):
    """A loaded checkpoint with its tokenizer; CheckpointError where they are no OTDRG and its tokens."""

    name = "otdrg"

    def __init__(self, checkpoint: Checkpoint) -> None:
        if not isinstance(checkpoint.model, OTDRG):
            raise CheckpointError(f"The checkpoint {checkpoint.name} is of another model; train it again.")
        self.model = checkpoint.model
        language = self.model.language_model
        rows = language.base.get_input_embeddings().num_embeddings
        self.text = self.tokenizer = checkpoint_tokenizer(checkpoint, language.config.end, rows)

    def begin(self, requests: Sequence[Request], evidence: bool) -> tuple[Stepper, Prove]:
        """See `ReportSystem`; grids (1, 2, C, h, w) of the model's backbone.

        From the labels and the findings' probabilities each observation gets its state.
        """
        states = torch.cat([label_states(request.labels, request.findings) for request in requests])
        memory = self.model.encode(patches(requests), masks(requests), states)

        def prove(index: int, _: object, report: str) -> Evidence:
            plan = self._plan(memory, index, requests[index], states[index])
            return Evidence(transport=plan, links=observation_links(report))

        return self.model.stepper(memory, self.model.config.decoding.beams), prove

    def _plan(self, memory: Memory, index: int, request: Request, states: Tensor) -> TransportPlan | None:
        if memory.transport is None:
            return None
        settings = self.model.config.transport
        return transport_plan(
            memory.transport.plan[index].cpu().numpy(),
            memory.transport.cost[index].cpu().numpy(),
            request.grid,
            request.inputs.slots,
            request.inputs.frames,
            states.tolist(),
            settings.epsilon,
            settings.iterations,
        )


def label_states(labels: Tensor, findings: tuple[Finding, ...]) -> Tensor:
    """(1, 14) classes of `State`: what is ticked is present, the findings say the rest.

    Without findings a label is positive or unmentioned.
    """
    if not findings:
        return labels.long()  # State.POSITIVE is 1, State.UNMENTIONED 0
    probabilities = torch.tensor([[finding.probabilities for finding in findings]], device=labels.device)
    return condition_states(probabilities, labels)

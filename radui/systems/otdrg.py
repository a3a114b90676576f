"""OTDRG at work: a study's patch features and labels in, a streamed report with its transport plan out."""

import math
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from radui.explain.transport import observation_links, transport_plan
from radui.models.observation_classifier import condition_states
from radui.models.otdrg import OTDRG, Memory
from radui.models.registry import Checkpoint, CheckpointError
from radui.nn.decoding import BeamSearch, Hypothesis
from radui.processing.reports import assemble
from radui.processing.tokenizer import ReportTokenizer, TokenizerError
from radui.records import Evidence, Finding, Prediction, Token, TransportPlan
from radui.systems.inputs import ModelInput

NAME = "otdrg"


class OTDRGSystem:
    """A loaded checkpoint with its tokenizer; CheckpointError where they are no OTDRG and its tokens."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        if not isinstance(checkpoint.model, OTDRG):
            raise CheckpointError(f"The checkpoint {checkpoint.name} is of another model; train it again.")
        self.model = checkpoint.model
        self.tokenizer = _tokenizer(checkpoint, self.model)

    def predict(
        self,
        inputs: ModelInput,
        grids: Tensor,
        labels: Tensor,
        findings: tuple[Finding, ...],
        cancelled: Callable[[], bool],
    ) -> Iterator[Prediction]:
        """Growing reports, then the complete prediction with evidence; ends early when cancelled.

        grids: (1, 2, C, h, w) of the model's backbone; labels: (1, 14) bool, from which and from the
        findings' probabilities each observation gets its state.
        """
        started = time.perf_counter()
        config = self.model.config.decoding
        states = label_states(labels, findings)
        with torch.inference_mode():
            memory = self.model.encode(grids, inputs.mask, states)
            stepper = self.model.stepper(memory, config.beams)
        search = BeamSearch(stepper, 1, config, grids.device)
        shown = 0
        for _ in search.words():
            if cancelled():
                return
            # The last word may still grow by a token.
            words = self.tokenizer.words(search.settled_prefix())[:-1]
            if len(words) > shown:
                shown = len(words)
                seconds = time.perf_counter() - started
                yield Prediction(NAME, assemble(words)[0], (), findings, seconds=seconds)
        best = search.best()[0]
        plan = self._plan(memory, inputs, grids, states)
        yield self._complete(best, findings, plan, time.perf_counter() - started)

    def _complete(
        self, best: Hypothesis, findings: tuple[Finding, ...], plan: TransportPlan | None, seconds: float
    ) -> Prediction:
        report, offsets = assemble(self.tokenizer.words(best.tokens))
        tokens = tuple(
            Token(report[start:end], start, end, math.exp(sum(best.log_probabilities[i] for i in places)))
            for (start, end), places in zip(offsets, self.tokenizer.groups(best.tokens), strict=True)
        )
        evidence = Evidence(transport=plan, links=observation_links(report))
        return Prediction(NAME, report, tokens, findings, evidence, seconds, complete=True)

    def _plan(
        self, memory: Memory, inputs: ModelInput, grids: Tensor, states: Tensor
    ) -> TransportPlan | None:
        if memory.transport is None:
            return None
        settings = self.model.config.transport
        return transport_plan(
            memory.transport.plan[0].cpu().numpy(),
            memory.transport.cost[0].cpu().numpy(),
            (grids.shape[1], grids.shape[3], grids.shape[4]),
            inputs.slots,
            inputs.frames,
            states[0].tolist(),
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


def _tokenizer(checkpoint: Checkpoint, model: OTDRG) -> ReportTokenizer:
    try:
        end = model.config.language_model.end
        tokenizer = ReportTokenizer.load(checkpoint.folder / "tokenizer.json", end)
    except (OSError, TokenizerError) as error:
        raise CheckpointError(
            f"tokenizer.json of the checkpoint {checkpoint.name} is missing or damaged; copy it again."
        ) from error
    rows = model.language_model.base.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise CheckpointError(
            f"tokenizer.json of the checkpoint {checkpoint.name} has {len(tokenizer)} tokens where the model "
            f"knows {rows}; copy the one that was saved with it."
        )
    return tokenizer

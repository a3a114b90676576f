"""XProNet at work: a study's patch features and labels in, a streamed report with its evidence out."""

import math
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from radui.explain.attention import word_maps
from radui.explain.prototypes import prototypes
from radui.models.registry import Checkpoint
from radui.models.xpronet import Memory, XProNet
from radui.nn.decoding import BeamSearch, Hypothesis
from radui.processing.reports import assemble
from radui.processing.vocabulary import Vocabulary
from radui.records import Evidence, Finding, Prediction, Token
from radui.systems.inputs import ModelInput

NAME = "xpronet"


class XProNetSystem:
    """A loaded checkpoint with its vocabulary."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        assert isinstance(checkpoint.model, XProNet)
        self.model = checkpoint.model
        self.vocabulary = Vocabulary.load(checkpoint.folder / "vocab.json")

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
        started = time.perf_counter()
        with torch.inference_mode():
            memory = self.model.encode(grids, inputs.mask, labels)
        search = BeamSearch(
            self.model.stepper(memory, self.model.config.decoding.beams, traces=True),
            1,
            self.model.config.decoding,
            grids.device,
        )
        shown = 0
        for _ in search.words():
            if cancelled():
                return
            prefix = search.settled_prefix()
            if len(prefix) > shown:
                shown = len(prefix)
                yield self._partial(prefix, findings, time.perf_counter() - started)
        best = search.best()[0]
        evidence = self._evidence(best, memory, inputs, grids, labels)
        yield self._complete(best, findings, evidence, time.perf_counter() - started)

    def _partial(self, ids: list[int], findings: tuple[Finding, ...], seconds: float) -> Prediction:
        report, _ = assemble(self.vocabulary.words(ids))
        return Prediction(NAME, report, (), findings, seconds=seconds)

    def _complete(
        self, best: Hypothesis, findings: tuple[Finding, ...], evidence: Evidence, seconds: float
    ) -> Prediction:
        report, offsets = assemble(self.vocabulary.words(best.tokens))
        tokens = tuple(
            Token(report[start:end], start, end, math.exp(log_probability))
            for (start, end), log_probability in zip(offsets, best.log_probabilities, strict=True)
        )
        return Prediction(NAME, report, tokens, findings, evidence, seconds, complete=True)

    def _evidence(
        self, best: Hypothesis, memory: Memory, inputs: ModelInput, grids: Tensor, labels: Tensor
    ) -> Evidence:
        if not best.tokens:
            return Evidence()
        grid = (grids.shape[1], grids.shape[3], grids.shape[4])
        maps = word_maps(best.traces["attention"].numpy(), grid, inputs.slots, inputs.frames)
        if memory.weights is None:
            return Evidence(word_maps=maps)
        answer = prototypes(
            best.traces["prototype_index"].numpy(),
            best.traces["prototype_weight"].numpy(),
            memory.weights[0].numpy(),
            grid,
            inputs.slots,
            labels[0].numpy(),
            self.model.config.prototypes.gamma,
        )
        return Evidence(word_maps=maps, prototypes=answer)

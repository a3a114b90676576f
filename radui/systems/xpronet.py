"""XProNet at work: a study's patch features and labels in, a streamed report with its evidence out."""

import math
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from radui.explain.attention import word_maps
from radui.explain.prototypes import prototypes
from radui.models.registry import Checkpoint, CheckpointError
from radui.models.xpronet import Memory, XProNet
from radui.nn.decoding import BeamSearch, Hypothesis
from radui.processing.reports import assemble
from radui.processing.vocabulary import Vocabulary, VocabularyError
from radui.records import Evidence, Finding, Prediction, Token
from radui.systems.inputs import ModelInput

NAME = "xpronet"


class XProNetSystem:
    """A loaded checkpoint with its vocabulary; CheckpointError where they are no XProNet and its words."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        if not isinstance(checkpoint.model, XProNet):
            raise CheckpointError(f"The checkpoint {checkpoint.name} is of another model; train it again.")
        self.model = checkpoint.model
        self.vocabulary = _vocabulary(checkpoint, self.model.config.vocabulary)

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
        config = self.model.config.decoding
        with torch.inference_mode():
            memory = self.model.encode(grids, inputs.mask, labels)
            stepper = self.model.stepper(memory, config.beams, traces=True)
        search = BeamSearch(stepper, 1, config, grids.device)
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


def _vocabulary(checkpoint: Checkpoint, rows: int) -> Vocabulary:
    """The words of a checkpoint, one for each of the model's embedding rows."""
    try:
        vocabulary = Vocabulary.load(checkpoint.folder / "vocab.json")
    except (OSError, VocabularyError) as error:
        raise CheckpointError(
            f"vocab.json of the checkpoint {checkpoint.name} is missing or damaged; copy it again."
        ) from error
    if len(vocabulary) != rows:
        raise CheckpointError(
            f"vocab.json of the checkpoint {checkpoint.name} has {len(vocabulary)} words where the model "
            f"knows {rows}; copy the one that was saved with it."
        )
    return vocabulary

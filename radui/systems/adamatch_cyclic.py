"""AdaMatch-Cyclic at work: a radiograph in and a streamed report out, and back."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from radui.models.adamatch_cyclic import AdaMatchCyclic, Instructions
from radui.models.registry import Checkpoint, CheckpointError, load
from radui.nn.decoding import BeamSearch, Hypothesis
from radui.nn.sampling import SamplingConfig
from radui.processing.instructions import Instructor
from radui.processing.reports import assemble
from radui.processing.tokenizer import ReportTokenizer, TokenizerError
from radui.records import AdaptivePatches, ByteArray, Evidence, Finding, Prediction, Synthesis, Token, View
from radui.systems.adamatch import AdaMatchSystem
from radui.systems.inputs import ModelInput

NAME = "adamatch_cyclic"
MATCHER = "adamatch"


class Hints(Protocol):
    """What AdaMatch and its codebooks say beforehand (3.2.1, 3.2.2), and how a report fits the pictures."""

    def keywords(self, pixels: Tensor) -> tuple[str, ...]:
        """Keywords of one picture, (1, 1, S, S) in [0, 1], the best first."""

    def keypatches(self, report: str) -> tuple[int, ...]:
        """VQ-GAN codes of the keypatches that match a report, the best first."""

    def prepared(self, pixels: Tensor) -> Tensor:
        """Pictures (V, 1, S, S) in [0, 1] as `evidence` wants them."""

    def evidence(self, inputs: ModelInput, report: str) -> AdaptivePatches | None:
        """Patches of a study, its pixels prepared, matched to the words of a report."""


class NoHints:
    """A checkpoint that was trained without AdaMatch: the hints' lines stay empty, as in its training."""

    def keywords(self, pixels: Tensor) -> tuple[str, ...]:
        """None."""
        return ()

    def keypatches(self, report: str) -> tuple[int, ...]:
        """None."""
        return ()

    def prepared(self, pixels: Tensor) -> Tensor:
        """As they are."""
        return pixels

    def evidence(self, inputs: ModelInput, report: str) -> AdaptivePatches | None:
        """None."""
        return None


class SynthesisError(ValueError):
    """A report that no radiograph can be drawn to; the text says why and what to do."""


class AdaMatchCyclicSystem:
    """A loaded checkpoint with its tokenizer, and AdaMatch beside it where it was trained with hints.

    hints: instead of those. CheckpointError where one of them is missing or of another model.
    """

    def __init__(self, checkpoint: Checkpoint, hints: Hints | None = None) -> None:
        if not isinstance(checkpoint.model, AdaMatchCyclic):
            raise CheckpointError(f"The checkpoint {checkpoint.name} is of another model; train it again.")
        self.model = checkpoint.model
        self.hints: Hints = hints or _hints(checkpoint)
        self.instructor = Instructor(_tokenizer(checkpoint, self.model), self.model.texts)

    def predict(
        self,
        inputs: ModelInput,
        grids: Tensor,
        labels: Tensor,
        findings: tuple[Finding, ...],
        cancelled: Callable[[], bool],
    ) -> Iterator[Prediction]:
        """Growing reports, then the complete prediction; ends early when cancelled.

        grids: (1, 2, h, w) codes; the first view that is there is read, the frontal one of two: a picture
        is an instruction's input, and the paper gives it one. labels: not asked for.
        """
        started = time.perf_counter()
        config, tokenizer = self.model.config.decoding, self.instructor.tokenizer
        search = BeamSearch(
            self.model.stepper(self._asked(inputs, grids), config.beams), 1, config, grids.device
        )
        shown = 0
        for _ in search.words():
            if cancelled():
                return
            # The last word may still grow by a token.
            words = tokenizer.words(search.settled_prefix())[:-1]
            if len(words) > shown:
                shown = len(words)
                seconds = time.perf_counter() - started
                yield Prediction(NAME, assemble(words)[0], (), findings, seconds=seconds)
        yield self._complete(search.best()[0], inputs, findings, started)

    def _asked(self, inputs: ModelInput, grids: Tensor) -> Instructions:
        slot = int(inputs.mask[0].to(torch.int8).argmax())
        keywords = self.hints.keywords(inputs.pixels[:, slot]) if self.model.config.use_keywords else None
        asked = self.instructor.to_report(grids[0, slot].flatten().tolist(), keywords)
        return Instructions.of([asked], grids.device)

    def _complete(
        self, best: Hypothesis, inputs: ModelInput, findings: tuple[Finding, ...], started: float
    ) -> Prediction:
        tokenizer = self.instructor.tokenizer
        report, offsets = assemble(tokenizer.words(best.tokens))
        tokens = tuple(
            Token(report[start:end], start, end, math.exp(sum(best.log_probabilities[i] for i in places)))
            for (start, end), places in zip(offsets, tokenizer.groups(best.tokens), strict=True)
        )
        # Both models squash a picture to a square, so one frame says for both where a share of it lies.
        prepared = replace(inputs, pixels=self.hints.prepared(inputs.pixels[0])[None])
        evidence = Evidence(patches=self.hints.evidence(prepared, report) if report else None)
        seconds = time.perf_counter() - started
        return Prediction(NAME, report, tokens, findings, evidence, seconds, complete=True)

    def synthesise(
        self,
        report: str,
        seed: int = 0,
        view: View = "frontal",
        sampling: SamplingConfig | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Synthesis]:
        """Draw the radiograph of a report row by row, then the complete one; ends early when cancelled.

        The same report, view, seed and sampling draw the same picture. SynthesisError for an empty report
        or one that is longer than the model reads.
        """
        self._check(report)
        sampling = sampling or self.model.config.sampling
        keypatches = self.hints.keypatches(report) if self.model.config.use_keypatches else None
        device, side = self.model.code_output.weight.device, self.model.config.vqgan.grid
        asked = Instructions.of([self.instructor.to_picture(report, view, keypatches)], device)
        nothing = self.instructor.to_picture("", view, () if keypatches is not None else None)
        generator = torch.Generator(device).manual_seed(seed)
        blank = np.zeros((self.model.config.preprocessing.size,) * 2, np.uint8)
        so_far = Synthesis(report, view, blank, 0, (), tuple(keypatches or ()), seed, str(sampling))
        for codes in self.model.draw(asked, sampling, generator, Instructions.of([nothing], device)):
            if cancelled():
                return
            if codes.shape[1] % side == 0:
                so_far = self._with(so_far, codes[0])
                yield so_far
        yield replace(so_far, complete=True)

    def _check(self, report: str) -> None:
        if not report.strip():
            raise SynthesisError("The report is empty; write what the radiograph shall show.")
        longest = self.model.config.longest
        if len(self.instructor.report(report, 10 * longest).ids) > longest:
            raise SynthesisError(f"The report has more than {longest} tokens; shorten it.")

    def _with(self, so_far: Synthesis, codes: Tensor) -> Synthesis:
        config = self.model.config
        rows = len(codes) // config.vqgan.grid * (config.preprocessing.size // config.vqgan.grid)
        return replace(so_far, pixels=self._pixels(codes, rows), rows_drawn=rows, codes=tuple(codes.tolist()))

    def _pixels(self, codes: Tensor, rows: int) -> ByteArray:
        """(S, S) uint8; codes that are not drawn yet repeat the last row's, and their rows are blackened."""
        side = self.model.config.vqgan.grid
        grid = codes.view(-1, side)
        filled = torch.cat([grid, grid[-1:].expand(side - len(grid), side)])
        pixels = self.model.vqgan.decode_codes(filled[None])[0, 0].cpu().numpy()
        shown: ByteArray = (pixels * 255).round().astype(np.uint8)
        shown[rows:] = 0
        return shown


def _hints(checkpoint: Checkpoint) -> Hints:
    """AdaMatch of the folder beside, where the training had hints: without them the model reads less."""
    if not checkpoint.facts.get("training", {}).get("hints"):
        return NoHints()
    beside = load(checkpoint.folder.parent / MATCHER)
    beside.model.to(next(checkpoint.model.parameters()).device)
    return AdaMatchSystem(beside)


def _tokenizer(checkpoint: Checkpoint, model: AdaMatchCyclic) -> ReportTokenizer:
    try:
        end = model.config.language_model.end
        tokenizer = ReportTokenizer.load(checkpoint.folder / "tokenizer.json", end)
    except (OSError, TokenizerError) as error:
        raise CheckpointError(
            f"tokenizer.json of the checkpoint {checkpoint.name} is missing or damaged; copy it again."
        ) from error
    if len(tokenizer) > model.texts:
        raise CheckpointError(
            f"tokenizer.json of the checkpoint {checkpoint.name} has {len(tokenizer)} tokens where the model "
            f"knows {model.texts}; copy the one that was saved with it."
        )
    return tokenizer

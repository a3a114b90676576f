"""AdaMatch-Cyclic at work: a radiograph in and a streamed report out, and back."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from radui.models.adamatch_cyclic import AdaMatchCyclic, Instructions
from radui.models.registry import Checkpoint, CheckpointError, load
from radui.nn.decoding import Stepper
from radui.processing.instructions import Instruction, Instructor
from radui.processing.reports import clean
from radui.records import (
    AdaptivePatches,
    ByteArray,
    Evidence,
    Keypatch,
    SamplingConfig,
    Synthesis,
    View,
)
from radui.systems.adamatch import AdaMatchSystem, codes_of
from radui.systems.inputs import ModelInput, Request
from radui.systems.streaming import Prove, ReportSystem
from radui.systems.words import checkpoint_tokenizer

MATCHER = "adamatch"


class Hints(Protocol):
    """What AdaMatch and its codebooks say beforehand (3.2.1, 3.2.2), and how a report fits the pictures."""

    def keywords(self, pixels: Tensor) -> tuple[str, ...]:
        """Keywords of one picture, (1, 1, S, S) in [0, 1], the best first."""

    def chosen_keypatches(self, report: str) -> tuple[Keypatch, ...]:
        """The keypatches that match a report, the best first."""

    def prepared(self, pixels: Tensor) -> Tensor:
        """Pictures (V, 1, S, S) in [0, 1] as `evidence` wants them."""

    def evidence(self, inputs: ModelInput, report: str) -> AdaptivePatches | None:
        """Patches of a study, its pixels prepared, matched to the words of a report."""


class NoHints:
    """A checkpoint that was trained without AdaMatch: the hints' lines stay empty, as in its training."""

    def keywords(self, pixels: Tensor) -> tuple[str, ...]:
        """None."""
        return ()

    def chosen_keypatches(self, report: str) -> tuple[Keypatch, ...]:
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


class AdaMatchCyclicSystem(ReportSystem):
    """A loaded checkpoint with its tokenizer, and AdaMatch beside it where it was trained with hints.

    hints: instead of those. CheckpointError where one of them is missing or of another model.
    """

    name = "adamatch_cyclic"

    def __init__(self, checkpoint: Checkpoint, hints: Hints | None = None) -> None:
        if not isinstance(checkpoint.model, AdaMatchCyclic):
            raise CheckpointError(f"The checkpoint {checkpoint.name} is of another model; train it again.")
        self.model = checkpoint.model
        self.hints: Hints = hints or _hints(checkpoint)
        end = self.model.config.language_model.end
        self.text = checkpoint_tokenizer(checkpoint, end, self.model.texts)
        self.instructor = Instructor(self.text, self.model.texts)

    def begin(self, requests: Sequence[Request], evidence: bool) -> tuple[Stepper, Prove]:
        """See `ReportSystem`; grids (1, 2, h, w) codes; labels are not asked for.

        The first view that is there is read, the frontal one of two: a picture is an instruction's input,
        and the paper gives it one.
        """
        asked = Instructions.of([self._asked(request) for request in requests], requests[0].grids.device)
        unseen = Instructions.of([self._unseen()] * len(requests), requests[0].grids.device)
        stepper = self.model.stepper(asked, self.model.config.decoding.beams, unseen)
        return stepper, lambda index, _, report: self._evidence(requests[index].inputs, report)

    def _asked(self, request: Request) -> Instruction:
        inputs = request.inputs
        slot = int(inputs.mask[0].to(torch.int8).argmax())
        keywords = self.hints.keywords(inputs.pixels[:, slot]) if self.model.config.use_keywords else None
        return self.instructor.to_report(request.grids[0, slot].flatten().tolist(), keywords)

    def _unseen(self) -> Instruction:
        return self.instructor.to_report((), () if self.model.config.use_keywords else None)

    def _evidence(self, inputs: ModelInput, report: str) -> Evidence:
        # Both models squash a picture to a square, so one frame says for both where a share of it lies.
        prepared = replace(inputs, pixels=self.hints.prepared(inputs.pixels[0])[None])
        return Evidence(patches=self.hints.evidence(prepared, report) if report else None)

    def synthesise(
        self,
        report: str,
        seed: int = 0,
        view: View = "frontal",
        sampling: SamplingConfig | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Synthesis]:
        """Draw the radiograph of a report row by row, then the complete one; ends early when cancelled.

        The same report, view, seed and sampling draw the same picture. SynthesisError for an empty report,
        one that is longer than the model reads, or one without a word that it knows.
        """
        self._check(report)
        sampling = sampling or self.model.config.sampling
        device, side = self.model.code_output.weight.device, self.model.config.vqgan.grid
        keypatches = self._keypatches(report)
        asked, nothing = (
            Instructions.of([each], device) for each in self._instructions(report, view, keypatches)
        )
        generator = torch.Generator(device).manual_seed(seed)
        blank = np.zeros((self.model.config.preprocessing.size,) * 2, np.uint8)
        so_far = Synthesis(report, view, blank, 0, (), keypatches, seed, sampling)
        for codes in self.model.draw(asked, sampling, generator, nothing):
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
        length = len(self.instructor.tokenizer.tokens(clean(report))) + 1  # and its end
        if length > longest:
            raise SynthesisError(
                f"The report is too long: it has {length} tokens and the model reads {longest}; shorten it."
            )
        if not any(map(self._knows, re.findall(r"[^\W\d_]{3,}", clean(report)))):
            raise SynthesisError(
                "The model knows no word of the report; write English sentences as radiologists do."
            )

    def _knows(self, word: str) -> bool:
        """Whether a word was frequent enough in the training reports to be a token of its own."""
        tokenizer = self.instructor.tokenizer
        ids = tokenizer.tokens(f" {word}")
        return len(ids) == 1 and tokenizer.words(ids) == [word]  # letters it never saw are dropped

    def _keypatches(self, report: str) -> tuple[Keypatch, ...]:
        if not self.model.config.use_keypatches:
            return ()
        return tuple(self._drawn(each) for each in self.hints.chosen_keypatches(report))

    def _drawn(self, keypatch: Keypatch) -> Keypatch:
        """With its codes decoded: in the middle of their own repetition, so that no border is in the way."""
        side = math.isqrt(len(keypatch.codes))
        if not side or side * side != len(keypatch.codes):
            return keypatch
        grid = torch.tensor(keypatch.codes, device=self.model.code_output.weight.device).view(1, side, side)
        pixels = self.model.vqgan.decode_codes(grid.repeat(1, 3, 3))[0, 0]
        third = pixels.shape[0] // 3
        return replace(keypatch, texture=_bytes(pixels[third : 2 * third, third : 2 * third]))

    def _instructions(
        self, report: str, view: View, keypatches: Sequence[Keypatch]
    ) -> tuple[Instruction, Instruction]:
        """With the report and its hints, and without either, from which guidance leads away."""
        if not self.model.config.use_keypatches:
            return self.instructor.to_picture(report, view), self.instructor.to_picture("", view)
        asked = self.instructor.to_picture(report, view, codes_of(keypatches))
        return asked, self.instructor.to_picture("", view, ())

    def _with(self, so_far: Synthesis, codes: Tensor) -> Synthesis:
        config = self.model.config
        rows = len(codes) // config.vqgan.grid * (config.preprocessing.size // config.vqgan.grid)
        return replace(so_far, pixels=self._pixels(codes, rows), rows_drawn=rows, codes=tuple(codes.tolist()))

    def _pixels(self, codes: Tensor, rows: int) -> ByteArray:
        """(S, S) uint8; codes that are not drawn yet repeat the last row's, and their rows are blackened."""
        side = self.model.config.vqgan.grid
        grid = codes.view(-1, side)
        filled = torch.cat([grid, grid[-1:].expand(side - len(grid), side)])
        shown = _bytes(self.model.vqgan.decode_codes(filled[None])[0, 0])
        shown[rows:] = 0
        return shown


def _bytes(pixels: Tensor) -> ByteArray:
    """Pixels in [0, 1] as grey levels."""
    levels: ByteArray = (pixels * 255).round().to(torch.uint8).cpu().numpy()
    return levels


def _hints(checkpoint: Checkpoint) -> Hints:
    """AdaMatch of the folder beside, where the training had hints: without them the model reads less."""
    if not checkpoint.facts.get("training", {}).get("hints"):
        return NoHints()
    beside = load(checkpoint.folder.parent / MATCHER)
    beside.model.to(next(checkpoint.model.parameters()).device)
    return AdaMatchSystem(beside)

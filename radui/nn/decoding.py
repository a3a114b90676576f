"""Beam search over any model that can take one step; what the model shows of a step stays with its word.

Beams are never copied around for their history: each step keeps its parents, and the winner is read
back along them, so a step's attention costs nothing until it is asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

END = 0  # pad, begin and end share id 0 in the R2Gen protocol


@dataclass(frozen=True)
class BeamConfig:
    """length_penalty p divides a finished score by length ** p; 0 is the protocol's plain sum.

    no_repeat: a report says no such number of tokens in a row twice (radui.nn.repetition); 0 lets it.
    """

    beams: int = 3
    max_length: int = 60
    length_penalty: float = 0.0
    no_repeat: int = 0

    def __post_init__(self) -> None:
        if self.no_repeat == 1 or self.no_repeat < 0:
            raise ValueError("no_repeat is 0 for none, or 2 and more: reports say single words again.")


class Stepper(Protocol):
    """A model that reads one token a beam and says what may come next."""

    def step(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """(N,) ids -> (N, vocabulary) log-probabilities and traces, each (N, ...); N = studies * beams."""

    def reorder(self, rows: Tensor) -> None:
        """Beam i goes on from beam rows[i], (M,); all beams of a study that is done may be missing."""


@dataclass(frozen=True)
class Hypothesis:
    """A finished sequence without begin and end; traces are (length, ...), one row an emitted word."""

    tokens: list[int]
    log_probabilities: list[float]
    score: float
    traces: dict[str, Tensor]


@dataclass(frozen=True)
class _Step:
    rows: dict[int, int]  # the row of each study that was still there
    tokens: list[list[int]]  # [row][beam]
    parents: list[list[int]]  # [row][beam], the beam of the step before
    log_probabilities: Tensor  # (rows, beams)
    traces: dict[str, Tensor]  # (rows, beams of the step before, ...)


@dataclass(frozen=True)
class _Finished:
    score: float
    step: int  # how many words it has
    beam: int


class BeamSearch:
    """One search over a batch of studies; `run` is the whole interface for batches, `words` for streaming.

    active: the studies that are still searched. A study leaves when nothing can win over its best
    hypothesis any more, or when it is dropped, and then costs no more time.
    """

    def __init__(self, stepper: Stepper, studies: int, config: BeamConfig, device: torch.device) -> None:
        self.stepper, self.config, self.device = stepper, config, device
        self.steps: list[_Step] = []
        self.finished: list[list[_Finished]] = [[] for _ in range(studies)]
        self.active = list(range(studies))
        self.rows = {study: study for study in self.active}
        # Only the first beam counts at the start: all beams are still equal.
        self.scores = torch.full((studies, config.beams), float("-inf"), device=device)
        self.scores[:, 0] = 0.0
        self._live: list[list[float]] = self.scores.tolist()

    def run(self) -> list[Hypothesis]:
        """Search to the end; the best hypothesis of each study."""
        for _ in self.words():
            pass
        return [self.best(study) for study in range(len(self.finished))]

    def words(self) -> Iterator[int]:
        """Advance word by word, yielding how many steps were taken; may be left at any time."""
        tokens = torch.full((len(self.rows) * self.config.beams,), END, device=self.device)
        while self.active and len(self.steps) < self.config.max_length:
            tokens = self._word(tokens)
            yield len(self.steps)

    def drop(self, study: int) -> None:
        """Search no longer for a study."""
        if study in self.active:
            self.active.remove(study)

    def best(self, study: int = 0) -> Hypothesis:
        """The best hypothesis of a study so far."""
        winner = max(self._candidates(study), key=lambda each: each.score)
        path = self._path(study, winner)
        steps = self.steps[: winner.step]
        names = self.steps[0].traces if self.steps else {}
        return Hypothesis(
            tokens=[step.tokens[step.rows[study]][beam] for step, beam in zip(steps, path, strict=True)],
            log_probabilities=[
                float(step.log_probabilities[step.rows[study], beam])
                for step, beam in zip(steps, path, strict=True)
            ],
            score=winner.score,
            traces={name: self._trace(study, name, steps, path) for name in names},
        )

    def settled_prefix(self, study: int = 0) -> list[int]:
        """The words with which every hypothesis that can still win begins: what may be shown for good."""
        sequences = []
        for candidate in self._candidates(study):
            path = self._path(study, candidate)
            steps = self.steps[: candidate.step]
            sequences.append(
                [step.tokens[step.rows[study]][beam] for step, beam in zip(steps, path, strict=True)]
            )
        shared = []
        for column in zip(*sequences, strict=False):
            if len(set(column)) > 1:
                break
            shared.append(column[0])
        return shared

    @torch.inference_mode()
    def _word(self, tokens: Tensor) -> Tensor:
        beams, following = self._advance(*self.stepper.step(tokens))
        self._settle()
        # Moving what is left has its cost too, so studies leave the batch a quarter of it at a time.
        if self.active and 4 * len(self.active) <= 3 * len(self.rows):
            beams, following = self._close_ranks(beams, following)
        self.stepper.reorder(beams.flatten())
        return following.flatten()

    def _advance(self, log_probabilities: Tensor, traces: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Take the step; which of the stepper's beams each goes on from and its word, (rows, beams)."""
        rows, beams, vocabulary = len(self.rows), self.config.beams, log_probabilities.shape[-1]
        log_probabilities = log_probabilities.view(rows, beams, vocabulary)
        totals = (self.scores[..., None] + log_probabilities).flatten(1)
        best, flat = totals.topk(2 * beams, dim=-1)  # enough to refill the beam if `beams` of them end
        parents, tokens = flat // vocabulary, flat % vocabulary
        ended = tokens == END
        self._finish(best, parents, ended)
        # Live candidates keep their order, ended ones sink to the end and are cut off.
        order = ended.to(torch.int8).argsort(dim=-1, stable=True)[:, :beams]
        self.scores = best.masked_fill(ended, float("-inf")).gather(1, order)
        parents, tokens = parents.gather(1, order), tokens.gather(1, order)
        chosen = log_probabilities.flatten(1).gather(1, parents * vocabulary + tokens)
        kept = {name: trace.unflatten(0, (rows, beams)) for name, trace in traces.items()}
        self.steps.append(_Step(self.rows, tokens.tolist(), parents.tolist(), chosen, kept))
        self._live = self.scores.tolist()
        return parents + torch.arange(rows, device=self.device)[:, None] * beams, tokens

    def _finish(self, best: Tensor, parents: Tensor, ended: Tensor) -> None:
        length, studies = len(self.steps), list(self.rows)
        # A hypothesis counts as finished only when its end was among the beam's own candidates.
        # A small vocabulary leaves impossible candidates among them, which end nothing.
        ended = ended & best.isfinite()
        for row, rank in ended[:, : self.config.beams].nonzero().tolist():
            score = float(best[row, rank]) / max(1, length) ** self.config.length_penalty
            self.finished[studies[row]].append(_Finished(score, length, int(parents[row, rank])))

    def _settle(self) -> None:
        """Let go of studies where no live beam can win any more: scores only fall as words are added."""
        reach = self.config.max_length**self.config.length_penalty
        self.active = [
            study
            for study in self.active
            if not self.finished[study]
            or max(each.score for each in self.finished[study]) < max(self._live[self.rows[study]]) / reach
        ]

    def _close_ranks(self, beams: Tensor, following: Tensor) -> tuple[Tensor, Tensor]:
        """Leave only the rows of the studies that are active."""
        rows = torch.tensor([self.rows[study] for study in self.active], device=self.device)
        self.scores = self.scores[rows]
        self._live = self.scores.tolist()
        self.rows = {study: row for row, study in enumerate(self.active)}
        return beams[rows], following[rows]

    def _candidates(self, study: int) -> list[_Finished]:
        length = len(self.steps)
        normaliser = max(1, length) ** self.config.length_penalty
        scores = self._live[self.rows[study]] if study in self.rows else []
        alive = [
            _Finished(score / normaliser, length, beam)
            for beam, score in enumerate(scores)
            if score > float("-inf")
        ]
        # Of the finished ones only the best can still win.
        return [*sorted(self.finished[study], key=lambda each: -each.score)[:1], *alive]

    def _path(self, study: int, winner: _Finished) -> list[int]:
        """The beam that holds the hypothesis at each of its steps, first to last."""
        beams: list[int] = []
        beam = winner.beam
        for step in reversed(self.steps[: winner.step]):
            beams.append(beam)
            beam = step.parents[step.rows[study]][beam]
        return beams[::-1]

    @staticmethod
    def _trace(study: int, name: str, steps: list[_Step], path: list[int]) -> Tensor:
        # A word was predicted by its parent beam, so that is whose trace it keeps.
        rows = [
            step.traces[name][step.rows[study], step.parents[step.rows[study]][beam]]
            for step, beam in zip(steps, path, strict=True)
        ]
        return torch.stack(rows) if rows else torch.empty(0)


@torch.no_grad()
def sample(
    stepper: Stepper,
    rows: int,
    max_length: int,
    device: torch.device,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw one sequence a row from the model's own distribution: (rows, <= max_length) ids, END pads.

    generator: its own random numbers, on the same device; None takes torch's.
    """
    tokens = torch.full((rows,), END, device=device)
    drawn: list[Tensor] = []
    alive = torch.ones(rows, dtype=torch.bool, device=device)
    while len(drawn) < max_length and bool(alive.any()):
        log_probabilities, _ = stepper.step(tokens)
        drawn_ids = torch.multinomial(log_probabilities.exp(), 1, generator=generator)[:, 0]
        tokens = drawn_ids.masked_fill(~alive, END)
        drawn.append(tokens)
        alive = alive & (tokens != END)
    return torch.stack(drawn, 1)

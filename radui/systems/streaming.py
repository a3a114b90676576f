"""What all report generators do alike at work: stream a search over several studies, put reports together."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import torch

from radui.nn.decoding import BeamSearch, Hypothesis, Stepper
from radui.processing.reports import assemble
from radui.records import Evidence, Finding, Prediction, Token
from radui.systems.inputs import Request

Answers = Iterator[tuple[int, Prediction | Exception]]
Prove = Callable[[int, Hypothesis, str], Evidence]


class Words(Protocol):
    """A vocabulary or a tokenizer."""

    def words(self, ids: Iterable[int]) -> list[str]:
        """The words of a sequence of ids."""

    def settled(self, ids: Iterable[int]) -> list[str]:
        """Those of them that further ids leave as they are."""

    def groups(self, ids: Iterable[int]) -> list[list[int]]:
        """For each word the places of its ids."""


class ReportSystem(ABC):
    """A loaded checkpoint with its words; writes the reports of several studies in one search."""

    name: str
    model: Any
    text: Words

    @abstractmethod
    def begin(self, requests: Sequence[Request], evidence: bool) -> tuple[Stepper, Prove]:
        """A stepper over all the studies, and what gives a study's evidence by its index afterwards.

        The second takes index, best hypothesis and report; it is asked where `evidence` is True only.
        """

    def predict(self, requests: Sequence[Request], gone: Callable[[int], bool]) -> Answers:
        """Growing reports, then the complete prediction with evidence, each with its study's index.

        gone: whether nobody waits for a study any more; it leaves the batch. A study whose report or
        evidence cannot be put together has that exception for its last answer, and the others go on.
        """
        started = time.perf_counter()
        search, prove = self._search(requests, evidence=True)
        shown = dict.fromkeys(range(len(requests)), 0)  # words of each study that is still waited for
        for _ in search.words():
            for study in [each for each in shown if gone(each)]:
                search.drop(study)
                del shown[study]
            for study in [each for each in shown if each not in search.active]:
                del shown[study]
                yield study, self._answer(search, study, requests[study], prove, started)
            for study, count in shown.items():
                words = self.text.settled(search.settled_prefix(study))
                if len(words) > count:
                    shown[study] = len(words)
                    yield study, self._partial(words, requests[study].findings, started)
        for study in shown:
            yield study, self._answer(search, study, requests[study], prove, started)

    def reports(self, requests: Sequence[Request]) -> list[Prediction]:
        """The complete predictions without evidence."""
        search, _ = self._search(requests, evidence=False)
        return [
            self._complete(best, request.findings)
            for best, request in zip(search.run(), requests, strict=True)
        ]

    def _search(self, requests: Sequence[Request], evidence: bool) -> tuple[BeamSearch, Prove]:
        with torch.inference_mode():
            stepper, prove = self.begin(requests, evidence)
        device = requests[0].grids.device
        return BeamSearch(stepper, len(requests), self.model.config.decoding, device), prove

    def _partial(self, words: list[str], findings: tuple[Finding, ...], started: float) -> Prediction:
        return Prediction(self.name, assemble(words)[0], (), findings, seconds=time.perf_counter() - started)

    def _answer(
        self, search: BeamSearch, study: int, request: Request, prove: Prove, started: float
    ) -> Prediction | Exception:
        try:
            best = search.best(study)
            report, _ = assemble(self.text.words(best.tokens))
            evidence = prove(study, best, report)
            return self._complete(best, request.findings, evidence, time.perf_counter() - started)
        except Exception as error:
            return error

    def _complete(
        self,
        best: Hypothesis,
        findings: tuple[Finding, ...],
        evidence: Evidence | None = None,
        seconds: float = 0.0,
    ) -> Prediction:
        report, offsets = assemble(self.text.words(best.tokens))
        tokens = tuple(
            Token(report[start:end], start, end, math.exp(sum(best.log_probabilities[i] for i in places)))
            for (start, end), places in zip(offsets, self.text.groups(best.tokens), strict=True)
        )
        return Prediction(self.name, report, tokens, findings, evidence or Evidence(), seconds, complete=True)

"""What all report generators do alike at work: read their words, stream a search, put a report together."""

import math
import time
from collections.abc import Callable, Iterator, Sequence

from radui.models.registry import Checkpoint, CheckpointError
from radui.nn.decoding import BeamSearch, Hypothesis
from radui.processing.reports import assemble
from radui.processing.vocabulary import Vocabulary, VocabularyError
from radui.records import Evidence, Finding, Prediction, Token


class ReportStream:
    """The predictions of one system: its name and its words."""

    def __init__(self, name: str, vocabulary: Vocabulary) -> None:
        self.name, self.vocabulary = name, vocabulary

    def follow(
        self,
        search: BeamSearch,
        findings: tuple[Finding, ...],
        cancelled: Callable[[], bool],
        evidence: Callable[[Hypothesis], Evidence],
    ) -> Iterator[Prediction]:
        """Growing reports, then the complete prediction; ends early when cancelled.

        evidence: asked once, of the best hypothesis, unless that is empty.
        """
        started, shown = time.perf_counter(), 0
        for _ in search.words():
            if cancelled():
                return
            prefix = search.settled_prefix()
            if len(prefix) > shown:
                shown = len(prefix)
                yield self._partial(prefix, findings, time.perf_counter() - started)
        best = search.best()[0]
        found = evidence(best) if best.tokens else Evidence()
        yield self._complete(best, findings, found, time.perf_counter() - started)

    def whole(self, search: BeamSearch, findings: Sequence[tuple[Finding, ...]]) -> list[Prediction]:
        """The complete predictions of a batch of studies, without evidence; findings: one tuple a study."""
        return [
            self._complete(best, found, Evidence(), 0.0)
            for best, found in zip(search.run(), findings, strict=True)
        ]

    def _partial(self, ids: list[int], findings: tuple[Finding, ...], seconds: float) -> Prediction:
        report, _ = assemble(self.vocabulary.words(ids))
        return Prediction(self.name, report, (), findings, seconds=seconds)

    def _complete(
        self, best: Hypothesis, findings: tuple[Finding, ...], evidence: Evidence, seconds: float
    ) -> Prediction:
        report, offsets = assemble(self.vocabulary.words(best.tokens))
        tokens = tuple(
            Token(report[start:end], start, end, math.exp(log_probability))
            for (start, end), log_probability in zip(offsets, best.log_probabilities, strict=True)
        )
        return Prediction(self.name, report, tokens, findings, evidence, seconds, complete=True)


def checkpoint_vocabulary(checkpoint: Checkpoint, rows: int) -> Vocabulary:
    """The words of a checkpoint, one for each of the model's embedding rows; else CheckpointError."""
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

"""Report text to the ids that a text encoder reads, and each id's own text back."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from radui.processing.reports import clean
from radui.processing.vocabulary import END, Vocabulary


class ReportTokens(Protocol):
    """A way to cut a report into tokens."""

    def encode(self, report: str) -> list[int]:
        """Ids of the report's tokens, at least one."""

    def texts(self, ids: list[int]) -> list[str]:
        """The text of each id, lower case."""

    def spans(self, report: str) -> list[tuple[int, int]]:
        """Where each token of `encode` stands in the report; empty where it cannot be found there."""

    def save(self, folder: Path) -> None:
        """Write the file that `load_tokens` reads."""


@dataclass(frozen=True)
class WordTokens:
    """Words of the vocabulary, stops included, without marks for the beginning and the end."""

    vocabulary: Vocabulary
    max_length: int = 64

    def encode(self, report: str) -> list[int]:
        """See `ReportTokens`; an empty report is one stop."""
        ids = self.vocabulary.encode(report, self.max_length + 2)
        return [number for number in ids if number != END][: self.max_length]

    def texts(self, ids: list[int]) -> list[str]:
        """See `ReportTokens`."""
        return self.vocabulary.words(ids)

    def spans(self, report: str) -> list[tuple[int, int]]:
        """See `ReportTokens`; a word that cleaning joined out of several is not found."""
        lower, place, found = report.lower(), 0, []
        for word in clean(report).split()[: self.max_length]:
            start = lower.find(word, place)
            found.append((start, start + len(word)) if start >= 0 else (place, place))
            place = found[-1][1]
        return found

    def save(self, folder: Path) -> None:
        """See `ReportTokens`."""
        self.vocabulary.save(folder / "vocab.json")


@dataclass(frozen=True)
class PieceTokens:
    """Word pieces of a BERT's tokenizer.json, given as its text; without [CLS] and [SEP]."""

    document: str
    max_length: int = 200

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        return Tokenizer.from_str(self.document)

    def encode(self, report: str) -> list[int]:
        """See `ReportTokens`; an empty report is one stop."""
        found = self._tokenizer.encode(report.strip() or ".", add_special_tokens=False)
        return list(found.ids)[: self.max_length]

    def texts(self, ids: list[int]) -> list[str]:
        """See `ReportTokens`; the marks of continued words ("##") stay."""
        return [self._tokenizer.id_to_token(number) for number in ids]

    def spans(self, report: str) -> list[tuple[int, int]]:
        """See `ReportTokens`."""
        found = self._tokenizer.encode(report.strip() or ".", add_special_tokens=False)
        shift = len(report) - len(report.lstrip())
        return [(start + shift, end + shift) for start, end in found.offsets][: self.max_length]

    def save(self, folder: Path) -> None:
        """See `ReportTokens`."""
        (folder / "tokenizer.json").write_text(self.document, encoding="utf-8")


def encode_term(tokens: ReportTokens, term: str) -> list[int]:
    """Ids of a term without the stop that closes a report."""
    ids = tokens.encode(term)
    return ids[:-1] if len(ids) > 1 and tokens.texts(ids[-1:]) == ["."] else ids


def load_tokens(folder: Path) -> ReportTokens:
    """The tokens that were saved with a checkpoint; OSError or VocabularyError where there are none."""
    path = folder / "tokenizer.json"
    if path.exists():
        return PieceTokens(path.read_text(encoding="utf-8"))
    return WordTokens(Vocabulary.load(folder / "vocab.json"))

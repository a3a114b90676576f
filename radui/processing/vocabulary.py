"""The word vocabulary of the R2Gen protocol: built from train reports, saved as JSON."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from radui.processing.reports import UNKNOWN_WORD, clean

END = 0
"""The id of padding, of the beginning and of the end of a report alike."""


class VocabularyError(ValueError):
    """A vocabulary file or a word id that cannot be used."""


@dataclass(frozen=True)
class Vocabulary:
    """Word types in the order of their ids, which start at 1; id 0 is padding, beginning and end.

    types: sorted, with "<unk>" among them; on IU X-Ray 760, so 761 embedding rows.
    """

    types: tuple[str, ...]

    def __post_init__(self) -> None:
        if UNKNOWN_WORD not in self.types or len(set(self.types)) != len(self.types):
            raise VocabularyError(f'A vocabulary needs distinct words and "{UNKNOWN_WORD}" among them.')

    @classmethod
    def build(cls, reports: Iterable[str], threshold: int = 3) -> "Vocabulary":
        """The words that occur at least `threshold` times in the cleaned reports, and "<unk>"."""
        counts = Counter(word for report in reports for word in clean(report).split())
        kept = {word for word, count in counts.items() if count >= threshold}
        return cls(tuple(sorted(kept | {UNKNOWN_WORD})))

    def __len__(self) -> int:
        """Number of embedding rows: the word types and id 0."""
        return len(self.types) + 1

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.types, start=1)}

    def encode(self, report: str, max_length: int = 60) -> list[int]:
        """Ids of the cleaned report between two zeros, cut to `max_length` ids, zeros included.

        As in the R2Gen protocol a report that is too long loses its end mark with its last words.
        """
        unknown = self._ids[UNKNOWN_WORD]
        ids = [self._ids.get(word, unknown) for word in clean(report).split()]
        return [END, *ids, END][:max_length]

    def words(self, ids: Iterable[int]) -> list[str]:
        """The words of a sequence of ids: zeros before the first word are skipped, the next zero ends it."""
        words: list[str] = []
        for number in map(int, ids):
            if number != END:
                words.append(self._word(number))
            elif words:
                break
        return words

    def settled(self, ids: Iterable[int]) -> list[str]:
        """The words that further ids leave as they are: all, since an id is a word."""
        return self.words(ids)

    def groups(self, ids: Iterable[int]) -> list[list[int]]:
        """For each word of `words(ids)` the place of its id among the written ids."""
        return [[place] for place in range(len(self.words(ids)))]

    def _word(self, number: int) -> str:
        if not 0 < number < len(self):
            raise VocabularyError(f"Word id {number} is outside this vocabulary of {len(self)} rows.")
        return self.types[number - 1]

    def decode(self, ids: Iterable[int]) -> str:
        """The words of a sequence of ids joined with spaces, up to the first zero after a word."""
        return " ".join(self.words(ids))

    def save(self, path: str | Path) -> None:
        """Write the word types as a JSON list in the order of their ids."""
        Path(path).write_text(json.dumps(self.types, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "Vocabulary":
        """Read what `save` wrote.

        Errors: VocabularyError where the file is not such a list; OSError where it cannot be read.
        """
        try:
            types = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise VocabularyError(f"{path} is not a vocabulary file: it is not JSON.") from error
        if not isinstance(types, list) or not all(isinstance(word, str) for word in types):
            raise VocabularyError(f"{path} is not a vocabulary file: it is not a list of words.")
        return cls(tuple(types))

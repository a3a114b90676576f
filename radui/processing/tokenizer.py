"""Sub-word tokens of reports for language models: our own BPE, or the tokenizer of any Hugging Face model.

Both are one tokenizer.json. The end token of a foreign tokenizer changes places with id 0, so that id 0
pads, begins and ends a report everywhere in this project.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from radui.processing.reports import clean

END = 0
LONGEST = 96
"""Tokens of the longest report that is encoded whole; IU X-Ray's 95th percentile is 72."""


class TokenizerError(ValueError):
    """A tokenizer file that cannot be used."""


class ReportTokenizer:
    """Text to token ids and back. end: the id that the file's own tokenizer ends a text with."""

    def __init__(self, tokenizer: Any, end: int = END) -> None:
        self.tokenizer, self.end = tokenizer, end

    @classmethod
    def build(cls, texts: Iterable[str], size: int = 1500) -> "ReportTokenizer":
        """Learn a BPE of at most `size` tokens from texts, which are taken as they are; id 0 is the end."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=["</s>"], show_progress=False)
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer)

    @classmethod
    def load(cls, path: Path, end: int = END) -> "ReportTokenizer":
        """Read a tokenizer.json; TokenizerError where it is none, OSError where it cannot be read."""
        from tokenizers import Tokenizer

        text = Path(path).read_text(encoding="utf-8")
        try:
            return cls(Tokenizer.from_str(text), end)
        except Exception as error:  # the library raises bare Exceptions
            raise TokenizerError(f"{path} is not a tokenizer file; copy it again.") from error

    def save(self, path: Path) -> None:
        """Write tokenizer.json."""
        Path(path).write_text(self.tokenizer.to_str(), encoding="utf-8")

    def __len__(self) -> int:
        """Number of ids, the end included."""
        return int(self.tokenizer.get_vocab_size())

    def tokens(self, text: str) -> list[int]:
        """Ids of a text without begin and end marks, as for a prompt."""
        return [self._swap(number) for number in self.tokenizer.encode(text, add_special_tokens=False).ids]

    def encode(self, report: str, max_length: int = LONGEST) -> list[int]:
        """Ids of the cleaned report between two zeros, cut to `max_length` ids, zeros included."""
        return [END, *self.tokens(clean(report)), END][:max_length]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of a sequence of ids, words parted by one space, up to the first zero after a token."""
        return " ".join(self.words(ids))

    def words(self, ids: Iterable[int]) -> list[str]:
        """The words of a sequence of ids: zeros before the first token are skipped, the next zero ends it."""
        return self._text(_written(ids)).split()

    def settled(self, ids: Iterable[int]) -> list[str]:
        """The words that further ids leave as they are: all but the last, which may grow by a token."""
        return self.words(ids)[:-1]

    def groups(self, ids: Iterable[int]) -> list[list[int]]:
        """For each word of `words(ids)` the places of its tokens among the written ids."""
        written = _written(ids)
        groups: list[list[int]] = []
        for place in range(len(written)):
            count = len(self._text(written[: place + 1]).split())
            while len(groups) < count:
                groups.append([])
            if groups:  # a token of nothing but a space before the first word belongs to none
                groups[-1].append(place)
        return groups

    def _text(self, written: list[int]) -> str:
        return str(self.tokenizer.decode([self._swap(number) for number in written]))

    def _swap(self, number: int) -> int:
        return {END: self.end, self.end: END}.get(number, number)


def _written(ids: Iterable[int]) -> list[int]:
    written: list[int] = []
    for number in map(int, ids):
        if number != END:
            written.append(number)
        elif written:
            break
    return written

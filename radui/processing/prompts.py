"""What a language model is told beside the image: the paper's instruction and the labels (OTDRG 3.3.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from radui.observations import OBSERVATIONS, State
from radui.processing.tokenizer import ReportTokenizer

INSTRUCTION = (
    "Generate a comprehensive diagnosis report for this radiology image. ###Focus on diagnostic accuracy###"
)
# The paper's own word for the fourth state.
STATE_WORDS = {
    State.UNMENTIONED: "not mentioned",
    State.POSITIVE: "positive",
    State.NEGATIVE: "negative",
    State.UNCERTAIN: "unclear",
}


def label_text(observation: str, state: State) -> str:
    """A label as the paper writes it: "disease: state" (OTDRG 3.2.1)."""
    return f"{observation.lower()}: {STATE_WORDS[state]}"


def prompt_texts() -> list[str]:
    """Every text that a prompt can hold: what a tokenizer must know beside the reports."""
    return [INSTRUCTION, *(label_text(name, state) for name in OBSERVATIONS for state in State)]


@dataclass(frozen=True)
class PromptTokens:
    """Token ids of the instruction, and of each of the 14 x 4 labels: labels[observation][state]."""

    instruction: tuple[int, ...]
    labels: tuple[tuple[tuple[int, ...], ...], ...]

    @classmethod
    def of(cls, tokenizer: ReportTokenizer) -> "PromptTokens":
        """Read by a tokenizer."""
        labels = tuple(
            tuple(tuple(tokenizer.tokens(" " + label_text(name, state))) for state in State)
            for name in OBSERVATIONS
        )
        return cls(tuple(tokenizer.tokens(INSTRUCTION)), labels)

    @property
    def longest(self) -> int:
        """Tokens of the longest label."""
        return max(len(tokens) for row in self.labels for tokens in row)

    def text(self, states: Sequence[int], everything: bool = False) -> list[int]:
        """The instruction and a study's labels, those that are not mentioned left out unless `everything`."""
        stated = [
            self.labels[k][state]
            for k, state in enumerate(states)
            if everything or state != State.UNMENTIONED
        ]
        return [*self.instruction, *(token for tokens in stated for token in tokens)]

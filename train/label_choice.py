"""Labels by choosing: a language model weighs the four states of each observation instead of writing freely.

A small model that cannot keep to a form of 14 lines (`train.label_extraction`) still says which state it
finds likeliest after "cardiomegaly:". Each line's choice is read by the lines after it, as when it writes.
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from radui.observations import OBSERVATIONS, State
from radui.processing.prompts import STATE_WORDS
from train.label_extraction import Ask, as_turn


@dataclass(frozen=True)
class Read:
    """A text that a model has read: its cache and its log-probabilities of the next token, (vocabulary,)."""

    cache: Any
    following: Tensor


class StateChooser:
    """The answer whose states a causal model finds likeliest, line by line; it always parses."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model, tokenizer

    @torch.inference_mode()
    def answer(self, prompt: str) -> str:
        """14 lines "observation: state" after a prompt."""
        read, lines = self._read(None, self._ids(as_turn(self.tokenizer, prompt))), []
        for name in OBSERVATIONS:
            read = self._read(read, self._ids(f"{name.lower()}:"))
            state, read = self._choose(read)
            lines.append(f"{name.lower()}: {STATE_WORDS[state]}")
        return "\n".join(lines)

    def _choose(self, read: Read) -> tuple[State, Read]:
        """The likeliest state and what was read with it, its line end included."""
        found = [(*self._weigh(read, self._ids(f" {STATE_WORDS[state]}\n")), state) for state in State]
        _, after, state = max(found, key=lambda each: each[0])
        return state, after

    def _weigh(self, read: Read, ids: Tensor) -> tuple[float, Read]:
        """Log-probability of tokens after what was read, and the whole."""
        output = self.model(ids[None], past_key_values=copy.deepcopy(read.cache), use_cache=True)
        logs = output.logits[0].float().log_softmax(-1)
        before = torch.cat([read.following[None], logs[:-1]])
        total = float(before.gather(1, ids[:, None]).sum())
        return total, Read(output.past_key_values, logs[-1])

    def _read(self, read: Read | None, ids: Tensor) -> Read:
        cache = None if read is None else read.cache
        output = self.model(ids[None], past_key_values=cache, use_cache=True)
        return Read(output.past_key_values, output.logits[0, -1].float().log_softmax(-1))

    def _ids(self, text: str) -> Tensor:
        ids: Tensor = self.tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"][0]
        return ids


def choosing_asker(name: str) -> Ask:
    """As `train.label_extraction.language_asker`, by choosing; there is nothing to sample again."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    chooser = StateChooser(
        AutoModelForCausalLM.from_pretrained(name).eval(), AutoTokenizer.from_pretrained(name)
    )
    return lambda prompt, attempt: chooser.answer(prompt)

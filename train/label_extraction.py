"""Disease labels by a frozen instruction-tuned language model (OTDRG 3.2.1), beside the rule labeler.

Answers are parsed strictly: each of the 14 observations once, with one of the four states. An answer that
fails is asked for again with sampling; what fails every time stays unlabelled and is counted. Answers are
cached on disk by model, prompt and report.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from radui.observations import OBSERVATIONS, State
from radui.processing.labeler import label
from radui.processing.prompts import STATE_WORDS, label_text

Ask = Callable[[str, int], str]
"""(prompt, attempt) -> the model's answer; attempt 0 is greedy, later ones are sampled."""

EXAMPLE = (
    "The heart is mildly enlarged. No pleural effusion or pneumothorax. Possible right basilar atelectasis."
)
_STATES = {**{word: state for state, word in STATE_WORDS.items()}, "uncertain": State.UNCERTAIN}
_NAMES = {name.lower(): name for name in OBSERVATIONS}
_LINE = re.compile(r"^[\s\-*\d.)]*([a-z ]+?)\s*:\s*([a-z ]+?)\s*[.,;]?$", re.IGNORECASE)


class AnswerError(ValueError):
    """An answer that is not 14 labels; the text says what is wrong with it."""


@dataclass
class Tally:
    """How the asking went: answers read from the cache, parsed, asked again, and given up."""

    cached: int = 0
    parsed: int = 0
    retries: int = 0
    failed: int = 0


def make_prompt(report: str) -> str:
    """The question: the 14 names, the 4 states, one worked example, the report."""
    return (
        "Label a chest X-ray report. For each of the 14 observations write one line "
        '"observation: state". The states are positive, negative, unclear, not mentioned.\n\n'
        f"Report: {EXAMPLE}\n{answer_text(label(EXAMPLE))}\n\nReport: {report.strip()}\n"
    )


def answer_text(states: Mapping[str, State]) -> str:
    """14 lines as a perfect answer has them."""
    return "\n".join(label_text(name, states[name]) for name in OBSERVATIONS)


def parse_answer(answer: str) -> dict[str, State]:
    """The 14 states of an answer; AnswerError where one is missing, doubled, unknown or garbled.

    Lines after the 14th label are ignored, since small models go on with another report.
    """
    found: dict[str, State] = {}
    for line in filter(None, map(str.strip, answer.splitlines())):
        name, state = _read_line(line)
        if name in found:
            raise AnswerError(f"{name} is labelled twice.")
        found[name] = state
        if len(found) == len(OBSERVATIONS):
            return {name: found[name] for name in OBSERVATIONS}
    missing = ", ".join(name for name in OBSERVATIONS if name not in found)
    raise AnswerError(f"No label for {missing}.")


def _read_line(line: str) -> tuple[str, State]:
    match = _LINE.match(line)
    if match is None:
        raise AnswerError(f'"{line[:60]}" is not "observation: state".')
    name, state = (part.lower() for part in match.groups())
    if name not in _NAMES or state not in _STATES:
        raise AnswerError(f'"{line[:60]}" names no known observation and state.')
    return _NAMES[name], _STATES[state]


class AnswerCache:
    """Answers on disk, one JSON line each; a kill loses at most the last."""

    def __init__(self, path: Path, model: str) -> None:
        self.path, self.model = path, model
        self.known: dict[str, dict[str, int] | None] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                self.known[entry["key"]] = entry["states"]

    def key(self, prompt: str) -> str:
        """Changes with the model, the prompt and the report."""
        return hashlib.sha256(f"{self.model}\n{prompt}".encode()).hexdigest()[:24]

    def put(self, key: str, states: dict[str, int] | None) -> None:
        """Remember an answer, or with None that there was none to be had."""
        self.known[key] = states
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "states": states}) + "\n")


def extract_states(
    report: str, ask: Ask, cache: AnswerCache, tally: Tally, attempts: int = 3
) -> dict[str, State] | None:
    """The states a model reads in a report, or None where no attempt could be parsed."""
    prompt = make_prompt(report)
    key = cache.key(prompt)
    if key in cache.known:
        tally.cached += 1
        stored = cache.known[key]
        return None if stored is None else {name: State(value) for name, value in stored.items()}
    for attempt in range(attempts):
        tally.retries += attempt > 0
        try:
            states = parse_answer(ask(prompt, attempt))
        except AnswerError:
            continue
        tally.parsed += 1
        cache.put(key, {name: int(state) for name, state in states.items()})
        return states
    tally.failed += 1
    cache.put(key, None)
    return None


def language_asker(name: str, max_tokens: int = 160) -> Ask:
    """Ask a Hugging Face causal model, by name or folder, through its chat template where it has one."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(name)
    model: Any = AutoModelForCausalLM.from_pretrained(name).eval()

    def ask(prompt: str, attempt: int) -> str:
        ids = tokenizer(as_turn(tokenizer, prompt), return_tensors="pt")
        torch.manual_seed(attempt)
        with torch.inference_mode():
            written = model.generate(
                **ids, max_new_tokens=max_tokens, do_sample=attempt > 0, pad_token_id=tokenizer.eos_token_id
            )
        answer: str = tokenizer.decode(written[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
        return answer

    return ask


def as_turn(tokenizer: Any, prompt: str) -> str:
    """A prompt as a tokenizer's chat template puts it, as it is where there is none."""
    if not tokenizer.chat_template:
        return prompt
    turn = [{"role": "user", "content": prompt}]
    text: str = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    return text


def agreement_table(pairs: Sequence[tuple[Mapping[str, State], Mapping[str, State]]]) -> str:
    """How often two labelers give an observation the same state, and the same presence."""
    lines = [f"{'observation':<28}{'same state':>12}{'same presence':>15}{'present, first':>16}{'second':>8}"]
    for name in OBSERVATIONS:
        states = [(first[name], second[name]) for first, second in pairs]
        present = [tuple(s in (State.POSITIVE, State.UNCERTAIN) for s in pair) for pair in states]
        same = _share(a == b for a, b in states)
        alike = _share(a == b for a, b in present)
        counts = [sum(each[k] for each in present) for k in range(2)]
        lines.append(f"{name:<28}{same:>12.3f}{alike:>15.3f}{counts[0]:>16}{counts[1]:>8}")
    return "\n".join(lines)


def _share(matches: Iterable[bool]) -> float:
    values = list(matches)
    return sum(values) / len(values) if values else float("nan")

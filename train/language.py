"""Pre-train the compact language model of OTDRG on the train reports, as the base that LoRA adapts later.

A general model understands a prompt before it is tuned; ours has read nothing but these reports. So half
of its lessons begin with the instruction and the study's labels, and it learns what labels mean in words.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from radui.nn.language_model import LanguageModel, LanguageModelConfig
from radui.processing.prompts import PromptTokens, prompt_texts
from radui.processing.reports import clean
from radui.processing.tokenizer import END, ReportTokenizer
from train.corpus import Corpus
from train.losses import report_loss
from train.pictures import generator
from train.state_conditions import StateConditions

PROMPTED = 0.75  # share of lessons that begin with the prompt


@dataclass(frozen=True)
class Lesson:
    """tokens: (B, T) prompt, 0, report, 0; report: (B, T) bool, where the report begins to count."""

    tokens: Tensor
    mask: Tensor
    starts: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> "Lesson":
        """On another device."""
        parts = (self.tokens, self.mask, self.starts)
        return Lesson(*(part.to(device, non_blocking=non_blocking) for part in parts))


class ReportTexts(Dataset[tuple[list[int], list[int]]]):
    """A report's tokens and the prompt before it; in training its labels are noisy, and it may be missing."""

    def __init__(
        self, corpus: Corpus, split: str, tokenizer: ReportTokenizer, conditions: StateConditions
    ) -> None:
        self.positions, self.conditions = corpus.where(split), conditions
        self.reports = [tokenizer.encode(corpus.rows[p].report) for p in self.positions]
        self.prompt = PromptTokens.of(tokenizer)
        self.training, self.epoch = split == "train", 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the loop; noise follows it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, item: int) -> tuple[list[int], list[int]]:
        random = generator(self.conditions.seed, self.epoch, item) if self.training else None
        if random is not None and random.random() > PROMPTED:
            return [], self.reports[item]
        states = self.conditions.draw(self.positions[item], random)
        return self.prompt.text(states.tolist()), self.reports[item]


class LanguageTask:
    """Cross-entropy of the reports; the score is its negative on val."""

    def __init__(self, model: LanguageModel, val: ReportTexts) -> None:
        self.model, self.val = model, val

    @staticmethod
    def collate(samples: list[tuple[list[int], list[int]]]) -> Lesson:
        """Prompts end and reports begin at one column, so that the loss sees reports alone."""
        before = 1 + max(len(prompt) for prompt, _ in samples)
        after = max(len(report) for _, report in samples)
        tokens = torch.zeros(len(samples), before + after, dtype=torch.long)
        mask = torch.zeros(len(samples), before + after, dtype=torch.bool)
        for row, (prompt, report) in enumerate(samples):
            tokens[row, 1 : 1 + len(prompt)] = torch.tensor(prompt, dtype=torch.long)
            tokens[row, before : before + len(report)] = torch.tensor(report)
            mask[row, : 1 + len(prompt)] = True
            mask[row, before : before + len(report)] = True
        return Lesson(tokens, mask, torch.tensor(before))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Everything learns."""
        return [{"params": self.model.parameters()}]

    def loss(self, model: nn.Module, batch: Lesson) -> dict[str, Tensor]:
        """OTDRG eq. 11 without an image."""
        report = batch.tokens[:, int(batch.starts) :]
        embeddings = self.model.embed(batch.tokens[:, :-1])
        logits = model(embeddings, batch.mask[:, :-1], report.shape[1] - 1)
        return {"loss": report_loss(logits, report)}

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Mean loss on val with the labels that the app's classifier gives."""
        losses = []
        for start in range(0, len(self.val), 32):
            batch = self.collate([self.val[i] for i in range(start, min(start + 32, len(self.val)))])
            losses.append(float(self.loss(model, batch.to(device))["loss"]))
        return {"score": -float(np.mean(losses))}


def build_tokenizer(corpus: Corpus, size: int) -> ReportTokenizer:
    """A BPE of the cleaned train reports and of everything that a prompt can say."""
    reports = [clean(corpus.rows[p].report) for p in corpus.where("train")]
    # The prompt's words come as often as a rare word of the reports, so that they stay whole.
    return ReportTokenizer.build([*reports, *(prompt_texts() * 5)], size)


def save_base(folder: Path, config: LanguageModelConfig, tokenizer: ReportTokenizer) -> None:
    """What `read_base` needs beside best/model.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "language_model.json").write_text(json.dumps(asdict(config), indent=1) + "\n")
    tokenizer.save(folder / "tokenizer.json")


def read_base(run: Path) -> tuple[LanguageModelConfig, ReportTokenizer, dict[str, Tensor]]:
    """A pre-trained base: its config, its tokenizer, its weights (none for a foreign base)."""
    from safetensors.torch import load_file

    from radui.models.registry import from_json

    document = json.loads((run / "language_model.json").read_text())
    config: LanguageModelConfig = from_json(LanguageModelConfig, document)
    weights = {} if config.base else load_file(str(run / "best" / "model.safetensors"))
    return config, ReportTokenizer.load(run / "tokenizer.json", config.end), weights


def text_features(model: LanguageModel, reports: list[list[int]]) -> NDArray[np.float32]:
    """(reports, width): mean states of a base over each report, for IRCP at report level."""
    rows = []
    model.eval()
    for start in range(0, len(reports), 64):
        chunk = [torch.tensor(ids[1:]) for ids in reports[start : start + 64]]
        with torch.inference_mode():
            rows.append(model.hidden(nn.utils.rnn.pad_sequence(chunk, True, END)).float().numpy())
    return np.concatenate(rows)

"""Self-critical sequence training of a trained XProNet (Rennie et al. 2017), beyond the paper.

    python -m train.self_critical --data DATA --start runs/xpronet --out runs/xpronet-rl

Cross-entropy on 2,069 reports learns to write the most frequent sentences. Here the model samples
several reports a study, and each is pushed up or down by how far its reward lies from the others'.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radui.models.registry import load, save
from radui.models.xpronet import XProNet
from radui.nn.decoding import END, sample
from radui.processing.vocabulary import Vocabulary
from train.corpus import load_corpus
from train.loop import LoopConfig, Trainer, load_weights
from train.report_data import Batch, ReportStudies
from train.rewards import Cider, Reference, bleu4
from train.xpronet import Objective, XProNetTask, train_data

SAMPLES = 4
BLEU_WEIGHT = 4.0  # brings sentence BLEU-4 (about 0.2) beside CIDEr-D (about 0.5)
WORDS_WEIGHT = 0.2  # cross-entropy kept in, so that the language does not drift


class SelfCriticalTask(XProNetTask):
    """Policy gradient with the other samples' mean as the baseline, and a little cross-entropy."""

    def __init__(
        self,
        model: XProNet,
        objective: Objective,
        train: ReportStudies,
        val: ReportStudies,
        vocabulary: Vocabulary,
    ) -> None:
        super().__init__(model, objective, val, vocabulary)
        reports = [vocabulary.words(tokens) for tokens in train.tokens]
        self.cider = Cider(reports)

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """XProNet's own loss, scaled down, plus the policy gradient."""
        references = [self.cider.reference(self.vocabulary.words(row)) for row in batch.tokens.tolist()]
        model.eval()  # the policy is the model as it writes, without dropout
        sampled = self._sample(model, batch)
        rewards = self._rewards(sampled, references)
        grouped = rewards.view(-1, SAMPLES)
        others = (grouped.sum(1, keepdim=True) - grouped) / (SAMPLES - 1)
        advantage = ((grouped - others) / (grouped.std() + 1e-6)).flatten()
        # Divided by the words of a report, so that a rate means what it means for cross-entropy.
        policy = -(advantage[:, None] * self._log_probabilities(model, batch, sampled)).sum()
        policy = policy / (sampled != END).sum()
        model.train()
        supervised = super().loss(model, batch)["loss"]
        return {"loss": policy + WORDS_WEIGHT * supervised, "reward": rewards.mean(), "words": supervised}

    @staticmethod
    def _sample(model: nn.Module, batch: Batch) -> Tensor:
        """(B * SAMPLES, T) words drawn from the model."""
        inner: Any = model.module if hasattr(model, "module") else model
        with torch.no_grad():
            memory = inner.encode(batch.grids, batch.mask, batch.labels)
        return sample(inner.stepper(memory, SAMPLES), len(batch.mask) * SAMPLES, 60, batch.grids.device)

    def _rewards(self, sampled: Tensor, references: Sequence[Reference]) -> Tensor:
        scores = []
        for row, tokens in enumerate(sampled.tolist()):
            words, reference = self.vocabulary.words(tokens), references[row // SAMPLES]
            scores.append(self.cider.score(words, reference) + BLEU_WEIGHT * bleu4(words, reference))
        return torch.tensor(scores)

    @staticmethod
    def _log_probabilities(model: nn.Module, batch: Batch, sampled: Tensor) -> Tensor:
        """(B * SAMPLES, T) log-probabilities of the sampled words and their end mark, zero after it."""
        inputs = F.pad(sampled, (1, 0))[:, :-1]
        repeated = [each.repeat_interleave(SAMPLES, 0) for each in (batch.grids, batch.mask, batch.labels)]
        logits = model(*repeated, inputs).logits.float()
        chosen = F.log_softmax(logits, -1).gather(-1, sampled[..., None])[..., 0]
        ended = (sampled == END).cumsum(1) - (sampled == END).long()
        return chosen * (ended == 0)


def parse() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True, help="run folder of train.xpronet")
    parser.add_argument("--classifier", type=Path, default=Path("checkpoints/observation_classifier"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--label-noise", type=float, default=1.0)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7580)
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Go on from a trained run, keep the best epoch on val, write a checkpoint folder."""
    options = parse()
    corpus = load_corpus(options.data, options.out.parent / "cache")
    start = load(options.start / "checkpoint")
    model: Any = start.model
    vocabulary = Vocabulary.load(start.folder / "vocab.json")
    model.backbone.requires_grad_(False)
    train, val = train_data(options, corpus, model.backbone, vocabulary)
    task = SelfCriticalTask(model, Objective(), train, val, vocabulary)
    config = LoopConfig(
        options.epochs, options.batch_size, options.learning_rate, 0.0, seed=options.seed, warmup=0.1
    )
    best = Trainer(task, train, config, options.out).fit(options.resume)
    load_weights(model, best / "model.safetensors")
    facts = {
        "training": start.facts.get("training", {}),
        "self_critical": json.loads((options.out / "loop.json").read_text()),
    }
    save(options.out / "checkpoint", "xpronet", model, facts)
    vocabulary.save(options.out / "checkpoint" / "vocab.json")


if __name__ == "__main__":
    main()

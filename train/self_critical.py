"""Self-critical sequence training of a trained report generator (Rennie et al. 2017), beyond the papers.

    python -m train.self_critical --data DATA --start runs/xpronet --out runs/xpronet-rl

Cross-entropy on 2,069 reports learns to write the most frequent sentences. Here the model samples
several reports a study, and each is pushed up or down by how far its reward lies from the others'.
XProNet and OTDRG are judged by the study's own report; MedRAT, which sees no pair, by a report that
states the same observations (`train.unpaired.MatchedStudies`).
"""

import argparse
import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radui.models.registry import read_config, save
from radui.nn.decoding import END, sample
from radui.processing.vocabulary import Vocabulary
from train.corpus import load_corpus
from train.generate import read_words
from train.loop import LoopConfig, Trainer, load_weights
from train.losses import report_loss
from train.metrics.protocol import protocol_references
from train.report_data import Batch, ReportStudies, collate, decode
from train.rewards import Cider, Reference, bleu4, clinical_f1, stated
from train.selection import selection_scores
from train.self_critical_data import read_start, train_data

SAMPLES = 4
BLEU_WEIGHT = 4.0  # brings sentence BLEU-4 (about 0.2) beside CIDEr-D (about 0.5)
WORDS_WEIGHT = 0.2  # cross-entropy kept in, so that the language does not drift


@dataclass(frozen=True)
class ClinicalReward:
    """What the findings count beside the words: the overlap scores alone reward the most frequent report.

    normal: of a report without findings that rightly tells none (`train.rewards.clinical_f1`).
    """

    weight: float = 0.5
    normal: float = 1.0


@contextmanager
def as_taught(model: Any) -> Iterator[None]:
    """The model without what its decoding adds to it, guidance and the rule against repeats.

    The policy that is sampled is then the one whose probabilities are learned.
    """
    kept = model.config
    model.config = replace(kept, guidance=0.0, decoding=replace(kept.decoding, no_repeat=0))
    try:
        yield
    finally:
        model.config = kept


def repeated(memory: Any, times: int) -> Any:
    """What a decoder reads of each study `times` times, for as many reports: any dataclass of batches."""
    parts = {field.name: getattr(memory, field.name) for field in dataclasses.fields(memory)}
    for name, part in parts.items():
        if isinstance(part, Tensor):
            parts[name] = part.repeat_interleave(times, 0)
        elif dataclasses.is_dataclass(part):
            parts[name] = repeated(part, times)
    return replace(memory, **parts)


class Judge:
    """Rewards of sampled reports; words: what turns ids into words, reports: the train reports' words."""

    def __init__(self, words: Any, reports: Sequence[Sequence[str]], clinical: ClinicalReward) -> None:
        self.words, self.clinical, self.cider = words, clinical, Cider(reports)

    def references(self, tokens: Tensor) -> list[tuple[Reference, frozenset[str]]]:
        """(B, T) ids -> what each report is judged by."""
        written = [self.words.words(row) for row in tokens.tolist()]
        return [(self.cider.reference(words), stated(" ".join(words))) for words in written]

    def rewards(self, sampled: Tensor, references: Sequence[tuple[Reference, frozenset[str]]]) -> Tensor:
        """(B * SAMPLES,) of (B * SAMPLES, T) ids."""
        scores = []
        for row, tokens in enumerate(sampled.tolist()):
            words, (reference, truth) = self.words.words(tokens), references[row // SAMPLES]
            overlap = self.cider.score(words, reference) + BLEU_WEIGHT * bleu4(words, reference)
            told = clinical_f1(stated(" ".join(words)), truth, self.clinical.normal)
            scores.append(overlap + self.clinical.weight * told)
        return torch.tensor(scores)


class SelfCriticalTask:
    """Policy gradient with the other samples' mean as the baseline, and a little cross-entropy."""

    collate = staticmethod(collate)

    def __init__(self, model: Any, judge: Judge, val: ReportStudies) -> None:
        self.model, self.judge, self.val = model, judge, val
        rows = [val.corpus.rows[p] for p in val.positions]
        train = [val.corpus.rows[p].report for p in val.corpus.where("train")]
        self.references = protocol_references(rows, Vocabulary.build(train))
        self.reports = [row.report for row in rows]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """All that learns; the backbone and a language model's base do not."""
        return [{"params": [p for p in self.model.parameters() if p.requires_grad]}]

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """A little cross-entropy plus the policy gradient, over one encoding of each study."""
        return policy_loss(model, self.judge, batch)

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Decode val as the app would and score it under the R2Gen protocol."""
        reports = decode(model, self.val, self.judge.words, device)
        return selection_scores(reports, self.references, self.reports)


def policy_loss(model: Any, judge: Judge, batch: Batch) -> dict[str, Tensor]:
    """The loss of a batch and what it is made of."""
    model.eval()  # the policy is the model as it writes, without dropout
    with as_taught(model):
        memory = model.encode(batch.grids, batch.mask, batch.labels)
        rows, longest = len(batch.mask) * SAMPLES, model.config.decoding.max_length
        sampled = sample(model.stepper(memory, SAMPLES), rows, longest, batch.grids.device)
    rewards = judge.rewards(sampled, judge.references(batch.tokens)).to(sampled.device)
    # Divided by the words of a report, so that a rate means what it means for cross-entropy.
    chosen = log_probabilities(model, repeated(memory, SAMPLES), sampled)
    policy = -(advantages(rewards)[:, None] * chosen).sum() / (sampled != END).sum()
    words = report_loss(taught(model, memory, batch.tokens[:, :-1]), batch.tokens)
    return {"loss": policy + WORDS_WEIGHT * words, "reward": rewards.mean(), "words": words}


def advantages(rewards: Tensor) -> Tensor:
    """How far each reward lies from the mean of the study's other samples, (B * SAMPLES,)."""
    grouped = rewards.view(-1, SAMPLES)
    others = (grouped.sum(1, keepdim=True) - grouped) / (SAMPLES - 1)
    return ((grouped - others) / (grouped.std() + 1e-6)).flatten()


def taught(model: Any, memory: Any, tokens: Tensor) -> Tensor:
    """Logits (B, T, vocabulary) of the words after `tokens`; some models answer with more than logits."""
    output = model.teach(memory, tokens)
    return output if isinstance(output, Tensor) else output.logits


def log_probabilities(model: Any, memory: Any, sampled: Tensor) -> Tensor:
    """(B * SAMPLES, T) log-probabilities of the sampled words and their end mark, zero after it."""
    logits = taught(model, memory, F.pad(sampled, (1, 0))[:, :-1]).float()
    chosen = F.log_softmax(logits, -1).gather(-1, sampled[..., None])[..., 0]
    ended = (sampled == END).cumsum(1) - (sampled == END).long()
    return chosen * (ended == 0)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line; `arguments` for tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True)
    add("--start", type=Path, required=True, help="run folder of train.xpronet, medrat or otdrg")
    add("--classifier", type=Path, default=Path("checkpoints/observation_classifier"))
    add("--out", type=Path, required=True)
    add("--label-noise", type=float, default=1.0)
    add("--clinical-weight", type=float, default=ClinicalReward.weight)
    add("--normal-reward", type=float, default=ClinicalReward.normal, help="below 1: tell more")
    add("--learning-rate", type=float, default=2e-4, help="OTDRG's adapters need 1e-3")
    add("--batch-size", type=int, default=16)
    add("--length-penalty", type=float, default=1.0, help="of the beam, chosen on val")
    add("--epochs", type=int, default=4)
    add("--seed", type=int, default=7580)
    add("--resume", action="store_true")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Go on from a trained run, keep the best epoch on val, write a checkpoint folder."""
    options = parse(arguments)
    corpus = load_corpus(options.data, options.out.parent / "cache")
    start = read_start(options.start)
    model: Any = start.model
    words = read_words(start.folder, model)
    model.backbone.requires_grad_(False)
    decoding = replace(model.config.decoding, length_penalty=options.length_penalty)
    model.config = replace(model.config, decoding=decoding)
    data = train_data(start, options, corpus, words)
    clinical = ClinicalReward(options.clinical_weight, options.normal_reward)
    task = SelfCriticalTask(model, Judge(words, data.reports, clinical), data.val)
    config = LoopConfig(
        options.epochs, options.batch_size, options.learning_rate, 0.0, seed=options.seed, warmup=0.1
    )
    best = Trainer(task, data.train, config, options.out).fit(options.resume)
    load_weights(model, best / "model.safetensors")
    run = {"clinical": asdict(clinical), "label_noise": options.label_noise, **asdict(config)}
    facts = {
        "training": start.facts.get("training", {}),
        "self_critical": [*start.facts.get("self_critical", []), run],
    }
    save(options.out / "checkpoint", read_config(start.folder)["model"], model, facts)
    for path in (start.folder / "vocab.json", start.folder / "tokenizer.json"):
        if path.exists():
            shutil.copy(path, options.out / "checkpoint")


if __name__ == "__main__":
    main()

"""Self-critical sequence training of a trained XProNet (Rennie et al. 2017), beyond the paper.

    python -m train.self_critical --data DATA --start runs/xpronet --out runs/xpronet-rl

Cross-entropy on 2,069 reports learns to write the most frequent sentences. Here the model samples
several reports a study, and each is pushed up or down by how far its reward lies from the others'.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radui.models.registry import load, save
from radui.models.xpronet import Memory, XProNet
from radui.nn.decoding import END, sample
from radui.processing.vocabulary import Vocabulary
from train.corpus import load_corpus
from train.loop import LoopConfig, Trainer, load_weights
from train.losses import report_loss
from train.report_data import Batch, ReportStudies
from train.rewards import Cider, Reference, bleu4, clinical_f1, stated
from train.xpronet import Objective, XProNetTask, train_data

SAMPLES = 4
BLEU_WEIGHT = 4.0  # brings sentence BLEU-4 (about 0.2) beside CIDEr-D (about 0.5)
MAX_LENGTH = 60
WORDS_WEIGHT = 0.2  # cross-entropy kept in, so that the language does not drift


@dataclass(frozen=True)
class ClinicalReward:
    """What the findings count beside the words: the overlap scores alone reward the most frequent report.

    normal: of a report without findings that rightly tells none (`train.rewards.clinical_f1`).
    """

    weight: float = 0.5
    normal: float = 1.0


class SelfCriticalTask(XProNetTask):
    """Policy gradient with the other samples' mean as the baseline, and a little cross-entropy."""

    def __init__(
        self,
        model: XProNet,
        objective: Objective,
        train: ReportStudies,
        val: ReportStudies,
        vocabulary: Vocabulary,
        clinical: ClinicalReward = ClinicalReward(),
    ) -> None:
        super().__init__(model, objective, val, vocabulary)
        self.clinical = clinical
        reports = [vocabulary.words(tokens) for tokens in train.tokens]
        self.cider = Cider(reports)

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """A little cross-entropy plus the policy gradient, over one encoding of each study."""
        assert isinstance(model, XProNet), "runs in one process: the parts are called, not forward"
        model.eval()  # the policy is the model as it writes, without dropout
        written = [self.vocabulary.words(row) for row in batch.tokens.tolist()]
        references = [(self.cider.reference(words), stated(" ".join(words))) for words in written]
        memory = model.encode(batch.grids, batch.mask, batch.labels)
        rows = len(batch.mask) * SAMPLES
        sampled = sample(model.stepper(_repeated(memory, 1), SAMPLES), rows, MAX_LENGTH, batch.grids.device)
        rewards = self._rewards(sampled, references)
        grouped = rewards.view(-1, SAMPLES)
        others = (grouped.sum(1, keepdim=True) - grouped) / (SAMPLES - 1)
        advantage = ((grouped - others) / (grouped.std() + 1e-6)).flatten()
        # Divided by the words of a report, so that a rate means what it means for cross-entropy.
        chosen = self._log_probabilities(model, _repeated(memory, SAMPLES), sampled)
        policy = -(advantage[:, None] * chosen).sum() / (sampled != END).sum()
        words = report_loss(model.teach(memory, batch.tokens[:, :-1]).logits, batch.tokens)
        return {"loss": policy + WORDS_WEIGHT * words, "reward": rewards.mean(), "words": words}

    def _rewards(self, sampled: Tensor, references: Sequence[tuple[Reference, frozenset[str]]]) -> Tensor:
        scores = []
        for row, tokens in enumerate(sampled.tolist()):
            words, (reference, truth) = self.vocabulary.words(tokens), references[row // SAMPLES]
            overlap = self.cider.score(words, reference) + BLEU_WEIGHT * bleu4(words, reference)
            told = clinical_f1(stated(" ".join(words)), truth, self.clinical.normal)
            scores.append(overlap + self.clinical.weight * told)
        return torch.tensor(scores)

    @staticmethod
    def _log_probabilities(model: XProNet, memory: Memory, sampled: Tensor) -> Tensor:
        """(B * SAMPLES, T) log-probabilities of the sampled words and their end mark, zero after it."""
        logits = model.teach(memory, F.pad(sampled, (1, 0))[:, :-1]).logits.float()
        chosen = F.log_softmax(logits, -1).gather(-1, sampled[..., None])[..., 0]
        ended = (sampled == END).cumsum(1) - (sampled == END).long()
        return chosen * (ended == 0)


def _repeated(memory: Memory, times: int) -> Memory:
    """Each study's memory `times` times, for as many reports; the prototypes' own answers are left out."""
    visible = None if memory.visible is None else memory.visible.repeat_interleave(times, 0)
    return Memory(
        memory.states.repeat_interleave(times, 0),
        memory.mask.repeat_interleave(times, 0),
        visible,
        None,
        None,
    )


def parse() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True, help="run folder of train.xpronet")
    parser.add_argument("--classifier", type=Path, default=Path("checkpoints/observation_classifier"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--label-noise", type=float, default=1.0)
    parser.add_argument("--clinical-weight", type=float, default=ClinicalReward.weight)
    parser.add_argument(
        "--normal-reward", type=float, default=ClinicalReward.normal, help="below 1: tell more"
    )
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--length-penalty", type=float, default=1.0, help="of the beam, chosen on val")
    parser.add_argument("--epochs", type=int, default=4)
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
    decoding = replace(model.config.decoding, length_penalty=options.length_penalty)
    model.config = replace(model.config, decoding=decoding)
    train, val = train_data(options, corpus, model.backbone, vocabulary)
    clinical = ClinicalReward(options.clinical_weight, options.normal_reward)
    task = SelfCriticalTask(model, Objective(), train, val, vocabulary, clinical)
    config = LoopConfig(
        options.epochs, options.batch_size, options.learning_rate, 0.0, seed=options.seed, warmup=0.1
    )
    best = Trainer(task, train, config, options.out).fit(options.resume)
    load_weights(model, best / "model.safetensors")
    run = {"clinical": asdict(clinical), **asdict(config)}
    facts = {
        "training": start.facts.get("training", {}),
        "self_critical": [*start.facts.get("self_critical", []), run],
    }
    save(options.out / "checkpoint", "xpronet", model, facts)
    vocabulary.save(options.out / "checkpoint" / "vocab.json")


if __name__ == "__main__":
    main()

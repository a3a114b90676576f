"""Train AdaMatch-Cyclic's language model in both directions on a data set in IU X-Ray's layout.

    python -m train.adamatch_cyclic --data DATA --vqgan runs/vqgan/checkpoint --hints runs/hints.json \\
        --out runs/adamatch_cyclic

The VQ-GAN stays frozen, so its codes are computed once. Hints come from AdaMatch (python -m train.hints);
--no-keywords and --no-keypatches leave them out of the instructions.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from torch import Tensor, nn
from torch.nn import functional as F

from radui.models.adamatch_cyclic import AdaMatchCyclic, AdaMatchCyclicConfig
from radui.models.registry import load, save
from radui.models.vqgan import VQGAN
from radui.nn.language_model import LanguageModelConfig
from radui.processing.instructions import Instructor, instruction_texts
from radui.processing.reports import clean
from radui.processing.tokenizer import ReportTokenizer
from radui.processing.vocabulary import Vocabulary
from train.corpus import Corpus, load_corpus
from train.cyclic_data import CyclicBatch, CyclicStudies, HintTable, Lessons, cached_codes, collate
from train.cyclic_samples import write_reports
from train.loop import LoopConfig, Trainer, load_weights
from train.metrics.protocol import protocol_references
from train.selection import selection_scores

# Scored on val after an epoch: enough to choose by, and reports of all 296 take minutes on one core.
SCORED = 148


class CyclicTask:
    """The losses of both directions; val is scored by its reports less the loss of its pictures."""

    collate = staticmethod(collate)

    def __init__(
        self, model: AdaMatchCyclic, val: CyclicStudies, vocabulary: Vocabulary, picture_weight: float = 1.0
    ) -> None:
        self.model, self.val, self.picture_weight = model, val, picture_weight
        self.scored = val.positions[:SCORED]
        rows = [val.corpus.rows[p] for p in self.scored]
        self.references = protocol_references(rows, vocabulary)
        self.reports = [row.report for row in rows]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Everything but the VQ-GAN and a frozen base."""
        return [{"params": [each for each in self.model.parameters() if each.requires_grad]}]

    def loss(self, model: nn.Module, batch: CyclicBatch) -> dict[str, Tensor]:
        """Eq. 10 and 11 as means over their tokens: as sums a picture would count five times a report."""
        losses, drawn = self._losses(model, batch)
        zero = losses.sum() * 0  # a batch may hold one direction only
        report = losses[~drawn].mean() if (~drawn).any() else zero
        picture = losses[drawn].mean() if drawn.any() else zero
        return {"loss": report + self.picture_weight * picture, "report": report, "picture": picture}

    def _losses(self, model: nn.Module, batch: CyclicBatch) -> tuple[Tensor, Tensor]:
        """Cross-entropy of each token of a response (N,), and whether it is a code (N,) bool."""
        targets = batch.instructions.ids[batch.answers]
        logits = model(batch.instructions, batch.answers)
        return F.cross_entropy(logits.float(), targets, reduction="none"), targets >= self.model.texts

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Reports of val under the R2Gen protocol, and the losses of both directions."""
        sums, counts = torch.zeros(2), torch.zeros(2)
        for start in range(0, len(self.val), 16):
            batch = collate([self.val[i] for i in range(start, min(start + 16, len(self.val)))])
            losses, drawn = self._losses(model, batch.to(device))
            for kind, chosen in enumerate((~drawn, drawn)):
                sums[kind] += losses[chosen].sum().cpu()
                counts[kind] += chosen.sum().cpu()
        report, picture = (sums / counts.clamp_min(1)).tolist()
        reports = write_reports(self.model, self.val, self.scored)
        scores = selection_scores(reports, self.references, self.reports)
        return scores | {"score": scores["score"] - picture, "val_report": report, "val_picture": picture}


def build_tokenizer(corpus: Corpus, hints: HintTable, size: int) -> ReportTokenizer:
    """A BPE of the train reports, the instructions and the keywords.

    Sub-words instead of the other systems' words: a reader may type any report here, and instructions and
    keywords are text as well; it is also the tokenizer that a Hugging Face base needs.
    """
    reports = [clean(corpus.rows[p].report) for p in corpus.where("train")]
    keywords = sorted({word for rows in hints.keywords.values() for row in rows for word in row})
    return ReportTokenizer.build([*reports, *(instruction_texts() * 5), *keywords], size)


def build_config(options: argparse.Namespace, vqgan: VQGAN, texts: int) -> AdaMatchCyclicConfig:
    """The compact configuration, or a Hugging Face base with adapters and --language-model."""
    compact = AdaMatchCyclicConfig()
    sizes = {"vocabulary": texts, "width": options.width, "layers": options.layers}
    language = dataclasses.replace(compact.language_model, dropout=options.dropout, **sizes)
    if options.language_model:
        targets = tuple(options.lora_targets.split(","))
        language = LanguageModelConfig(
            options.language_model, end=options.end, lora_rank=options.lora_rank, lora_targets=targets
        )
    return dataclasses.replace(
        compact,
        vqgan=vqgan.config,
        language_model=language,
        use_keywords=not options.no_keywords,
        use_keypatches=not options.no_keypatches,
        places=not options.no_places,
    )


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line; `arguments` for tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vqgan", type=Path, default=Path("checkpoints/vqgan"))
    parser.add_argument("--hints", type=Path, help="keywords and keypatches by train.hints; none without")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="checkpoint to go on from, with its sizes and tokenizer")
    parser.add_argument("--no-keywords", action="store_true", help="w/o keywords (3.2.1)")
    parser.add_argument("--no-keypatches", action="store_true", help="w/o keypatches (3.2.2)")
    parser.add_argument("--no-places", action="store_true", help="codes do not say where they stand")
    parser.add_argument("--language-model", default="", help="Hugging Face causal model, name or folder")
    parser.add_argument("--end", type=int, default=0, help="with it: the id with which it ends a text")
    parser.add_argument("--lora-rank", type=int, default=16, help="with it")
    parser.add_argument("--lora-targets", default="q_proj,v_proj", help="with it: layers, by commas")
    parser.add_argument("--tokens", type=int, default=1200, help="size of our own BPE")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--versions", type=int, default=3, help="of the codes: plain, and warped ones")
    parser.add_argument("--picture-weight", type=float, default=1.0, help="of eq. 11 beside eq. 10")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7580)
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args(arguments)


def build(options: argparse.Namespace, texts: int) -> AdaMatchCyclic:
    """The model of --start, or a new one about the VQ-GAN."""
    if options.start:
        started: Any = load(options.start).model
        return started
    vqgan: Any = load(options.vqgan).model
    model = AdaMatchCyclic(build_config(options, vqgan, texts))
    model.vqgan.load_state_dict(vqgan.state_dict())
    return model


def read_tokenizer(options: argparse.Namespace, corpus: Corpus, hints: HintTable) -> ReportTokenizer:
    """That of --start, our own BPE, or the tokenizer of the base."""
    if options.start:
        return ReportTokenizer.load(options.start / "tokenizer.json", options.end)
    if not options.language_model:
        return build_tokenizer(corpus, hints, options.tokens)
    from transformers import AutoTokenizer

    return ReportTokenizer(
        AutoTokenizer.from_pretrained(options.language_model).backend_tokenizer, options.end
    )


def main(arguments: list[str] | None = None) -> None:
    """Train, keep the best epoch on val, write a checkpoint folder."""
    options = parse(arguments)
    cache = options.out.parent / "cache"
    corpus = load_corpus(options.data, cache)
    hints = HintTable.load(options.hints) if options.hints else HintTable()
    tokenizer = read_tokenizer(options, corpus, hints)
    torch.manual_seed(options.seed)
    model = build(options, len(tokenizer))
    codes = cached_codes(model.vqgan, corpus.pictures, options.versions, cache)
    instructor, lessons = Instructor(tokenizer, model.texts), Lessons(seed=options.seed)
    train, val = (
        CyclicStudies(corpus, codes, split, instructor, model.config, hints, lessons)
        for split in ("train", "val")
    )
    vocabulary = Vocabulary.build(corpus.rows[p].report for p in corpus.where("train"))
    task = CyclicTask(model, val, vocabulary, options.picture_weight)
    config = LoopConfig(options.epochs, options.batch_size, options.learning_rate, 0.05, seed=options.seed)
    best = Trainer(task, train, config, options.out).fit(options.resume)
    load_weights(model, best / "model.safetensors")
    if PartialState().is_main_process:
        facts = {"data": "IU X-Ray, R2Gen split, train", "hints": bool(options.hints)}
        write_checkpoint(options.out / "checkpoint", model, tokenizer, facts | dataclasses.asdict(config))


def write_checkpoint(
    folder: Path, model: AdaMatchCyclic, tokenizer: ReportTokenizer, facts: dict[str, Any]
) -> None:
    """The model with its VQ-GAN, its tokenizer, and how it was trained."""
    save(folder, "adamatch_cyclic", model, {"training": facts})
    tokenizer.save(folder / "tokenizer.json")


if __name__ == "__main__":
    main()

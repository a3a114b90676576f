"""What AdaMatch-Cyclic writes and draws for the studies of a split.

    python -m train.cyclic_samples --checkpoint C --data DATA --hints runs/hints.json --reports reports.jsonl
    python -m train.cyclic_samples --checkpoint C --data DATA --hints runs/hints.json --pictures codes.npz

Reports are scored by `train.evaluate --reports`, pictures by `train.synthesis_scores`. The score that chooses
among settings is printed at once; choose on --split val.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from radui.models.adamatch_cyclic import AdaMatchCyclic, AdaMatchCyclicConfig, Instructions
from radui.models.registry import load
from radui.nn.decoding import BeamSearch
from radui.processing.instructions import Instruction, Instructor
from radui.processing.tokenizer import ReportTokenizer
from radui.processing.vocabulary import Vocabulary
from radui.records import SamplingConfig
from train.corpus import load_corpus
from train.cyclic_data import CyclicStudies, HintTable, Lessons, cached_codes
from train.metrics.protocol import protocol_references
from train.selection import selection_scores


def write_reports(
    model: AdaMatchCyclic, studies: CyclicStudies, positions: Sequence[int], batch_size: int = 16
) -> list[str]:
    """The report of each study's first picture, in lower case as the protocol scores it."""
    model.eval()
    decoding, tokenizer = model.config.decoding, studies.instructor.tokenizer
    device = model.code_output.weight.device
    reports, nothing = [], studies.to_report(positions[0], empty=True)[0]
    for start in range(0, len(positions), batch_size):
        asked = [studies.to_report(p)[0] for p in positions[start : start + batch_size]]
        unseen = Instructions.of([nothing] * len(asked), device)
        stepper = model.stepper(Instructions.of(asked, device), decoding.beams, unseen)
        search = BeamSearch(stepper, len(asked), decoding, device)
        reports += [tokenizer.decode(found.tokens) for found in search.run()]
    return reports


def draw_pictures(
    model: AdaMatchCyclic,
    asked: Sequence[Instruction],
    nothing: Instruction,
    sampling: SamplingConfig,
    seed: int,
    batch_size: int = 16,
) -> NDArray[np.int64]:
    """(instructions, codes) of the pictures asked for; nothing: the instruction without a report."""
    model.eval()
    device = model.code_output.weight.device
    generator = torch.Generator(device).manual_seed(seed)
    rows = []
    for start in tqdm(range(0, len(asked), batch_size), desc="pictures", mininterval=5):
        some = asked[start : start + batch_size]
        free = Instructions.of([nothing] * len(some), device)
        *_, codes = model.draw(Instructions.of(some, device), sampling, generator, free)
        rows.append(codes.cpu().numpy())
    return np.concatenate(rows)


def load_system(
    checkpoint: Path, data: Path, hints: Path | None, split: str, cache: Path
) -> tuple[AdaMatchCyclic, CyclicStudies]:
    """A checkpoint and a split's studies as it reads them."""
    model: Any = load(checkpoint).model
    corpus = load_corpus(data, cache)
    tokenizer = ReportTokenizer.load(checkpoint / "tokenizer.json", model.config.language_model.end)
    codes = cached_codes(model.vqgan, corpus.pictures, 1, cache)
    table = HintTable.load(hints) if hints else HintTable()
    instructor = Instructor(tokenizer, model.texts)
    return model, CyclicStudies(corpus, codes, split, instructor, model.config, table, Lessons())


def with_decoding(
    config: AdaMatchCyclicConfig, guidance: float | None, length_penalty: float | None
) -> AdaMatchCyclicConfig:
    """The configuration with another decoding of reports; None leaves a setting as it is."""
    decoding = config.decoding
    if length_penalty is not None:
        decoding = replace(decoding, length_penalty=length_penalty)
    return replace(config, decoding=decoding, guidance=config.guidance if guidance is None else guidance)


def selection(studies: CyclicStudies, positions: Sequence[int], reports: list[str]) -> dict[str, float]:
    """The score that training chooses an epoch by, of these studies' reports."""
    corpus = studies.corpus
    vocabulary = Vocabulary.build(corpus.rows[p].report for p in corpus.where("train"))
    rows = [corpus.rows[p] for p in positions]
    written = [row.report for row in rows]
    return selection_scores(reports, protocol_references(rows, vocabulary), written)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line; `arguments` for tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--hints", type=Path)
    parser.add_argument("--split", choices=("train", "val", "test"), default="test")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--limit", type=int, help="the first LIMIT studies only")
    parser.add_argument("--reports", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--top-p", type=float, default=0.92)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--report-guidance", type=float, help="away from the report of no picture")
    parser.add_argument("--length-penalty", type=float, help="of reports")
    parser.add_argument("--seed", type=int, default=7580)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Write reports as JSON Lines, or pictures as an array of codes with the studies' ids."""
    options = parse(arguments)
    model, studies = load_system(
        options.checkpoint, options.data, options.hints, options.split, options.cache
    )
    positions = studies.positions[: options.limit]
    model.config = with_decoding(model.config, options.report_guidance, options.length_penalty)
    ids = [studies.corpus.rows[p].id for p in positions]
    if options.reports:
        reports = write_reports(model, studies, positions)
        lines = [json.dumps({"id": id, "report": text}) for id, text in zip(ids, reports, strict=True)]
        options.reports.write_text("\n".join(lines) + "\n")
        found = selection(studies, positions, reports)
        print("  ".join(f"{name} {value:.4g}" for name, value in found.items()))
    if options.pictures:
        sampling = SamplingConfig(options.top_p, options.temperature, options.guidance)
        asked = [studies.to_picture(p)[0] for p in positions]
        nothing = studies.to_picture(positions[0], empty=True)[0]
        codes = draw_pictures(model, asked, nothing, sampling, options.seed)
        np.savez_compressed(options.pictures, ids=np.array(ids), codes=codes.astype(np.int16))


if __name__ == "__main__":
    main()

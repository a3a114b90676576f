"""What AdaMatch-Cyclic writes and draws for the studies of a split.

    python -m train.cyclic_samples --checkpoint C --data DATA --hints runs/hints.json --reports reports.jsonl
    python -m train.cyclic_samples --checkpoint C --data DATA --hints runs/hints.json --pictures codes.npz

Reports are scored by `train.evaluate --reports`, pictures by `train.synthesis_scores`.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from radui.models.adamatch_cyclic import AdaMatchCyclic, Instructions
from radui.models.registry import load
from radui.nn.decoding import BeamSearch
from radui.processing.instructions import Instruction, Instructor
from radui.processing.tokenizer import ReportTokenizer
from radui.records import SamplingConfig
from train.corpus import load_corpus
from train.cyclic_data import CyclicStudies, HintTable, Lessons, cached_codes


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
    parser.add_argument("--seed", type=int, default=7580)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Write reports as JSON Lines, or pictures as an array of codes with the studies' ids."""
    options = parse(arguments)
    model, studies = load_system(
        options.checkpoint, options.data, options.hints, options.split, options.cache
    )
    positions = studies.positions[: options.limit]
    ids = [studies.corpus.rows[p].id for p in positions]
    if options.reports:
        reports = write_reports(model, studies, positions)
        lines = [json.dumps({"id": id, "report": text}) for id, text in zip(ids, reports, strict=True)]
        options.reports.write_text("\n".join(lines) + "\n")
    if options.pictures:
        sampling = SamplingConfig(options.top_p, options.temperature, options.guidance)
        asked = [studies.to_picture(p)[0] for p in positions]
        nothing = studies.to_picture(positions[0], empty=True)[0]
        codes = draw_pictures(model, asked, nothing, sampling, options.seed)
        np.savez_compressed(options.pictures, ids=np.array(ids), codes=codes.astype(np.int16))


if __name__ == "__main__":
    main()

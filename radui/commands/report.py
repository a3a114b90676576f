"""Reports of a whole folder: `python -m radui report FOLDER --system all --out reports.jsonl`.

A line a case and system, appended as soon as it is written; a run that was killed goes on where it
stopped when the same command is given again. Several processes, on one machine or on many that see the
same folders, share the cases: under `accelerate launch -m radui report …` or torchrun by their ranks, else
by --shard. Each process appends to a file of its own (reports.2-of-4.jsonl); `cat` joins them.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from radui.engine import NEEDED, Engine, EngineError
from radui.processing.case_folder import CaseFiles, CaseFolderError, list_cases, read_case
from radui.processing.errors import ImageError
from radui.reading_study import check_systems, checkpoint_sha256, ready_systems
from radui.records import GateVerdict, Prediction, Study
from radui.render.warning import gate_warning


@dataclass(frozen=True)
class Shard:
    """This process's part of the cases: number `index` of `count`, from 0."""

    index: int = 0
    count: int = 1

    def part(self, cases: Sequence[CaseFiles]) -> list[CaseFiles]:
        """Every count-th case, so that parts stay equal whatever the order of the names means."""
        return list(cases[self.index :: self.count])

    def file(self, out: Path) -> Path:
        """The file that this process alone appends to."""
        if self.count == 1:
            return out
        return out.with_name(f"{out.stem}.{self.index + 1}-of-{self.count}{out.suffix}")


def environment_shard() -> Shard:
    """The rank that torchrun or accelerate gave this process; all of the cases without one."""
    return Shard(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


def parse_shard(text: str) -> Shard:
    """Read "2/4"."""
    index, _, count = text.partition("/")
    if not (index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count)):
        raise argparse.ArgumentTypeError("give it as 2/4: the second of four parts.")
    return Shard(int(index) - 1, int(count))


def finished(out: Path) -> set[tuple[str, str]]:
    """(case, system) of every whole line in `out` and in the files of its shards."""
    done: set[tuple[str, str]] = set()
    for path in (out, *sorted(out.parent.glob(f"{out.stem}.*-of-*{out.suffix}"))):
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                row = json.loads(line)
                done.add((row["case"], row["system"]))
            except (ValueError, KeyError, TypeError):
                continue  # the line that a kill cut short; its case is written again
    return done


def open_log(path: Path) -> Any:
    """Open for appending, on a line of its own after one that was cut short."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log = path.open("ab")
    if log.tell():
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                log.write(b"\n")
    return log


def read(files: CaseFiles) -> Study | str:
    """A study, or the sentence that says why there is none; runs in a worker process."""
    try:
        return read_case(files)[0]
    except (ImageError, OSError) as error:
        return str(error)


def read_ahead(
    cases: Sequence[CaseFiles], workers: int, depth: int
) -> Iterator[tuple[CaseFiles, Study | str]]:
    """Cases with their studies in order, `depth` of them decoded ahead of the models."""
    # Forking a process that may hold model threads can hang; fresh workers import only what reads files.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        left = iter(cases)
        waiting: list[tuple[CaseFiles, Future[Study | str]]] = [
            (case, pool.submit(read, case)) for case in islice(left, depth)
        ]
        while waiting:
            case, future = waiting.pop(0)
            waiting += [(each, pool.submit(read, each)) for each in islice(left, 1)]
            yield case, future.result()


def written(prediction: Prediction, verdicts: Sequence[GateVerdict]) -> dict[str, Any]:
    """The part of a line that a readable case has."""
    findings = {
        finding.observation: {"state": finding.state.name.lower(), "positive": round(finding.positive, 4)}
        for finding in prediction.findings
    }
    return {"report": prediction.report, "findings": findings, "warning": gate_warning(verdicts)}


class Writer:
    """Writes the lines of one system for cases that were read."""

    def __init__(self, engine: Engine, system: str) -> None:
        self.engine, self.system = engine, system
        self.weights = checkpoint_sha256(engine.checkpoints, (system, *NEEDED))

    def rows(self, group: Sequence[tuple[CaseFiles, Study | str]]) -> list[dict[str, Any]]:
        """The lines of a batch of cases, in order."""
        studies = [study for _, study in group if isinstance(study, Study)]
        predictions = iter(self.engine.reports(self.system, studies))
        return [self._row(files.name, study, predictions) for files, study in group]

    def _row(self, case: str, study: Study | str, predictions: Iterator[Prediction]) -> dict[str, Any]:
        found: dict[str, Any] = {"case": case, "system": self.system, "report": None, "problem": None}
        if isinstance(study, Study):
            found |= written(next(predictions), self.engine.gate(study))
        else:
            found["problem"] = study
        return found | {"checkpoints": self.weights, "notice": "research use only, not for diagnosis"}


def run(engine: Engine, systems: Sequence[str], options: argparse.Namespace) -> int:
    """Write what is missing; how many cases could not be read.

    Batch by batch, all systems in turn: a case is read once, and systems with equal backbones share what
    it makes of the pictures. A system that cannot write, as one whose checkpoint is damaged, is left out from
    there on and named in the EngineError at the end; the others' lines are in the file.
    """
    from tqdm import tqdm

    done, unread = finished(options.out), 0
    problems: list[str] = []
    cases = options.shard.part(list_cases(options.folder))
    left = [case for case in cases if any((case.name, system) not in done for system in systems)]
    writers = [Writer(engine, system) for system in systems] if left else []
    ahead = read_ahead(left, options.workers, 4 * options.batch) if left else iter(())
    with (
        open_log(options.shard.file(options.out)) as log,
        tqdm(total=len(cases), initial=len(cases) - len(left), unit="case") as bar,
    ):
        while (group := list(islice(ahead, options.batch))) and writers:
            for writer in list(writers):
                missing = [each for each in group if (each[0].name, writer.system) not in done]
                try:
                    _append(log, writer.rows(missing))
                except EngineError as error:
                    problems.append(str(error))
                    writers.remove(writer)
            unread += sum(isinstance(study, str) for _, study in group)
            for _, study in group:
                if isinstance(study, Study):
                    engine.forget(study)
            bar.update(len(group))
    if problems:
        raise EngineError(" ".join(dict.fromkeys(problems)))
    return unread


def _append(log: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Write lines that a kill cannot take back."""
    log.write(b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows))
    log.flush()
    os.fsync(log.fileno())


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Options of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m radui report", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("folder", type=Path, help="pictures, or a folder of one or two views a case")
    add("--system", action="append", help="a system's name, again for more, or all (default)")
    add("--out", type=Path, required=True, help="JSON Lines; what it holds already is not written again")
    add("--checkpoints", type=Path, default=Path("checkpoints"))
    add("--device", default="cpu")
    add("--batch", type=_positive, default=16, help="studies that are decoded together")
    add("--workers", type=_positive, default=1, help="processes that read pictures")
    add("--shard", type=parse_shard, default=environment_shard(), help="this process's part, as 2/4")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return int(text)


def main(arguments: Sequence[str]) -> int:
    """Run the command: 0, or 1 where a case could not be read (its line says why).

    2 on a mistake, and where a system could not write; what the others wrote stays.
    """
    options = parse(arguments)
    engine = Engine(options.checkpoints, options.device)
    wanted = options.system or ["all"]
    try:
        systems = ready_systems(engine) if "all" in wanted else tuple(dict.fromkeys(wanted))
        check_systems(engine, systems)
        if not systems:
            raise EngineError(f"No system has a checkpoint in {options.checkpoints}; train one (README).")
        unread = run(engine, systems, options)
    except (CaseFolderError, EngineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if unread:
        print(f"{unread} cases could not be read; their lines say why.", file=sys.stderr)
    return 1 if unread else 0

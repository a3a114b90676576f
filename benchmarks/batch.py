"""A folder of studies: `python -m radui report` against one study after the other, and how the cost grows.

    python -m benchmarks.batch                      # the table, and docs/scale.png

The studies are drawn on the fly. Each row is a process (or several, as torchrun would start them) with its
own start; so the studies a minute are those of the whole command, less the seconds that an empty run takes.
Before anything is printed the reports are compared: the same lines, nothing twice.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.server import ROOT
from benchmarks.timing import machine, parser, show

Lines = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Done:
    """Seconds of a command and the reports that it wrote, by case and system."""

    seconds: float
    lines: Lines


def draw(folder: Path, studies: int, side: int = 0) -> Path:
    """A folder of `studies` drawn cases of two views; `side` pixels a side, 0 as they are drawn."""
    import cv2

    from train.data.synthetic import draw_study

    for seed in range(studies):
        drawn, case = draw_study(seed), folder / f"case-{seed:05d}"
        case.mkdir(parents=True)
        for name, film in (("frontal", drawn.frontal), ("lateral", drawn.lateral)):
            film = cv2.resize(film, (side, side)) if side else film
            cv2.imwrite(str(case / f"{name}.png"), film)
    return folder


def command(folder: Path, out: Path, options: Sequence[str], processes: int) -> Done:
    """Run `python -m radui report`, in so many processes that share the cases by --shard."""
    threads = max(1, (os.cpu_count() or 1) // processes)
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    base = [sys.executable, "-m", "radui", "report", str(folder), "--out", str(out), *options]
    started = time.perf_counter()
    running = [
        subprocess.Popen([*base, "--shard", f"{index + 1}/{processes}"], cwd=ROOT, env=environment)
        for index in range(processes)
    ]
    assert not any(process.wait() for process in running), "a process failed"
    return Done(time.perf_counter() - started, read(out))


def read(out: Path) -> Lines:
    """The reports of all shards; AssertionError where a case was written twice."""
    lines: Lines = {}
    for path in sorted(out.parent.glob(f"{out.stem}.*")):
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            key = (row["case"], row["system"])
            assert key not in lines, f"{key} was written twice"
            lines[key] = row["report"]
    return lines


def one_by_one(folder: Path, system: str, checkpoints: str) -> Done:
    """What a user would write: a loop that reads a case and takes the last prediction."""
    from radui.engine import Engine
    from radui.processing.case_folder import list_cases, read_case

    engine = Engine(Path(checkpoints))
    cases = list_cases(folder)
    list(engine.predict(system, read_case(cases[0])[0]))  # loads the checkpoints
    started, lines = time.perf_counter(), {}
    for case in cases:
        *_, last = engine.predict(system, read_case(case)[0])
        lines[case.name, system] = last.report
    return Done(time.perf_counter() - started, lines)


def compare(options: Any, folder: Path, out: Path) -> tuple[list[list[str]], dict[str, float]]:
    """Rows and ratios: the loop, then one process and more."""
    plain = ["--system", options.system, "--checkpoints", options.checkpoints]
    loop = one_by_one(folder / "many", options.system, options.checkpoints)
    rate = 60 * len(loop.lines) / loop.seconds
    rows, ratios = [["one by one", f"{rate:.0f}", "1.0"]], {}
    for processes in options.processes:
        start = command(folder / "few", out / f"few-{processes}.jsonl", plain, processes).seconds
        many = command(folder / "many", out / f"many-{processes}.jsonl", plain, processes)
        assert many.lines == loop.lines, "the reports differ from those one by one"
        share = max(many.seconds - start, 1e-3)
        own = 60 * (len(many.lines) - options.few) / share
        name = f"radui report, {processes} process{'es' if processes > 1 else ''}"
        rows.append([name, f"{own:.0f}", f"{own / rate:.1f}"])
        ratios[name] = own / rate
    return rows, ratios


def growth(options: Any) -> dict[str, list[tuple[float, float]]]:
    """Seconds against studies, words of a report and pixels a side, one of them moved at a time."""
    return {
        "studies": [(count, timed(options, count)) for count in options.studies_axis],
        "words of a report": [(words, timed(options, 16, words=words)) for words in (10, 20, 40, 60)],
        "pixels a side": [(side, timed(options, 16, side=side)) for side in (256, 512, 1024, 2048)],
    }


def timed(options: Any, count: int, words: int = 0, side: int = 0) -> float:
    """Seconds to read `count` cases and write their reports; of `words` words each, 0 as they come."""
    from radui.engine import Engine
    from radui.processing.case_folder import list_cases, read_case

    engine = Engine(Path(options.checkpoints))
    model = engine._models.system(options.system).model
    if words:
        lengthen(model, words)
    with tempfile.TemporaryDirectory() as name:
        cases = list_cases(draw(Path(name, "cases"), count, side))
        engine.reports(options.system, [read_case(cases[0])[0]])
        started = time.perf_counter()
        for first in range(0, count, 16):
            engine.reports(options.system, [read_case(case)[0] for case in cases[first : first + 16]])
        return time.perf_counter() - started


def lengthen(model: Any, words: int) -> None:
    """Put the end mark out of reach, so that a report has as many words as the search allows."""
    from dataclasses import replace

    model.output.bias.data[0] = -1e4
    decoding = replace(model.config.decoding, max_length=words)
    model.config = replace(model.config, decoding=decoding)


def plot(grown: dict[str, list[tuple[float, float]]], path: Path) -> None:
    """A panel an axis: measured points, and the straight line through the first and the last."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.2), layout="constrained")
    for panel, (name, points) in zip(figure.subplots(1, len(grown)), grown.items(), strict=True):
        x, y = zip(*points, strict=True)
        panel.plot(x, y, "o-", color="#2f6f8f")
        panel.set_xlabel(name if name == "studies" else f"{name} (16 studies)")
        panel.set_ylabel("seconds")
        panel.set_ylim(0)
        panel.set_xlim(0)
        panel.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def main() -> None:
    """Print the table and draw the plot."""
    arguments = parser(__doc__)
    arguments.add_argument("--studies", type=int, default=96)
    arguments.add_argument("--few", type=int, default=4, help="of the run that stands for the start")
    arguments.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    arguments.add_argument("--system", default="xpronet")
    arguments.add_argument("--checkpoints", default=str(ROOT / "checkpoints"))
    arguments.add_argument("--studies-axis", type=int, nargs="+", default=[16, 32, 64, 128])
    arguments.add_argument(
        "--plot", type=Path, help="PNG of how the cost grows, as docs/scale.png; left out without"
    )
    options = arguments.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder / "many", options.studies)
        draw(folder / "few", options.few)
        rows, ratios = compare(options, folder, folder)
    show(options, ["a folder of studies", "studies a minute", "ratio"], rows, ratios)
    if options.plot:
        grown = growth(options)
        for axis, points in grown.items():
            print(axis + ": " + ", ".join(f"{x:g}: {y:.1f} s" for x, y in points))
        plot(grown, options.plot)


if __name__ == "__main__":
    main()

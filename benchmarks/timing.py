"""Fair timing of rivals: warmed up, taken in turns, medians; a table for people, ratios for the guard."""

import argparse
import gc
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch


def medians(rivals: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Median seconds of each rival over `rounds` turns, after one that does not count.

    In turns, so that a machine that slows down slows all of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    gc.collect()
    for turn in range(rounds + 1):
        for name, run in rivals.items():
            started = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def machine() -> str:
    """One line about where the figures come from."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = os.getloadavg()[0]
    return (
        f"{platform.machine()}, {cores} cores, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"load {busy:.1f} at the start"
    )


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def parser(description: str | None, rounds: int = 5) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has."""
    found = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    found.add_argument("--rounds", type=int, default=rounds, help="turns of each rival (%(default)s)")
    found.add_argument("--json", type=Path, help="file to which the ratios are written")
    return found


def show(
    options: argparse.Namespace,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    ratios: Mapping[str, float],
) -> None:
    """Print the table; write the ratios (theirs over ours: more is better) where --json asks for them."""
    print(table(list(header), [list(row) for row in rows]))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        rounded = {name: round(ratio, 3) for name, ratio in ratios.items()}
        options.json.write_text(json.dumps(rounded, indent=1) + "\n")

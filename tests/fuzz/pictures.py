"""Damage small files of every format in every way and read each: `python -m tests.fuzz.pictures`.

Prints a row a format and a row of extreme files: how many were tried, read and refused, the slowest, the
highest memory; then every fault with the file that made it (kept under --keep). Ends with 1 if there is one.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.fuzz.damage import cuts, flips, lies, mixtures
from tests.fuzz.extremes import extreme_files
from tests.fuzz.seeds import small_files
from tests.fuzz.trials import Trial, run


def damaged_files(per_seed: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Every small file, whole and damaged `per_seed` times: by cuts, flips, lies and mixtures alike."""
    files = small_files()
    others, share = list(files.values()), -(-per_seed // 4)
    for number, (name, data) in enumerate(files.items()):
        yield f"{name}: whole", data
        for kind in (
            cuts(data, share),
            flips(data, share),
            lies(data, share, seed + number),
            mixtures(data, others, share, seed + number),
        ):
            for damage, changed in kind:
                yield f"{name}: {damage}", changed


def summary(trials: Iterable[Trial]) -> str:
    """A row a format: files, pictures, refusals by their type, faults, slowest second, highest MiB."""
    by_format: dict[str, list[Trial]] = {}
    for trial in trials:
        by_format.setdefault(trial.name.split(" ")[0], []).append(trial)
    head = "format       files pictures  refused faults slowest s peak MiB"
    rows = [_row(name, members) for name, members in by_format.items()]
    everything = [trial for members in by_format.values() for trial in members]
    kinds = Counter(trial.outcome for trial in everything)
    return "\n".join([head, *rows, _row("all", everything), ", ".join(f"{k} {n}" for k, n in kinds.items())])


def _row(name: str, trials: list[Trial]) -> str:
    pictures = sum(trial.outcome == "picture" for trial in trials)
    faults = sum(trial.is_fault for trial in trials)
    slowest, peak = max(trial.seconds for trial in trials), max(trial.peak for trial in trials)
    refused = len(trials) - pictures - faults
    return f"{name:10} {len(trials):7} {pictures:8} {refused:8} {faults:6} {slowest:9.2f} {peak:8.0f}"


def main() -> None:
    """Try everything, print the table, keep what failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--per-seed", type=int, default=400, help="damaged copies of each small file")
    parser.add_argument("--seed", type=int, default=7580)
    parser.add_argument("--keep", type=Path, default=Path("runs/faults"), help="folder for files that failed")
    options = parser.parse_args()
    files = {**dict(damaged_files(options.per_seed, options.seed)), **extreme_files()}
    trials = list(run(files.items()))
    print(summary(trials))
    faults = [trial for trial in trials if trial.is_fault]
    for number, fault in enumerate(faults):
        options.keep.mkdir(parents=True, exist_ok=True)
        (options.keep / f"{number}.bin").write_bytes(files[fault.name])
        print(f"{options.keep}/{number}.bin {fault.name}: {fault.sentence}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()

"""A system without each of its parts, on the same data and budget: the papers' ablation tables, on val.

    python -m train.ablation xpronet --out runs/ablation --data DATA --backbone FOLDER --epochs 10
    python -m train.ablation otdrg --out runs/ablation --seeds 1 2 3 --stage sft --data DATA …

Options that this command does not know go to the system's own command for every row. A row that is trained
is not trained again; one that was interrupted goes on. The scores are those of each run's kept epoch: the
mean over the seeds, ± half the distance between the lowest and the highest.
"""

import argparse
import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from train import medrat, otdrg, xpronet
from train.selection import SELECTED

Flags = tuple[str, ...]


@dataclass(frozen=True)
class Ablation:
    """A system's training command and its table: a row's name and the flags that make it."""

    train: Callable[[list[str]], None]
    rows: dict[str, Flags]


ABLATIONS = {
    "xpronet": Ablation(  # Table 2
        xpronet.main,
        {
            "whole": (),
            "without prototypes": ("--no-prototypes",),
            "random prototypes": ("--random-prototypes",),
            "without contrastive": ("--tolerance", "none"),
        },
    ),
    "medrat": Ablation(  # Tables 4 and 5
        medrat.main,
        {
            "whole": (),
            "without global": ("--no-global",),
            "without local": ("--no-local",),
            "without contrastive": ("--no-contrastive",),
            "without classification": ("--no-classification",),
            "without memory": ("--no-memory",),
            "gaussian noise": ("--augmentation", "gaussian"),
            "no augmentation": ("--augmentation", "none"),
        },
    ),
    "otdrg": Ablation(  # Table 3 (IRCP is in the encoder that --encoder-run names), Table 4, figure 4
        otdrg.main,
        {
            "whole": (),
            "without transport": ("--no-transport",),
            "without labels": ("--no-labels",),
            "epsilon 0.01": ("--epsilon", "0.01"),
            "epsilon 0.05": ("--epsilon", "0.05"),
            "epsilon 0.12": ("--epsilon", "0.12"),
            "5 iterations": ("--iterations", "5"),
            "10 iterations": ("--iterations", "10"),
            "100 iterations": ("--iterations", "100"),
            "barycentric": ("--features", "barycentric"),
            "residual": ("--features", "residual"),
        },
    ),
}
COLUMNS = ("score", *SELECTED, "distinct")


def train_row(ablation: Ablation, row: str, seed: int | None, out: Path, common: Sequence[str]) -> Path:
    """Train one row with one seed unless its checkpoint exists; returns its run folder."""
    run = out / "-".join([*row.split(), *([] if seed is None else [str(seed)])])
    if not (run / "checkpoint" / "config.json").exists():
        chosen = [] if seed is None else ["--seed", str(seed)]
        ablation.train([*common, *ablation.rows[row], *chosen, "--out", str(run), "--resume"])
    return run


def kept_scores(run: Path) -> dict[str, float]:
    """Val scores of the epoch that a run kept."""
    with (run / "log.csv").open(encoding="utf-8") as file:
        scored = [row for row in csv.DictReader(file) if row.get("score")]
    kept = max(scored, key=lambda row: float(row["score"]))
    return {name: float(kept[name]) for name in COLUMNS}


def table(runs: dict[str, list[Path]]) -> str:
    """A Markdown table, a row a part."""
    lines = ["| | " + " | ".join(COLUMNS) + " |", "|---|" + "---:|" * len(COLUMNS)]
    for name, folders in runs.items():
        scores = [kept_scores(folder) for folder in folders]
        cells = [_cell([each[column] for each in scores], column == "distinct") for column in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(values: Sequence[float], whole: bool) -> str:
    digits = 0 if whole else 3
    mean, half = sum(values) / len(values), (max(values) - min(values)) / 2
    return f"{mean:.{digits}f}" + (f" ±{half:.{digits}f}" if len(values) > 1 else "")


def main(arguments: list[str] | None = None) -> None:
    """Train the rows that are asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("system", choices=tuple(ABLATIONS))
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--rows", nargs="+", help="some of the table's rows (default: all)")
    parser.add_argument("--seeds", nargs="+", type=int, help="default: the command's own, once")
    options, common = parser.parse_known_args(arguments)
    ablation = ABLATIONS[options.system]
    rows = options.rows or list(ablation.rows)
    if unknown := set(rows) - set(ablation.rows):
        parser.error(f"No such row: {', '.join(sorted(unknown))}; there are {', '.join(ablation.rows)}.")
    seeds: list[int | None] = options.seeds or [None]
    print(
        table({row: [train_row(ablation, row, seed, options.out, common) for seed in seeds] for row in rows})
    )


if __name__ == "__main__":
    main()

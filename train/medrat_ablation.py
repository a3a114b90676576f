"""MedRAT without each of its parts, on the same data and budget (Tables 4 and 5), and the val scores.

    python -m train.medrat_ablation --data DATA --backbone FOLDER --out runs/ablation

Options that this command does not know go to train.medrat for every row. A row that is trained is not
trained again; one that was interrupted goes on.
"""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

from train import medrat
from train.selection import SELECTED

ROWS: dict[str, tuple[str, ...]] = {
    "whole": (),
    "without global": ("--no-global",),
    "without local": ("--no-local",),
    "without contrastive": ("--no-contrastive",),
    "without classification": ("--no-classification",),
    "without memory": ("--no-memory",),
    "gaussian noise": ("--augmentation", "gaussian"),
    "no augmentation": ("--augmentation", "none"),
}
COLUMNS = ("score", *SELECTED, "distinct")


def train_row(name: str, out: Path, common: Sequence[str]) -> Path:
    """Train one row unless its checkpoint exists; returns its run folder."""
    run = out / name.replace(" ", "-")
    if not (run / "checkpoint" / "config.json").exists():
        medrat.main([*common, *ROWS[name], "--out", str(run), "--resume"])
    return run


def kept_scores(run: Path) -> dict[str, float]:
    """Val scores of the epoch that a run kept."""
    with (run / "log.csv").open(encoding="utf-8") as file:
        scored = [row for row in csv.DictReader(file) if row.get("score")]
    kept = max(scored, key=lambda row: float(row["score"]))
    return {name: float(kept[name]) for name in COLUMNS}


def table(runs: dict[str, Path]) -> str:
    """A Markdown table, a row a run."""
    lines = ["| | " + " | ".join(COLUMNS) + " |", "|---|" + "---:|" * len(COLUMNS)]
    for name, run in runs.items():
        scores = kept_scores(run)
        cells = [f"{scores[column]:.{0 if column == 'distinct' else 3}f}" for column in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Train the rows that are asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--rows", nargs="+", choices=tuple(ROWS), default=tuple(ROWS))
    options, common = parser.parse_known_args(arguments)
    print(table({name: train_row(name, options.out, common) for name in options.rows}))


if __name__ == "__main__":
    main()

"""How well the rule labeler agrees with the silver labels of IU X-Ray.

The silver labels turn out to describe the IMPRESSION section: there the labeler agrees with them almost
everywhere, on the findings text much less (compare `--text`).

    python -m train.label_agreement --data <folder of IU X-Ray> [--split train] [--examples 20]
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from radui.observations import OBSERVATIONS
from radui.processing.labeler import label, mentions, silver
from train.data.iu_xray import read_iu_xray
from train.data.study import SPLITS, DataError, StudyRow

TEXTS = ("impression", "findings", "both")


@dataclass(frozen=True)
class Agreement:
    """Counts of one observation: both say present, only the labeler does, only the silver label does."""

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0

    def __add__(self, other: "Agreement") -> "Agreement":
        return Agreement(
            self.hits + other.hits, self.false_alarms + other.false_alarms, self.misses + other.misses
        )

    @property
    def precision(self) -> float:
        """Share of the labeler's positives that are silver positives; 0 where there are none."""
        return _ratio(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> float:
        """Share of the silver positives that the labeler finds; 0 where there are none."""
        return _ratio(self.hits, self.hits + self.misses)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)


@dataclass(frozen=True)
class Disagreement:
    """A study on which the labeler and the silver label differ: `predicted` is the labeler's word."""

    study: str
    observation: str
    predicted: bool
    text: str


def text_of(row: StudyRow, source: str) -> str:
    """The part of a study's report that is labelled: "impression", "findings" or "both"."""
    parts = {"impression": (row.impression,), "findings": (row.report,), "both": (row.report, row.impression)}
    return "\n\n".join(parts[source])


def agreement(rows: Sequence[StudyRow], source: str) -> dict[str, Agreement]:
    """Agreement per observation over the labelled studies, uncertain counted positive."""
    counts = {observation: Agreement() for observation in OBSERVATIONS}
    for row in rows:
        predicted, given = silver(label(text_of(row, source))), silver(row.labels or {})
        for observation in OBSERVATIONS if row.labels else ():
            pair = predicted[observation], given[observation]
            counts[observation] += Agreement(pair == (1, 1), pair == (1, 0), pair == (0, 1))
    return counts


def micro(counts: dict[str, Agreement]) -> Agreement:
    """All observations pooled."""
    return sum(counts.values(), Agreement())


def disagreements(rows: Sequence[StudyRow], source: str) -> Iterator[Disagreement]:
    """Every label on which the two differ, in the order of the studies."""
    for row in rows:
        text = text_of(row, source)
        predicted, given = silver(label(text)), silver(row.labels or {})
        for observation in OBSERVATIONS if row.labels else ():
            if predicted[observation] != given[observation]:
                yield Disagreement(row.id, observation, bool(predicted[observation]), text)


def table(counts: dict[str, Agreement]) -> str:
    """Precision, recall and F1 of each observation, and pooled with and without "No Finding"."""
    findings = {name: count for name, count in counts.items() if name != OBSERVATIONS[-1]}
    rows = {**counts, "micro, 14 observations": micro(counts), "micro without No Finding": micro(findings)}
    lines = [f"{'':<28}{'precision':>10}{'recall':>10}{'F1':>10}{'silver':>10}"]
    lines += [
        f"{name:<28}{count.precision:>10.3f}{count.recall:>10.3f}{count.f1:>10.3f}"
        f"{count.hits + count.misses:>10,}"
        for name, count in rows.items()
    ]
    return "\n".join(lines)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _print_example(example: Disagreement) -> None:
    side = "labeler only" if example.predicted else "silver only"
    read = [
        f"{example.text[found.start : found.end]!r} {found.state.name.lower()}"
        for found in mentions(example.text)
        if found.observation == example.observation
    ]
    print(f"\n{example.study}  {example.observation}: {side}; read {', '.join(read) or 'nothing'}")
    print(f"  {' '.join(example.text.split())}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Agreement of the rule labeler with IU X-Ray's silver labels."
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with annotation.json and studies.json"
    )
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--text", choices=TEXTS, default="impression", help="the section that is labelled")
    parser.add_argument(
        "--examples", type=int, default=0, metavar="N", help="print the first N disagreements"
    )
    return parser.parse_args()


def main() -> None:
    """Print the table of agreement and, if asked, disagreements."""
    options = _arguments()
    try:
        rows = [row for row in read_iu_xray(options.data) if row.split == options.split]
    except DataError as error:
        raise SystemExit(str(error)) from error
    if not any(row.labels for row in rows):
        raise SystemExit(f"{options.data} has no silver labels: put studies.json beside annotation.json.")
    print(f"{len(rows):,} {options.split} studies, {options.text} text")
    print(table(agreement(rows, options.text)))
    for _, example in zip(range(options.examples), disagreements(rows, options.text), strict=False):
        _print_example(example)


if __name__ == "__main__":
    main()

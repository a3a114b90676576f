"""The retrieval baseline of MedRAT: the same unpaired data, and no learning.

    python -m train.medrat_retrieval --data DATA --out runs/retrieval.jsonl
    python -m train.evaluate --data DATA --reports runs/retrieval.jsonl --checkpoint runs/medrat-0/checkpoint

A study gets the report whose observations lie nearest to what the classifier thinks of its pictures,
out of the reports that MedRAT learned from with the same --pairing and --seed.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from radui.models.observation_classifier import present
from radui.processing.vocabulary import Vocabulary
from train.corpus import positive, report_states
from train.data.iu_xray import read_iu_xray
from train.generate import observation_probabilities
from train.metrics.baselines import matching_reports
from train.metrics.protocol import protocol_references
from train.unpaired import assign


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line; `arguments` for tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--classifier", type=Path, default=Path("checkpoints/observation_classifier"))
    parser.add_argument("--out", type=Path, required=True, help="JSON Lines for train.evaluate --reports")
    parser.add_argument("--split", choices=("val", "test"), default="test")
    parser.add_argument("--pairing", type=float, default=0.0, help="as in train.medrat")
    parser.add_argument("--seed", type=int, default=9153, help="as in train.medrat")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Write a report for each study of the split."""
    import torch

    options = parse(arguments)
    rows = read_iu_xray(options.data)
    train = [position for position, row in enumerate(rows) if row.split == "train"]
    vocabulary = Vocabulary.build(rows[position].report for position in train)
    known = [rows[position] for position in assign(train, options.pairing / 100, options.seed).reports]
    asked = [row for row in rows if row.split == options.split]
    probabilities = present(torch.from_numpy(observation_probabilities(options.classifier, asked))).numpy()
    labels = positive(report_states(row.report for row in known)).astype(np.float64)
    texts = protocol_references(known, vocabulary)
    found = matching_reports(texts, labels, probabilities, options.seed)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("w", encoding="utf-8") as file:
        for row, report in zip(asked, found, strict=True):
            file.write(json.dumps({"id": row.id, "report": report}) + "\n")


if __name__ == "__main__":
    main()

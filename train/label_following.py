"""Does a report follow its labels? Each observation is ticked alone for every val study, as a user may.

    python -m train.label_following --checkpoint checkpoints/xpronet --data DATA

Prints the share of reports that state the observation (rule labeler) when it is the only label, and when
No Finding is. For XProNet, MedRAT and OTDRG, where what is not ticked is unmentioned.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from radui.models.registry import load
from radui.observations import NO_FINDING, OBSERVATION_INDEX, OBSERVATIONS
from radui.processing.vocabulary import Vocabulary
from train.corpus import Corpus, load_corpus, positive
from train.features import Grids, cached_grids
from train.generate import read_words
from train.report_data import Conditions, ReportStudies, decode
from train.rewards import stated

ASKED = ("Cardiomegaly", "Lung Opacity", "Atelectasis", "Pleural Effusion", "Support Devices")


def reports_under(label: str, model: Any, vocabulary: Vocabulary, corpus: Corpus, grids: Grids) -> list[str]:
    """The reports of val with this label alone, decoded as the checkpoint says."""
    ticked = np.zeros((len(corpus.rows), len(OBSERVATIONS)), bool)
    ticked[:, OBSERVATION_INDEX[label]] = True
    unused = np.zeros((2, len(OBSERVATIONS)))  # error rates redraw labels in training alone
    conditions = Conditions(positive(corpus.states), ticked, unused, noise=0.0, seed=0)
    studies = ReportStudies(corpus, [grids], "val", vocabulary, conditions)
    return decode(model, studies, vocabulary, torch.device("cpu"))


def share(observation: str, reports: list[str]) -> float:
    """Of the reports that state the observation as present or uncertain, in [0, 1]."""
    return float(np.mean([observation in stated(report) for report in reports]))


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--observations", nargs="+", default=list(ASKED), choices=OBSERVATIONS)
    options = parser.parse_args(arguments)
    corpus = load_corpus(options.data, options.cache)
    model: Any = load(options.checkpoint).model
    vocabulary: Any = read_words(options.checkpoint, model)
    grids = cached_grids(model.backbone, corpus.pictures, model.config.preprocessing, 0, options.cache)
    normal = reports_under(NO_FINDING, model, vocabulary, corpus, grids)
    print("| label | stated under it | under No Finding |\n|---|---:|---:|")
    for name in options.observations:
        told = share(name, reports_under(name, model, vocabulary, corpus, grids))
        print(f"| {name} | {told:.0%} | {share(name, normal):.0%} |", flush=True)


if __name__ == "__main__":
    main()

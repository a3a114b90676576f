"""AdaMatch's hints for every study, as train.adamatch_cyclic reads them.

    python -m train.hints --checkpoint checkpoints/adamatch --data DATA --out runs/hints.json

Keywords of each picture, and the codes of the keypatches of each report (sections 3.2.1 and 3.2.2).
"""

import argparse
from pathlib import Path

import torch

from radui.models.registry import load
from radui.systems.adamatch import AdaMatchSystem
from train.codebooks import feature_source
from train.corpus import Corpus, load_corpus
from train.cyclic_data import HintTable
from train.matching_data import Source


@torch.inference_mode()
def hint_table(system: AdaMatchSystem, corpus: Corpus, source: Source) -> HintTable:
    """Keywords picture by picture, frontal first, and keypatch codes, by study id."""
    keywords, keypatches = {}, {}
    for row, pictures in zip(corpus.rows, corpus.index, strict=True):
        arrays = [source(picture, None) for picture in pictures]
        features = [
            torch.stack([torch.from_numpy(each).float() for each in part])
            for part in zip(*arrays, strict=True)
        ]
        patches = system.model.patches(features).features
        keywords[row.id] = [system.keywords_of(each) for each in patches]
        keypatches[row.id] = system.keypatches(row.report)
    return HintTable(keywords, keypatches)


def main() -> None:
    """Parse the options, compute, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/adamatch"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/hints.json"))
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options = parser.parse_args()
    system = AdaMatchSystem(load(options.checkpoint))
    corpus = load_corpus(options.data, options.cache)
    hint_table(system, corpus, feature_source(system.model, corpus, options.cache)).save(options.out)


if __name__ == "__main__":
    main()

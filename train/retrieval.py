"""How often the right report is found for a study, and the right study for a report (AdaMatch Tables 4-6).

    python -m train.retrieval --checkpoint checkpoints/adamatch --data DATA

A hit is "exact" when it is the study's own report, "same text" when any study with the very same report is
found: on IU X-Ray many reports are word for word the same, and no picture tells them apart. Beside each
figure stands what guessing would score.
"""

import argparse
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from radui.models.adamatch import AdaMatch, ImagePatches
from radui.models.registry import load
from radui.nn.alignment import align
from radui.processing.tokens import load_tokens
from train.corpus import load_corpus
from train.matching_data import CachedFeatures, MatchingStudies, PictureSource, Source, collate

CUTS = (1, 5, 10)


@dataclass(frozen=True)
class Embedded:
    """A split in the shared space: patches of each study, words (N, T, d) and their mask (N, T)."""

    patches: ImagePatches
    words: torch.Tensor
    word_mask: torch.Tensor


@torch.inference_mode()
def embed(model: AdaMatch, data: MatchingStudies, device: torch.device, batch_size: int = 64) -> Embedded:
    """Patches and words of a whole split, on the CPU in float32."""
    model.eval()
    parts: list[ImagePatches] = []
    length = max(map(len, data.tokens))
    words = torch.zeros(len(data), length, model.config.width)
    mask = torch.zeros(len(data), length, dtype=torch.bool)
    for start in range(0, len(data), batch_size):
        batch = collate([data[i] for i in range(start, min(start + batch_size, len(data)))]).to(device)
        found = model.study(batch.features, batch.views)
        parts.append(ImagePatches(*(getattr(found, name).cpu() for name in FIELDS)))
        rows, columns = slice(start, start + len(batch.tokens)), slice(batch.tokens.shape[1])
        words[rows, columns] = model.text(batch.tokens, batch.words).cpu()
        mask[rows, columns] = batch.words.cpu()
    return Embedded(
        ImagePatches(*(torch.cat([getattr(p, name) for p in parts]) for name in FIELDS)), words, mask
    )


FIELDS = ("features", "boxes", "anchors", "mask")


def similarity_matrices(data: Embedded, rows: int = 16) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """s^I and s^T of every study to every report, (N, N) each, a few studies at a time."""
    image, text = [], []
    for start in range(0, len(data.words), rows):
        part = slice(start, start + rows)
        found = align(data.patches.features[part], data.patches.mask[part], data.words, data.word_mask)
        image.append(found.image)
        text.append(found.text)
    return torch.cat(image).numpy(), torch.cat(text).numpy()


def recalls(similarity: NDArray[Any], texts: list[int]) -> dict[str, float]:
    """R@1, R@5, R@10, exact and same text, of queries (rows) over candidates (columns), in [0, 1].

    Ties count half: the candidate stands in the middle of those that are as similar.
    """
    same = np.equal.outer(texts, texts)
    own = np.diag(similarity)[:, None]
    others = ~np.eye(len(texts), dtype=bool)
    exact = (similarity > own).sum(1) + ((similarity == own) & others).sum(1) / 2
    best = np.where(same, similarity, -np.inf).max(1, keepdims=True)
    nearest = (similarity > best).sum(1) + ((similarity == best) & ~same).sum(1) / 2
    found = {f"R@{k}": float((exact < k).mean()) for k in CUTS}
    return found | {f"R@{k} same text": float((nearest < k).mean()) for k in CUTS}


def chance(texts: list[int]) -> dict[str, float]:
    """The same figures for a random order, in expectation."""
    total = len(texts)
    counts = np.bincount(texts)[texts]
    found = {f"R@{k}": min(1.0, k / total) for k in CUTS}
    for k in CUTS:
        missed = [comb(total - int(n), k) / comb(total, k) for n in counts]
        found[f"R@{k} same text"] = float(1 - np.mean(missed))
    return found


def mean_reciprocal_rank(similarity: NDArray[Any]) -> float:
    """Mean of 1 / rank of the own candidate: smoother than a recall, so that it can choose an epoch."""
    own = np.diag(similarity)[:, None]
    ahead = (similarity > own).sum(1) + ((similarity == own).sum(1) - 1) / 2
    return float((1 / (1 + ahead)).mean())


def retrieval(model: AdaMatch, data: MatchingStudies, device: torch.device) -> dict[str, dict[str, float]]:
    """Recalls in both directions and by chance; s^I ranks reports (eq. 7), s^T ranks studies (eq. 8)."""
    image, text = similarity_matrices(embed(model, data, device))
    return {
        "image to report": recalls(image, data.texts) | {"MRR": mean_reciprocal_rank(image)},
        "report to image": recalls(text.T, data.texts) | {"MRR": mean_reciprocal_rank(text.T)},
        "chance": chance(data.texts),
    }


def table(rows: dict[str, dict[str, float]]) -> str:
    """The figures in per cent, a line each."""
    names = list(next(iter(rows.values())))
    names = [name for name in names if name.startswith("R@")]
    lines = [" " * 16 + "".join(f"{name:>16}" for name in names)]
    lines += [f"{title:16}" + "".join(f"{100 * row[n]:16.2f}" for n in names) for title, row in rows.items()]
    return "\n".join(lines)


def main() -> None:
    """Parse the options and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="test", choices=("val", "test"))
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options = parser.parse_args()
    model: Any = load(options.checkpoint).model
    corpus = load_corpus(options.data, options.cache)
    source: Source = PictureSource(corpus, model.config.preprocessing)
    if model.config.backbone is not None:
        source = CachedFeatures(model, corpus, 1, options.cache)
    tokens = load_tokens(options.checkpoint)
    data = MatchingStudies(corpus, source, options.split, tokens, 0, training=False)
    print(f"{len(data)} {options.split} studies, {len(set(data.texts))} distinct reports; per cent")
    print(table(retrieval(model, data, torch.device("cpu"))))


if __name__ == "__main__":
    main()

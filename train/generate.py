"""Reports and features of whole data sets by a checkpoint, as the app would make them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from radui.models.observation_classifier import (
    condition_labels,
    condition_states,
    encode_views,
    pool_views,
)
from radui.models.otdrg import OTDRG
from radui.models.registry import load
from radui.nn.decoding import BeamSearch
from radui.processing.tokenizer import ReportTokenizer
from radui.processing.vocabulary import Vocabulary
from radui.records import FloatArray
from train.corpus import picture_index, positive, report_states
from train.data.study import StudyRow
from train.pictures import load_pictures, plain

BATCH = 32
CLASSIFIER = "observation_classifier"


@dataclass(frozen=True)
class Encoded:
    """A batch of studies as a generator reads them: grids (B, V, C, h, w), mask (B, V), labels (B, 14)."""

    grids: torch.Tensor
    mask: torch.Tensor
    labels: torch.Tensor


def generate_reports(checkpoint: Path, rows: list[StudyRow], oracle_labels: bool) -> list[str]:
    """Lower-case vocabulary words of each study, as the protocol scores them.

    Conditioned on the labels of the observation classifier that lies beside the checkpoint, or, with
    oracle_labels, on those of the reference report (a row of its own in every table).
    """
    model: Any = load(checkpoint).model
    return decode_reports(
        model, read_words(checkpoint, model), encoded_studies(checkpoint, model, rows, oracle_labels)
    )


def encoded_studies(
    checkpoint: Path, model: Any, rows: list[StudyRow], oracle_labels: bool = False
) -> Iterator[Encoded]:
    """What `decode_reports` needs of the studies, computed by the checkpoint's backbone and classifier."""
    classifier: Any = load(_classifier_folder(checkpoint)).model
    with_states = isinstance(model, OTDRG)
    stated = _stated(rows, with_states) if oracle_labels else None
    for start, pixels, mask in _batches(rows, model.config.preprocessing):
        labels = _predicted(classifier, pixels, mask, with_states)
        if stated is not None:
            labels = stated[start : start + len(mask)]
        with torch.inference_mode():
            grids = encode_views(model.backbone, pixels)
        yield Encoded(grids, mask, labels)


def decode_reports(model: Any, words: Vocabulary | ReportTokenizer, batches: Iterable[Encoded]) -> list[str]:
    """A report a study, as the model's own decoding writes it."""
    reports: list[str] = []
    for batch in batches:
        with torch.inference_mode():
            memory = model.encode(batch.grids, batch.mask, batch.labels)
            stepper = model.stepper(memory, model.config.decoding.beams)
        search = BeamSearch(stepper, len(batch.mask), model.config.decoding, batch.grids.device)
        reports += [words.decode(hypothesis.tokens) for hypothesis in search.run()]
    return reports


def study_features(checkpoint: Path, rows: list[StudyRow]) -> FloatArray:
    """(studies, C) mean patch features of the checkpoint's backbone, for the nearest-neighbour baseline."""
    model: Any = load(checkpoint).model
    parts = []
    for _, pixels, mask in _batches(rows, model.config.preprocessing):
        with torch.inference_mode():
            parts.append(pool_views(encode_views(model.backbone, pixels), mask).numpy())
    return np.concatenate(parts)


def observation_probabilities(checkpoint: Path, rows: list[StudyRow]) -> FloatArray:
    """(studies, 14, 4) calibrated probabilities of the observation classifier."""
    classifier: Any = load(checkpoint).model
    parts = []
    for _, pixels, mask in _batches(rows, classifier.config.preprocessing):
        with torch.inference_mode():
            parts.append(classifier.probabilities(classifier(pixels, mask)).numpy())
    return np.concatenate(parts)


def _classifier_folder(checkpoint: Path) -> Path:
    # Resolved, so that a run's own checkpoint folder works too: runs fall back on the shipped classifier.
    beside = checkpoint.resolve().parent / CLASSIFIER
    return beside if beside.exists() else Path("checkpoints") / CLASSIFIER


def read_words(checkpoint: Path, model: Any) -> Vocabulary | ReportTokenizer:
    """What turns a checkpoint's token ids into words."""
    if isinstance(model, OTDRG):
        return ReportTokenizer.load(checkpoint / "tokenizer.json", model.config.language_model.end)
    return Vocabulary.load(checkpoint / "vocab.json")


def _stated(rows: Sequence[StudyRow], with_states: bool) -> torch.Tensor:
    """(studies, 14): what the reference reports say, as bool or as classes of `State`."""
    states = report_states(row.report for row in rows)
    return torch.from_numpy(states if with_states else positive(states))


def _predicted(
    classifier: Any, pixels: torch.Tensor, mask: torch.Tensor, with_states: bool = False
) -> torch.Tensor:
    with torch.inference_mode():
        probabilities = classifier.probabilities(classifier(pixels, mask))
    labels = condition_labels(probabilities, torch.tensor(classifier.config.thresholds))
    return condition_states(probabilities, labels) if with_states else labels


def _batches(rows: Sequence[StudyRow], preprocessing: Any) -> Any:
    """(start, pixels (B, 2, 1, S, S), mask (B, 2)) with a progress bar; empty views are black and masked."""
    for start in tqdm(range(0, len(rows), BATCH), desc="studies", unit=f"x{BATCH}", mininterval=5):
        chunk = rows[start : start + BATCH]
        index, paths = picture_index(chunk)
        pictures = load_pictures(paths)
        pixels = np.zeros((len(chunk), 2, 1, preprocessing.size, preprocessing.size), np.float32)
        mask: NDArray[np.bool_] = np.zeros((len(chunk), 2), bool)
        for study, views in enumerate(index):
            for slot, where in enumerate(views):
                pixels[study, slot, 0] = plain(pictures[where], preprocessing)
                mask[study, slot] = True
        yield start, torch.from_numpy(pixels), torch.from_numpy(mask)

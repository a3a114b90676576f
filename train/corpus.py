"""A data set in memory: rows, their pictures as bytes, and their states by the labeler."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radui.observations import OBSERVATIONS, State
from radui.processing.labeler import label
from radui.records import ByteArray
from train.data.iu_xray import read_iu_xray
from train.data.study import StudyRow
from train.pictures import load_pictures


@dataclass(frozen=True)
class Corpus:
    """rows[i] owns pictures[index[i]]; states: (studies, 14) int64, what the labeler reads in the findings.

    The findings text is what the generators learn to write. IU X-Ray's silver labels describe the
    impression instead (`train.label_agreement`), and agree with the findings far less.
    """

    rows: list[StudyRow]
    pictures: ByteArray
    index: list[tuple[int, ...]]
    states: NDArray[np.int64]

    def where(self, split: str) -> list[int]:
        """Positions of a split's studies."""
        return [position for position, row in enumerate(self.rows) if row.split == split]


def load_corpus(root: Path, cache: Path | None = None) -> Corpus:
    """Read a folder in IU X-Ray's R2Gen layout; `cache` keeps the decoded pictures (.npy)."""
    return corpus_of(read_iu_xray(root), cache)


def corpus_of(rows: list[StudyRow], cache: Path | None = None) -> Corpus:
    """The studies of any reader; those without a report have the states that their labels say."""
    index, paths = picture_index(rows)
    pictures = load_pictures(paths, cache / "pictures.npy" if cache else None)
    return Corpus(rows, pictures, index, row_states(rows))


def picture_index(rows: Sequence[StudyRow]) -> tuple[list[tuple[int, ...]], list[Path]]:
    """Where each study's pictures stand in the flat list of paths, frontal before lateral as in the app."""
    index: list[tuple[int, ...]] = []
    paths: list[Path] = []
    for row in rows:
        places = tuple(range(len(paths), len(paths) + len(row.images)))
        index.append(places[::-1] if row.views == ("lateral", "frontal") else places)
        paths += row.images
    return index, paths


def report_states(reports: Iterable[str]) -> NDArray[np.int64]:
    """(reports, 14) classes of `State`."""
    found = [label(report) for report in reports]
    return np.array([[states[name] for name in OBSERVATIONS] for states in found], np.int64)


def row_states(rows: Sequence[StudyRow]) -> NDArray[np.int64]:
    """(studies, 14) classes of `State`: what the report says, or the labels where there is no report."""
    states = report_states(row.report for row in rows)
    for place, row in enumerate(rows):
        if not row.report and row.labels is not None:
            states[place] = [row.labels[name] for name in OBSERVATIONS]
    return states


def positive(states: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Positive or uncertain, as the silver labels count them; a row without any is "No Finding"."""
    labels = (states == State.POSITIVE) | (states == State.UNCERTAIN)
    labels[~labels.any(1), OBSERVATIONS.index("No Finding")] = True
    return labels


def truth(rows: Sequence[StudyRow], source: str = "findings") -> NDArray[np.bool_]:
    """(studies, 14) bool, present or uncertain: "findings" by the labeler, "silver" as the data set says.

    Without silver labels in the data set "silver" raises ValueError.
    """
    if source == "findings":
        return positive(report_states(row.report for row in rows))
    if any(row.labels is None for row in rows):
        raise ValueError("This data set carries no labels; use the labeler's (--truth findings).")
    counted = (State.POSITIVE, State.UNCERTAIN)
    return np.array([[(row.labels or {})[name] in counted for name in OBSERVATIONS] for row in rows])

"""The map that a reader chose, out of all that a system's evidence holds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radui.explain.transport import label_map
from radui.records import Evidence, FloatArray, Frame, TransportPlan, WordMaps


@dataclass(frozen=True)
class ChosenMap:
    """One map (views, rows, columns), NaN where not seen, and how it lies on each view."""

    grid: FloatArray
    frames: tuple[Frame, ...]


def chosen_map(
    evidence: Evidence, key: str, items: Sequence[int], layer: int | None = None, head: int | None = None
) -> ChosenMap | None:
    """Return the mean map of some items of the part `key` of the evidence; None where there is no such map.

    items: words of "word_maps", observations of "transport"; "pooling" has one map. layer, head: of
    "word_maps", None for the mean.
    """
    if key == "pooling" and evidence.pooling is not None:
        return ChosenMap(evidence.pooling.weights, evidence.pooling.frames)
    if key == "transport" and evidence.transport is not None:
        return _transported(evidence.transport, items)
    if key == "word_maps" and evidence.word_maps is not None:
        return _attended(evidence.word_maps, items, layer, head)
    return None


def _transported(plan: TransportPlan, items: Sequence[int]) -> ChosenMap | None:
    labels = [plan.labels[item] for item in items if 0 <= item < len(plan.labels)]
    views = range(len(plan.frames))
    if not labels:
        return None
    grids = [[label_map(plan, label, view) for view in views] for label in labels]
    return ChosenMap(np.mean(grids, axis=0, dtype=np.float32), plan.frames)


def _attended(maps: WordMaps, items: Sequence[int], layer: int | None, head: int | None) -> ChosenMap | None:
    tokens, layers, heads = maps.weights.shape[:3]
    known = [item for item in items if 0 <= item < tokens]
    if not known or not _within(layer, layers) or not _within(head, heads):
        return None
    weights = maps.weights[known].mean(0)
    weights = weights.mean(0) if layer is None else weights[layer]
    return ChosenMap(weights.mean(0) if head is None else weights[head], maps.frames)


def _within(index: int | None, count: int) -> bool:
    return index is None or 0 <= index < count

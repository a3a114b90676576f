"""Evidence -> small JSON-ready payloads that the viewer draws without asking the server again.

Each map is a source for the viewer: {kind, key, title, unit, over, …}. `over` names what its first axis
counts: the report's "words", the 14 "observations", or the "report" as a whole.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np

from radui.explain.transport import label_map
from radui.processing.frame import box_to_original
from radui.records import (
    AdaptivePatches,
    Evidence,
    FloatArray,
    Frame,
    PoolingMap,
    Prototypes,
    Token,
    TransportPlan,
    WordMaps,
)

# 2 bytes a value, a third more as base64: about 5 MB for the browser at this limit.
MAX_VALUES = 2_000_000


def evidence_payload(evidence: Evidence, tokens: Sequence[Token] = ()) -> list[dict[str, Any]]:
    """Return a source for each map that the evidence has, the first one shown first; empty without any.

    tokens: of the report, to whose words those of the adaptive patches are fitted.
    """
    sources = []
    if evidence.word_maps is not None:
        words = maps_payload(evidence.word_maps)
        sources.append(_source("word_maps", "attention", "attention", "words", words))
    if evidence.transport is not None:
        plan = transport_payload(evidence.transport)
        sources.append(_source("transport", "transport plan", "share of the mass", "observations", plan))
    if evidence.patches is not None:
        sources.append(patches_payload(evidence.patches, tokens))
    if evidence.pooling is not None:
        pooled = pooling_payload(evidence.pooling)
        sources.append(_source("pooling", "pooling", "pooling weight", "report", pooled))
    return sources


def has_maps(evidence: Evidence) -> bool:
    """Return whether the viewer can show anything of the evidence, by its parts alone."""
    parts = (evidence.word_maps, evidence.transport, evidence.patches, evidence.pooling)
    return any(part is not None for part in parts)


def frame_payload(frame: Frame) -> dict[str, Any]:
    """Return the box that the model saw, (x0, y0, x1, y1) in original pixels; it may reach outside."""
    width, height = frame.model_size
    return {"box": list(box_to_original(frame, (0, 0, width, height)))}


def maps_payload(maps: WordMaps, max_values: int = MAX_VALUES) -> dict[str, Any]:
    """Pack the attention of every word for the browser.

    shape: (tokens, layers, heads, views, rows, columns); data: base64 of little-endian float16 in C
    order; NaN (not seen) stays NaN. Heads are averaged when the array has more than `max_values`
    values, and then layers too; `averaged` names what was.
    """
    weights = maps.weights
    averaged = []
    for axis, name in ((2, "heads"), (1, "layers")):
        if weights.size > max_values:
            weights = weights.mean(axis=axis, keepdims=True)
            averaged.append(name)
    return {
        **halves(weights),
        "frames": [frame_payload(frame) for frame in maps.frames],
        "averaged": averaged,
    }


def pooling_payload(pooling: PoolingMap) -> dict[str, Any]:
    """Pack the one map of a whole report, as a single item of one layer and head."""
    return {
        **halves(pooling.weights[None, None, None]),
        "frames": [frame_payload(frame) for frame in pooling.frames],
        "averaged": [],
    }


def transport_payload(plan: TransportPlan) -> dict[str, Any]:
    """Pack one map an observation: its mass over the patches of all views, 1 in all (OTDRG Fig. 5)."""
    views = range(len(plan.frames))
    maps = np.stack([[label_map(plan, label, view) for view in views] for label in plan.labels])
    return {
        **halves(maps[:, None, None]),
        "frames": [frame_payload(frame) for frame in plan.frames],
        "averaged": [],
    }


def patches_payload(patches: AdaptivePatches, tokens: Sequence[Token]) -> dict[str, Any]:
    """Pack the boxes with the cosine of each to each token of the report (AdaMatch Fig. 8).

    shape: (tokens, patches).
    """
    return {
        **_source("patches", "adaptive patches", "cosine", "words", halves(patch_rows(patches, tokens))),
        "kind": "patches",
        "boxes": np.round(patches.boxes, 1).tolist(),
        "centres": np.round(patches.centres, 1).tolist(),
        "views": patches.views.tolist(),
        "averaged": [],
    }


def patch_rows(patches: AdaptivePatches, tokens: Sequence[Token]) -> FloatArray:
    """Return the cosines (tokens, patches) of a report's tokens to the adaptive patches.

    A token that the aligner reads as several words has their mean, one that it does not read has nan.
    """
    rows = np.full((len(tokens), len(patches.boxes)), np.nan, np.float32)
    for index, token in enumerate(tokens):
        read = [i for i, (start, end) in enumerate(patches.words) if start < token.end and end > token.start]
        if read:
            rows[index] = patches.similarities[read].mean(0)
    return rows


def prototypes_payload(answer: Prototypes) -> dict[str, Any]:
    """Pack which prototypes answered each word and patch, for the panel beside the report (XProNet Fig. 1).

    words, patches: lists [..., head, rank] of [index, weight]; labels: the observation of each index block.
    """
    return {
        "labels": list(answer.labels),
        "per_label": answer.prototypes_per_label,
        "words": _pairs(answer.word_indices, answer.word_weights),
        "patches": _pairs(answer.patch_indices, answer.patch_weights),
    }


def halves(values: np.ndarray) -> dict[str, Any]:
    """Return shape and base64 of little-endian float16 in C order."""
    data = np.ascontiguousarray(values, dtype="<f2").tobytes()
    return {"shape": list(values.shape), "data": b64encode(data).decode("ascii")}


def _source(key: str, title: str, unit: str, over: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "maps", "key": key, "title": title, "unit": unit, "over": over, **payload}


def _pairs(indices: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
    packed = np.ascontiguousarray(indices, dtype="<i2").tobytes()
    return {"indices": b64encode(packed).decode("ascii"), **halves(weights)}

"""Predictions -> the plain values that scripts get from the named endpoints (docs/api.md)."""

from collections.abc import Sequence

import numpy as np
from typing_extensions import TypedDict

from radui.explain.chosen import ChosenMap, chosen_map
from radui.explain.reading import read_report
from radui.observations import OBSERVATION_INDEX, OBSERVATIONS
from radui.records import AdaptivePatches, Prediction
from radui.render.evidence import frame_payload, patch_rows

_UNITS = {"word_maps": "attention", "transport": "share of the mass", "pooling": "pooling weight"}


class EvidenceError(ValueError):
    """A question that the evidence cannot answer; str() is one sentence."""


class MapDocument(TypedDict):
    """A map: values[view][row][column], None where not seen; boxes: what the grid of each view covers."""

    part: str
    unit: str
    values: list[list[list[float | None]]]
    boxes: list[list[float]]


class PatchDocument(TypedDict):
    """An adaptive patch: box (x0, y0, x1, y1) and the centre it started from in pixels of its view."""

    view: int
    box: list[float]
    centre: list[float]
    similarity: float | None


class EvidenceDocument(TypedDict):
    """Where a system looked for a word or an observation; `words` are those whose maps were averaged."""

    system: str
    report: str
    words: list[str]
    maps: list[MapDocument]
    patches: list[PatchDocument]


def evidence_document(
    prediction: Prediction, word: str, observation: str, layer: int | None, head: int | None
) -> EvidenceDocument:
    """Return every map that the evidence has for a word of the report or for one of the 14 observations.

    Exactly one of `word` and `observation` is given; EvidenceError otherwise, and where the report has not
    the word or the attention not the layer or head.
    """
    tokens = _tokens(prediction, word, observation)
    columns = [OBSERVATION_INDEX[observation]] if observation else []
    items = {"word_maps": tokens, "transport": columns, "pooling": [0]}
    maps = []
    for part, wanted in items.items():
        found = chosen_map(prediction.evidence, part, wanted, layer, head)
        if found is not None:
            maps.append(_map(part, found))
    _check_layer(prediction, tokens, layer, head)
    patches = prediction.evidence.patches
    return {
        "system": prediction.system,
        "report": prediction.report,
        "words": [prediction.tokens[index].text for index in tokens],
        "maps": maps,
        "patches": _patches(patches, prediction, tokens) if patches else [],
    }


def _tokens(prediction: Prediction, word: str, observation: str) -> list[int]:
    if bool(word) == bool(observation):
        raise EvidenceError("Give either a word of the report or one of the 14 observations.")
    if observation:
        return _stating(prediction, observation)
    texts = [token.text.lower() for token in prediction.tokens]
    found = [index for index, text in enumerate(texts) if text == word.lower()]
    if not found:
        raise EvidenceError(f"The report has no word {word!r}; it reads: {prediction.report}")
    return found


def _stating(prediction: Prediction, observation: str) -> list[int]:
    if observation not in OBSERVATION_INDEX:
        raise EvidenceError(
            f"There is no observation {observation!r}; choose from {', '.join(OBSERVATIONS)}."
        )
    stated = read_report(prediction.report, prediction.tokens).statements
    return [index for one in stated if one.observation == observation for index in one.tokens]


def _check_layer(prediction: Prediction, tokens: Sequence[int], layer: int | None, head: int | None) -> None:
    maps = prediction.evidence.word_maps
    if maps is None or not tokens:
        return
    layers, heads = maps.weights.shape[1:3]
    for name, index, count in (("layer", layer, layers), ("head", head, heads)):
        if index is not None and not 0 <= index < count:
            raise EvidenceError(f"There is no {name} {index}; they count from 0 to {count - 1}.")


def _map(part: str, found: ChosenMap) -> MapDocument:
    boxes = [[float(edge) for edge in frame_payload(frame)["box"]] for frame in found.frames]
    values = [[[_number(value) for value in row] for row in view] for view in found.grid]
    return {"part": part, "unit": _UNITS[part], "values": values, "boxes": boxes}


def _patches(patches: AdaptivePatches, prediction: Prediction, tokens: Sequence[int]) -> list[PatchDocument]:
    """Each patch with the mean of its cosines to the chosen words; None where there is no such word."""
    rows = patch_rows(patches, prediction.tokens)[list(tokens)]
    read = rows[~np.isnan(rows).any(1)]
    means = read.mean(0) if len(read) else np.full(len(patches.boxes), np.nan)
    return [
        {
            "view": int(patches.views[index]),
            "box": [float(edge) for edge in patches.boxes[index]],
            "centre": [float(edge) for edge in patches.centres[index]],
            "similarity": _number(means[index]),
        }
        for index in range(len(patches.boxes))
    ]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

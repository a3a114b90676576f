"""Evidence -> small JSON-ready payloads that the viewer draws without asking the server again."""

from base64 import b64encode
from typing import Any

import numpy as np

from radui.processing.frame import box_to_original
from radui.records import Frame, WordMaps

# 2 bytes a value, a third more as base64: about 5 MB for the browser at this limit.
MAX_VALUES = 2_000_000


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
    data = np.ascontiguousarray(weights, dtype="<f2").tobytes()
    return {
        "shape": list(weights.shape),
        "data": b64encode(data).decode("ascii"),
        "frames": [frame_payload(frame) for frame in maps.frames],
        "averaged": averaged,
    }

from base64 import b64decode

import numpy as np
import pytest

from radui.records import Frame, WordMaps
from radui.render.evidence import frame_payload, maps_payload

FRAME = Frame(original_size=(400, 300), model_size=(224, 224), scale=(0.8, 0.8), offset=(-48.0, -8.0))


def make_maps(shape=(5, 3, 4, 1, 7, 6)) -> WordMaps:
    weights = np.random.default_rng(0).dirichlet(np.ones(42), size=shape[:3]).reshape(shape)
    return WordMaps(weights.astype(np.float32), (FRAME,) * shape[3])


def unpack(payload) -> np.ndarray:
    return np.frombuffer(b64decode(payload["data"]), dtype="<f2").reshape(payload["shape"])


def test_the_packed_array_is_the_array_to_half_precision():
    maps = make_maps()
    payload = maps_payload(maps)
    np.testing.assert_allclose(unpack(payload), maps.weights, rtol=1e-3, atol=1e-6)
    assert payload["averaged"] == []


def test_what_was_not_seen_stays_nan():
    maps = make_maps()
    maps.weights[..., 0, 0] = np.nan
    assert np.isnan(unpack(maps_payload(maps))[..., 0, 0]).all()


@pytest.mark.parametrize(
    ("limit", "shape", "averaged"),
    [(630, [5, 3, 1, 1, 7, 6], ["heads"]), (210, [5, 1, 1, 1, 7, 6], ["heads", "layers"])],
)
def test_large_arrays_are_averaged_and_say_so(limit, shape, averaged):
    maps = make_maps()
    payload = maps_payload(maps, max_values=limit)
    assert (payload["shape"], payload["averaged"]) == (shape, averaged)
    np.testing.assert_allclose(unpack(payload).sum(axis=(-3, -2, -1)), 1, atol=1e-2)


def test_the_box_of_a_crop_lies_inside_the_picture():
    assert frame_payload(FRAME)["box"] == pytest.approx([60, 10, 340, 290])

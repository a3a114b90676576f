from base64 import b64decode

import numpy as np
import pytest

from radui.observations import OBSERVATIONS, State
from radui.records import (
    AdaptivePatches,
    Evidence,
    Frame,
    PoolingMap,
    Prototypes,
    Token,
    TransportPlan,
    WordMaps,
)
from radui.render.evidence import (
    evidence_payload,
    frame_payload,
    has_maps,
    maps_payload,
    pooling_payload,
    prototypes_payload,
    transport_payload,
)

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


PLAN_WEIGHTS = np.random.default_rng(1).uniform(size=(1, 7, 6, 14)).astype(np.float32)
PLAN = TransportPlan(
    PLAN_WEIGHTS / PLAN_WEIGHTS.sum(), PLAN_WEIGHTS, OBSERVATIONS, (State.POSITIVE,) * 14, 0.1, 50, (FRAME,)
)
POOLING = PoolingMap(PLAN_WEIGHTS[..., 0], (FRAME,))


def test_each_part_of_the_evidence_is_a_source_and_a_missing_one_is_none():
    assert evidence_payload(Evidence()) == []
    assert not has_maps(Evidence())
    everything = evidence_payload(Evidence(word_maps=make_maps(), transport=PLAN, pooling=POOLING))
    assert [(one["key"], one["over"]) for one in everything] == [
        ("word_maps", "words"), ("transport", "observations"), ("pooling", "report")
    ]  # fmt: skip
    assert [one["key"] for one in evidence_payload(Evidence(pooling=POOLING))] == ["pooling"]
    assert has_maps(Evidence(pooling=POOLING))


def test_an_observation_of_a_plan_is_a_map_of_mass_one():
    packed = unpack(transport_payload(PLAN))
    assert packed.shape == (14, 1, 1, 1, 7, 6)
    np.testing.assert_allclose(packed.astype(np.float32).sum((1, 2, 3, 4, 5)), 1, atol=1e-2)
    column = PLAN.weights[0, ..., 3]
    np.testing.assert_allclose(packed[3, 0, 0, 0], column / column.sum(), rtol=2e-3)


def test_a_pooling_map_is_the_one_item_of_its_source():
    packed = unpack(pooling_payload(POOLING))
    np.testing.assert_allclose(packed[0, 0, 0], POOLING.weights, rtol=1e-3)


def test_prototypes_keep_their_indices_and_weights():
    rng = np.random.default_rng(2)
    answer = Prototypes(
        ("Edema",), 20, rng.integers(0, 280, (3, 2, 5)), rng.uniform(size=(3, 2, 5)).astype(np.float32),
        rng.integers(0, 280, (1, 7, 6, 2, 5)), rng.uniform(size=(1, 7, 6, 2, 5)).astype(np.float32),
    )  # fmt: skip
    payload = prototypes_payload(answer)
    indices = np.frombuffer(b64decode(payload["patches"]["indices"]), "<i2").reshape(1, 7, 6, 2, 5)
    np.testing.assert_array_equal(indices, answer.patch_indices)
    np.testing.assert_allclose(unpack(payload["words"]), answer.word_weights, rtol=1e-3)
    assert payload["per_label"] == 20


def test_adaptive_patches_are_fitted_to_the_words_of_the_report():
    patches = AdaptivePatches(
        boxes=np.array([[0, 0, 10.04, 5], [3, 3, 9, 9]], np.float32),
        centres=np.array([[4, 2], [6, 6]], np.float32),
        views=np.array([0, 0]),
        words=((0, 4), (5, 8), (8, 12)),
        similarities=np.array([[0.5, -0.25], [0.25, 0.0], [0.75, 1.0]], np.float32),
    )
    tokens = [Token("lung", 0, 4, 0.9), Token("opacity", 5, 12, 0.9), Token(".", 12, 13, 0.9)]
    (source,) = evidence_payload(Evidence(patches=patches), tokens)
    np.testing.assert_allclose(unpack(source), [[0.5, -0.25], [0.5, 0.5], [np.nan, np.nan]])
    assert (source["kind"], source["over"], source["views"]) == ("patches", "words", [0, 0])
    assert source["boxes"][0] == pytest.approx([0, 0, 10, 5])
    assert has_maps(Evidence(patches=patches))

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radui.processing.frame import (
    box_to_original,
    cell_box,
    clip_box,
    map_to_original,
    point_to_model,
    to_model,
)
from radui.records import Preprocessing, Radiograph

MODES = ["squash", "crop", "pad"]
PLAIN = {"mean": 0.0, "std": 1.0}


def radiograph(pixels: np.ndarray) -> Radiograph:
    return Radiograph(display=(pixels * 255).astype(np.uint8), pixels=pixels.astype(np.float32))


def frame_of(width: int, height: int, **settings: object):
    return to_model(radiograph(np.zeros((height, width))), Preprocessing(**settings))[1]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("width", "height"), [(2048, 2500), (512, 400), (256, 256), (100, 37), (40, 900)])
def test_the_input_has_its_size_and_is_normalised(mode, width, height):
    values = np.full((height, width), 0.7)
    model, frame = to_model(radiograph(values), Preprocessing(mode=mode))
    assert (model.shape, model.dtype) == ((224, 224), np.float32)
    assert (frame.original_size, frame.model_size) == ((width, height), (224, 224))
    seen = model if mode != "pad" else model[112, 112]
    assert seen == pytest.approx((0.7 - 0.449) / 0.226, abs=1e-4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("width", "height"), [(301, 517), (517, 301), (120, 90), (90, 700), (224, 224)])
def test_the_frame_says_where_a_blob_went(mode, width, height):
    """The centre of a smooth blob in the model's picture, mapped back, is the blob's own."""
    x, y = 0.52 * width, 0.48 * height
    spread = 0.05 * min(width, height)
    rows, columns = np.mgrid[:height, :width] + 0.5
    blob = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * spread**2))
    model, frame = to_model(radiograph(blob), Preprocessing(mode=mode, **PLAIN))
    centres = np.arange(224) + 0.5
    found = (model.sum(0) @ centres / model.sum(), model.sum(1) @ centres / model.sum())
    assert point_to_model(frame, x, y) == pytest.approx(found, abs=0.05)
    back = box_to_original(frame, (*found, *found))
    assert back == pytest.approx((x, y, x, y), abs=0.25)


@pytest.mark.parametrize("mode", MODES)
def test_an_edge_lies_where_the_frame_says(mode):
    """A step at original x = 200 crosses one half within half an original pixel of its mapped place."""
    width, height = 480, 640
    step = np.zeros((height, width))
    step[:, 200:] = 1
    model, frame = to_model(radiograph(step), Preprocessing(mode=mode, **PLAIN))
    row = model[112]
    seen = int(np.searchsorted(row > 0.01, True))
    edge = seen + 1 - row[seen]  # an area average tells which part of the pixel lies beyond the step
    assert abs(box_to_original(frame, (edge, 0, edge, 0))[0] - 200) < 0.5


def test_shrinking_averages():
    checks = np.indices((896, 896)).sum(0) % 2
    model, _ = to_model(radiograph(checks), Preprocessing(**PLAIN))
    assert model == pytest.approx(0.5, abs=1e-5)


def test_shrinking_averages_also_along_one_axis_only():
    stripes = np.tile(np.arange(896) % 2, (100, 1))
    model, _ = to_model(radiograph(stripes), Preprocessing(**PLAIN))
    assert model == pytest.approx(0.5, abs=1e-5)


def test_crop_takes_the_centre_and_pad_keeps_all_on_black():
    values = np.ones((1000, 500))
    crop = frame_of(500, 1000, mode="crop")
    assert crop.scale == (256 / 500, 512 / 1000)
    assert crop.offset == (-16, -144)
    model, pad = to_model(radiograph(values), Preprocessing(mode="pad", **PLAIN))
    assert pad.offset == (56, 0)
    assert (model[:, :56] == 0).all()
    assert model[:, 56:168] == pytest.approx(1)
    assert (model[:, 168:] == 0).all()


def test_crop_of_a_picture_resized_below_the_input_is_centred_on_black():
    model, frame = to_model(radiograph(np.ones((100, 100))), Preprocessing(mode="crop", resize=200, **PLAIN))
    assert frame.offset == (12, 12)
    assert model[0, 0] == 0
    assert model[112, 112] == 1


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(
    width=st.integers(32, 700),
    height=st.integers(32, 700),
    mode=st.sampled_from(MODES),
    size=st.sampled_from([32, 56, 224]),
    grid=st.integers(1, 16),
)
def test_cells_tile_what_the_model_saw(width, height, mode, size, grid):
    frame = frame_of(width, height, mode=mode, size=size, resize=size + 8)
    first, last = cell_box(frame, grid, grid, 0, 0), cell_box(frame, grid, grid, grid - 1, grid - 1)
    seen = clip_box(frame, box_to_original(frame, (0, 0, size, size)))
    assert (*first[:2], *last[2:]) == pytest.approx(seen)
    for k in range(grid - 1):
        left, right = cell_box(frame, grid, grid, k, k), cell_box(frame, grid, grid, k + 1, k + 1)
        assert left[2:] == pytest.approx(right[:2])
    if mode != "crop":
        assert seen == pytest.approx((0, 0, width, height))


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(MODES), st.floats(0, 500), st.floats(0, 300))
def test_points_come_back(mode, x, y):
    frame = frame_of(500, 300, mode=mode)
    there = point_to_model(frame, x, y)
    assert box_to_original(frame, (*there, *there)) == pytest.approx((x, y, x, y), abs=1e-9)


@pytest.mark.parametrize("mode", MODES)
def test_a_nearest_map_fills_exactly_the_boxes_of_its_cells(mode):
    frame = frame_of(411, 533, mode=mode)
    values = np.arange(49, dtype=np.float32).reshape(7, 7)
    spread = map_to_original(frame, values)
    assert (spread.shape, spread.dtype) == ((533, 411), np.float32)
    for row, column in [(0, 0), (2, 5), (3, 3), (6, 1)]:
        x0, y0, x1, y1 = cell_box(frame, 7, 7, row, column)
        rows, columns = np.nonzero(spread == values[row, column])
        if x1 - x0 < 1 or y1 - y0 < 1:
            continue
        edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert edges == pytest.approx((x0, y0, x1, y1), abs=0.5)
        assert len(rows) == (edges[2] - edges[0]) * (edges[3] - edges[1])


def test_what_the_model_did_not_see_is_nan():
    frame = frame_of(500, 1000, mode="crop")
    for interpolation in ("nearest", "bilinear"):
        spread = map_to_original(frame, np.zeros((7, 7), np.float32), interpolation)
        x0, y0, x1, y1 = box_to_original(frame, (0, 0, 224, 224))
        assert np.isnan(spread[: int(y0)]).all()
        assert np.isnan(spread[:, int(x1) + 1 :]).all()
        inside = spread[round(y0) : round(y1), round(x0) : round(x1)]
        assert not np.isnan(inside).any()
        assert np.isnan(spread).sum() == spread.size - inside.size


def test_a_bilinear_map_is_straight_between_cell_centres():
    frame = frame_of(700, 700)
    ramp = np.tile(np.arange(7, dtype=np.float32), (7, 1))
    spread = map_to_original(frame, ramp, "bilinear")
    x = np.arange(700) + 0.5
    assert spread[350] == pytest.approx(np.clip(x / 100 - 0.5, 0, 6), abs=1e-4)
    random = np.random.default_rng(0).random((7, 7), np.float32)
    reference = cv2.resize(random, (700, 700))
    assert np.abs(map_to_original(frame, random, "bilinear") - reference).max() < 1e-3

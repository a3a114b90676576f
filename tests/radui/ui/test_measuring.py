import numpy as np
import pytest

from radui.explain.chosen import ChosenMap
from radui.records import Evidence, Frame, Prediction, Radiograph, Study, Token, WordMaps
from radui.ui.measuring import baselines, map_request, measure
from radui.ui.sessions import Session
from radui.ui.streams import Update

FRAME = Frame((32, 32), (16, 16), (0.5, 0.5), (0.0, 0.0))
MAPS = WordMaps(np.random.default_rng(0).uniform(size=(2, 1, 1, 1, 4, 4)).astype(np.float32), (FRAME,))
PREDICTION = Prediction(
    "x", "Heart big", (Token("Heart", 0, 5, 0.9), Token("big", 6, 9, 0.9)), (), Evidence(MAPS), complete=True
)
ASKED = {"key": "word_maps", "items": [0], "layer": 0, "head": None, "label": "Heart", "tokens": [0, 7],
         "observations": [1, 99]}  # fmt: skip


class Scoring:
    """An engine that can score words: the mean brightness of the picture is every word's probability."""

    def __init__(self):
        self.asked = []

    def word_probabilities(self, system, study, labels, prediction):
        self.asked.append((system, labels))
        return [float(study.views[0].pixels.mean()), 0.5]

    def labels(self, study):
        return ("Edema",)

    def forget(self, study):
        pass


@pytest.fixture
def session():
    pixels = np.random.default_rng(1).uniform(0.4, 0.6, (32, 32)).astype(np.float32)
    session = Session(lambda study: None)
    session.load(Study((Radiograph((pixels * 255).astype(np.uint8), pixels),)))
    session.begin(["x"]).latest["x"] = Update("x", PREDICTION)
    return session


def test_what_a_browser_asks_is_checked():
    request = map_request(ASKED, PREDICTION)
    assert (request.tokens, request.observations) == ((0,), ("Cardiomegaly",))
    np.testing.assert_array_equal(request.map.grid, MAPS.weights[0, 0, 0])


@pytest.mark.parametrize(
    "change", [{"items": "0"}, {"items": [True]}, {"items": [-1]}, {"key": None}, {"layer": 5}]
)
def test_nonsense_is_no_request(change):
    assert map_request({**ASKED, **change}, PREDICTION) is None
    assert map_request(None, PREDICTION) is None


def test_baselines_lie_on_the_patches_that_were_seen():
    grid = MAPS.weights[0, 0, 0].copy()
    grid[0, 0] = np.nan
    maps = baselines(ChosenMap(grid, (FRAME,)))
    assert list(maps) == ["this map", "centre Gaussian", "random"]
    for one in maps.values():
        np.testing.assert_array_equal(np.isnan(one.grid), np.isnan(grid))


def test_an_engine_that_scores_words_is_asked_for_the_system_s_own_probability(session):
    engine = Scoring()
    last = list(measure(engine, session, "x", map_request(ASKED, PREDICTION)))[-1]
    assert "the system's own probability" in last
    assert set(engine.asked) == {("x", ("Edema",))}


def test_labels_ticked_by_hand_stay_those_of_the_report(session):
    engine = Scoring()
    session.run.labels = ("Fracture",)
    next(measure(engine, session, "x", map_request(ASKED, PREDICTION)))
    assert engine.asked == [("x", ("Fracture",))]

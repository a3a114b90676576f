"""The Explain tab's handlers as plain functions."""

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from radui.ui.compare import CompareTab
from radui.ui.explain import ExplainTab
from radui.ui.explain_layout import BOX_HINT
from radui.ui.sessions import Sessions

REQUEST = SimpleNamespace(session_hash="tab", username=None)
WORD = {"key": "word_maps", "items": [1], "layer": None, "head": None, "label": "heart", "tokens": [1],
        "observations": [1]}  # fmt: skip


def event(**data):
    return SimpleNamespace(_data=data, **data)


@pytest.fixture(scope="module")
def tabs(fake_engine):
    engine = fake_engine.FakeEngine(failing=(), untrained=())
    sessions = Sessions(engine.forget)
    with gr.Blocks():
        return CompareTab(engine, sessions), ExplainTab(engine, sessions)


@pytest.fixture(scope="module")
def explain(tabs):
    """The tab after all three systems have reported on an example."""
    compare, explain = tabs
    compare.load_example(SimpleNamespace(index=0), REQUEST)
    list(compare.run(["xpronet", "medrat", "otdrg", "adamatch_cyclic"], "", REQUEST))
    return explain


def test_before_a_report_the_tab_says_what_to_do(tabs):
    page = tabs[1].page
    changes = tabs[1].refresh(None, "", SimpleNamespace(session_hash="another tab", username=None))
    assert changes[page.empty]["visible"]
    assert not changes[page.bench]["visible"]
    assert changes[page.system]["choices"] == []


def test_the_first_system_with_a_report_is_shown(explain):
    page = explain.page
    changes = explain.refresh(None, "", REQUEST)
    assert changes[page.system]["value"] == "xpronet"
    assert changes[page.first.card]["title"] == "XProNet"
    assert len(changes[page.first.viewer]["views"]) == 2
    assert not changes[page.second.column]["visible"]


def test_a_choice_is_kept_while_it_has_a_report(explain):
    changes = explain.refresh("medrat", "xpronet", REQUEST)
    assert changes[explain.page.system]["value"] == "medrat"
    assert changes[explain.page.beside]["value"] == "xpronet"
    assert changes[explain.page.second.card]["title"] == "XProNet"
    gone = explain.refresh("unknown", "nonsense", REQUEST)
    assert (gone[explain.page.system]["value"], gone[explain.page.beside]["value"]) == ("xpronet", "")


@pytest.mark.parametrize(
    ("system", "sources", "prototypes"),
    [
        ("xpronet", ["word_maps"], True),
        ("medrat", ["word_maps", "pooling"], False),
        ("otdrg", ["transport"], False),
        ("adamatch_cyclic", ["patches"], False),
    ],
)
def test_a_system_shows_what_it_has_and_nothing_else(explain, system, sources, prototypes):
    page = explain.page
    changes = explain.show(system, "", REQUEST)
    assert [one["key"] for one in changes[page.first.card]["evidence"]] == sources
    assert (changes[page.first.prototypes] is not None) is prototypes
    assert changes[page.first.transport]["visible"] is (system == "otdrg")


def test_another_epsilon_gives_another_plan_and_says_so(explain, monkeypatch):
    def solve(plan, epsilon):  # the real one is tested beside itself, and imports torch
        weights = np.exp(-plan.cost / epsilon)
        return replace(plan, weights=weights / weights.sum(), epsilon=epsilon)

    monkeypatch.setattr("radui.ui.explain.resolve", solve)
    page = explain.page
    before = explain.show("otdrg", "", REQUEST)
    changes = explain.resolve_first("otdrg", -1.5, REQUEST)
    assert "0.0316" in changes[page.first.figures]
    assert "written with ε 0.1" in changes[page.first.figures]
    sources = [
        changes[page.first.card]["evidence"][0]["data"],
        before[page.first.card]["evidence"][0]["data"],
    ]
    assert sources[0] != sources[1]


def test_an_epsilon_of_a_system_without_a_plan_changes_nothing(explain):
    assert list(explain.resolve_first("xpronet", -1, REQUEST)) == [explain.page.first.figures]


def test_a_drawn_box_is_compared_with_the_map_and_its_baselines(explain):
    table = explain.box(event(view=0, box=[100, 100, 300, 300], map=WORD), "xpronet", REQUEST)
    assert [name for name in ("this map", "centre Gaussian", "random") if name in table] == [
        "this map", "centre Gaussian", "random"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        {"view": 0, "box": [100, 100, 300, 300], "map": None},
        {"view": 0, "box": None, "map": WORD},
        {"view": 5, "box": [100, 100, 300, 300], "map": WORD},
        {"view": 0, "box": [100, 100, "a", 300], "map": WORD},
        {"view": 0, "box": [100, 100, 300, 300], "map": {**WORD, "items": [999]}},
        {},
    ],
)
def test_a_box_or_map_that_is_none_leaves_the_hint(explain, data):
    assert explain.box(event(**data), "xpronet", REQUEST) == BOX_HINT


def test_measuring_ends_with_the_areas_of_three_maps_twice(explain):
    updates = list(explain.measure(event(**WORD), "xpronet", REQUEST))
    assert len(updates) > 10
    assert updates[0].count("<b>") < updates[-1].count("<b>") == 6
    assert "…" not in updates[-1]
    assert "classifier's probability of Cardiomegaly" in updates[-1]


def test_a_map_that_does_not_exist_is_refused_with_a_sentence(explain):
    (answer,) = explain.measure(event(**{**WORD, "key": "gradient"}), "xpronet", REQUEST)
    assert "cannot be measured" in answer


def test_treated_studies_are_forgotten_and_the_study_itself_is_not(explain):
    before = len(explain.engine.forgotten)
    list(explain.measure(event(**WORD), "xpronet", REQUEST))
    forgotten = explain.engine.forgotten[before:]
    assert len(forgotten) == 1 + 6 * 7
    study = explain.sessions.get("/tab").loaded.study
    assert all(one is not study for one in forgotten)

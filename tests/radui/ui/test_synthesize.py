"""The Synthesize tab's handlers as plain functions; the browser test has the rest."""

import io
import json
from base64 import b64decode
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from radui.observations import State
from radui.processing.labeler import label
from radui.records import SamplingConfig
from radui.ui.compare import CompareTab
from radui.ui.example_reports import EXAMPLE_REPORTS
from radui.ui.sessions import Sessions
from radui.ui.synthesize import SynthesizeTab

REQUEST = SimpleNamespace(session_hash="tab", username=None)
REPORT = "The heart is enlarged. No pneumothorax."
SETTINGS = ("frontal", 3, 0.9, 1.0, 1.0)


@pytest.fixture
def tabs(fake_engine):
    engine = fake_engine.FakeEngine(failing=(), untrained=())
    sessions = Sessions(engine.forget)
    with gr.Blocks():
        return CompareTab(engine, sessions), SynthesizeTab(engine, sessions)


@pytest.fixture
def tab(tabs):
    return tabs[1]


def event(key):
    return SimpleNamespace(key=key)


def last(stream):
    """All changes of a run, the newest of each component."""
    found = {}
    for changes in stream:
        found.update(changes)
    return found


def draw(tab, report=REPORT, samples=1):
    return last(tab.draw(REQUEST, report, samples, *SETTINGS))


def opened(file):
    return Image.open(io.BytesIO(b64decode(file["data"])))


def seen(view):
    return Image.open(io.BytesIO(b64decode(view["src"].partition(",")[2])))


def test_every_example_says_what_its_title_promises():
    present = (State.POSITIVE, State.UNCERTAIN)
    wanted = {"Enlarged heart": "Cardiomegaly", "Effusion": "Pleural Effusion", "Edema": "Edema",
              "Pacemaker": "Support Devices", "Low volumes": "Atelectasis"}  # fmt: skip
    for title, report in EXAMPLE_REPORTS.items():
        assert label(report)[wanted.get(title, "No Finding")] in present, title


def test_rows_arrive_one_after_the_other_in_the_same_study_of_the_viewer(tab):
    page = tab.page
    updates = [each for each in tab.draw(REQUEST, REPORT, 1, *SETTINGS) if page.viewer in each]
    shown = [each[page.viewer] for each in updates]
    assert len({each["id"] for each in shown}) == 1
    grown = [each["grown"] for each in shown]
    assert grown == sorted(grown)
    assert len(set(grown)) == 17
    assert "row 4 of 16" in updates[3][page.progress]
    assert all(each["views"][0]["synthetic"] for each in shown)
    assert all("SYNTHETIC" in seen(each["views"][0]).text["Title"] for each in shown)


def test_the_settings_reach_the_engine_inside_their_bounds(tab):
    last(tab.draw(REQUEST, REPORT, 1, "sideways", -5, 7, float("nan"), "x"))
    assert tab.engine.orders == [(REPORT, 0, "frontal", SamplingConfig(1.0, 0.0, 0.0))]
    last(tab.draw(REQUEST, REPORT, 1, "lateral", 12.0, 0.5, 0.7, 2.5))
    assert tab.engine.orders[1:] == [(REPORT, 12, "lateral", SamplingConfig(0.5, 0.7, 2.5))]


def test_four_samples_have_four_seeds_and_tiles(tab):
    found = draw(tab, samples=4)
    assert [order[1] for order in tab.engine.orders] == [3, 4, 5, 6]
    assert found[tab.page.tiles].count("<img") == 4
    changes = tab.choose(event("1"), REQUEST)
    assert changes[tab.page.viewer]["views"][0]["caption"] == "Seed 4"
    assert 'data-key="1" aria-pressed="true"' in changes[tab.page.tiles]
    assert tab.choose(event("9"), REQUEST)[tab.page.viewer] == changes[tab.page.viewer]


def test_keypatches_stand_beside_the_picture_with_their_words(tab):
    html = draw(tab)[tab.page.keypatches]
    assert "pneumothorax<sup>1</sup>" in html
    assert "enlarged<sup>2</sup>" in html


def test_a_pair_is_drawn_from_one_seed_and_its_difference_has_a_range(tab):
    page = tab.page
    changed = tab.reword(REPORT, "Cardiomegaly", "absent")
    assert label(changed)["Cardiomegaly"] is State.NEGATIVE
    found = last(tab.draw_pair(REQUEST, REPORT, changed, *SETTINGS))
    assert [order[:2] for order in tab.engine.orders] == [(REPORT, 3), (changed, 3)]
    study = found[page.viewer]
    assert [view["caption"] for view in study["views"]] == ["Before", "After"]
    assert study["map"]["evidence"][0]["unit"] == "grey levels"
    assert "codes differ" in found[page.tiles]
    file = tab.save(event("difference"), REQUEST)[page.download]
    assert "SYNTHETIC" in opened(file).text["Title"]
    assert opened(file).text["Description"] == f"Before: {REPORT}\nAfter: {changed}"


def test_the_first_picture_of_a_pair_is_not_drawn_twice(tab):
    draw(tab)
    last(tab.draw_pair(REQUEST, REPORT, "Clear lungs.", *SETTINGS))
    assert [order[0] for order in tab.engine.orders] == [REPORT, "Clear lungs."]


def test_equal_reports_make_no_pair(tab):
    found = last(tab.draw_pair(REQUEST, REPORT, REPORT + " ", *SETTINGS))
    assert "are the same" in found[tab.page.notice]
    assert tab.engine.orders == []


def test_an_error_is_a_sentence_and_the_picture_before_stays(tab):
    before = draw(tab)[tab.page.viewer]
    found = draw(tab, report=" ")
    assert found[tab.page.notice] == "The report is empty; write what the radiograph shall show."
    assert found[tab.page.viewer]["views"] == before["views"]
    assert found[tab.page.draw] == gr.update(interactive=True)
    assert found[tab.page.read] == gr.update(interactive=True)


def test_cancel_stops_and_leaves_the_rows_that_were_drawn(tab):
    page = tab.page
    stream = tab.draw(REQUEST, REPORT, 4, *SETTINGS)
    for _ in range(4):
        next(stream)
    tab.cancel(REQUEST)
    found = last(stream)
    assert "Stopped." in found[page.progress]
    assert found[page.cancel] == gr.update(interactive=False)
    assert found[page.read] == gr.update(interactive=False)
    assert len(tab.engine.orders) == 1


def test_a_picture_is_read_back_and_compared_with_what_was_wanted(tab):
    page = tab.page
    draw(tab)
    found = last(tab.read_back(REQUEST, ["xpronet", "medrat", "unknown"]))
    assert 'data-phase="done"' in found[page.cards["xpronet"]]["html"]
    assert 'data-phase="idle"' in found[page.cards["otdrg"]]["html"]
    # XProNet's fake report: heart enlarged, effusion; MedRAT's: heart upper limit, no pneumothorax.
    assert "<b>1 of 2</b> Cardiomegaly" in found[page.agreed]
    assert "<b>1 of 2</b> Pneumothorax" in found[page.agreed]
    assert {call[0] for call in tab.engine.calls} == {"xpronet", "medrat"}


def test_the_keywords_of_a_picture_that_was_read_back_stand_there_as_words(tab):
    draw(tab, "The heart is enlarged.")
    found = last(tab.read_back(REQUEST, ["adamatch_cyclic"]))[tab.page.agreed]
    assert "Keywords that AdaMatch sees" in found
    assert "<mark>heart</mark>, effusion <small>" in found
    draw(tab)
    assert "Keywords" not in last(tab.read_back(REQUEST, ["xpronet"]))[tab.page.agreed]


def test_systems_read_the_drawing_without_the_mark(tab, monkeypatch):
    studies = []
    predict = tab.engine.predict

    def noted(name, study, *rest):
        studies.append(study)
        return predict(name, study, *rest)

    monkeypatch.setattr(tab.engine, "predict", noted)
    draw(tab)
    last(tab.read_back(REQUEST, ["xpronet"]))
    drawn = tab.sessions.get("/tab").studio.drawings[0].latest
    (view,) = studies[0].views
    assert np.array_equal(np.round(view.pixels * 255), drawn.pixels)
    assert view.view == "frontal"
    draw(tab)
    assert tab.engine.forgotten[-1] is studies[0]


def test_reading_back_nothing_says_what_to_do(tab):
    assert "press Draw first" in last(tab.read_back(REQUEST, ["xpronet"]))[tab.page.notice]
    draw(tab)
    assert "at least one system" in last(tab.read_back(REQUEST, []))[tab.page.notice]


def test_report_to_picture_to_report(tab):
    found = last(tab.there_and_back(REQUEST, REPORT, *SETTINGS))
    assert tab.engine.calls == [("adamatch_cyclic", "", None)]
    assert "AdaMatch-Cyclic" in found[tab.page.agreed]
    assert found[tab.page.draw] == gr.update(interactive=True)


def test_picture_to_report_to_picture_beside_the_original(tabs):
    compare, tab = tabs
    assert "load a radiograph" in last(tab.back_and_there(REQUEST, *SETTINGS))[tab.page.notice]
    compare.load_example(SimpleNamespace(index=0), REQUEST)
    found = last(tab.back_and_there(REQUEST, *SETTINGS))
    assert found[tab.page.report].startswith("The heart is mildly enlarged.")
    original, drawn = found[tab.page.viewer]["views"]
    assert (original["caption"], original.get("synthetic")) == ("Original", None)
    assert drawn["synthetic"]
    assert tab.engine.orders[0][0] == found[tab.page.report]


def test_a_report_of_the_compare_tab_can_be_taken(tabs):
    compare, tab = tabs
    assert "No system has reported" in tab.refresh(REQUEST)[tab.page.taken]
    compare.load_example(SimpleNamespace(index=0), REQUEST)
    list(compare.run(["xpronet"], "", REQUEST))
    assert 'data-key="xpronet">XProNet' in tab.refresh(REQUEST)[tab.page.taken]
    assert tab.take_report(event("xpronet"), REQUEST).startswith("The heart is enlarged.")
    assert tab.take_report(event("otdrg"), REQUEST) == gr.skip()
    assert tab.take_example(event("Edema")) == EXAMPLE_REPORTS["Edema"]
    assert tab.take_example(event("../secret")) == gr.skip()


def test_the_picture_and_its_recipe_can_be_saved(tab):
    assert "press Draw first" in tab.save(event("picture"), REQUEST)[tab.page.notice]
    assert "Draw both" in tab.save(event("difference"), REQUEST)[tab.page.notice]
    draw(tab)
    file = tab.save(event("picture"), REQUEST)[tab.page.download]
    assert file["name"] == "radui-synthetic-seed-3.png"
    assert "SYNTHETIC" in opened(file).text["Title"]
    recipe = json.loads(b64decode(tab.save(event("recipe"), REQUEST)[tab.page.download]["data"]))
    assert recipe["pictures"]["Seed 3"]["report"] == REPORT
    assert len(recipe["pictures"]["Seed 3"]["codes"]) == 256


def test_without_a_checkpoint_the_tab_says_which_command_trains_it(fake_engine):
    engine = fake_engine.FakeEngine()
    with gr.Blocks():
        tab = SynthesizeTab(engine, Sessions(engine.forget))
    changes = tab.refresh(REQUEST)
    assert "<code>python -m train.adamatch_cyclic" in changes[tab.page.empty]["value"]
    assert not changes[tab.page.bench]["visible"]
    assert changes[tab.page.draw] == gr.update(interactive=False)


def test_a_closed_tab_forgets_what_it_drew(tab):
    draw(tab)
    last(tab.read_back(REQUEST, ["xpronet"]))
    studio = tab.sessions.get("/tab").studio
    tab.sessions.drop("/tab")
    assert studio.drawings == []
    assert studio.cancelled.is_set() or studio.study is None
    assert len(tab.engine.forgotten) == 1

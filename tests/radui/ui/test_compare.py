"""The Compare tab's handlers as plain functions; the browser tests have the rest."""

from types import SimpleNamespace

import gradio as gr
import pytest

from radui.render.report import Phase
from radui.ui.compare import CompareTab
from radui.ui.sessions import Sessions

REQUEST = SimpleNamespace(session_hash="tab")


@pytest.fixture
def tab(fake_engine):
    engine = fake_engine.FakeEngine()
    with gr.Blocks():
        return CompareTab(engine, Sessions(engine.forget))


def load(tab):
    return tab.load_example(SimpleNamespace(index=0), REQUEST)


def phase(value) -> str:
    return next(name for name in Phase if f'data-phase="{name}"' in value["html"])


def test_examples_ship_with_two_views_each(tab):
    assert len(tab.examples) >= 3
    for example in tab.examples:
        assert [path.stem.rpartition("-")[2] for path in example.files] == ["frontal", "lateral"]


def test_a_run_streams_every_chosen_system_to_its_end(tab):
    load(tab)
    last = {}
    for changes in tab.run(["xpronet", "otdrg", "nonsense"], "Cough.", REQUEST):
        last.update(changes)
    cards = tab.page.cards
    assert phase(last[cards["xpronet"]]) == "done"
    assert phase(last[cards["otdrg"]]) == "failed"
    assert cards["medrat"] not in last
    shape = last[cards["xpronet"]]["maps"]["shape"]
    assert shape == [12, 3, 8, 2, 7, 7]
    assert last[tab.page.run] == gr.update(interactive=True)
    assert {call[0] for call in tab.engine.calls} == {"xpronet", "otdrg"}
    assert {call[1:] for call in tab.engine.calls} == {("Cough.", None)}


def test_ticked_labels_reach_the_engine(tab):
    load(tab)
    list(tab.run_with_labels(["xpronet"], "", ["Edema"], REQUEST))
    assert tab.engine.calls == [("xpronet", "", ("Edema",))]


@pytest.mark.parametrize(("chosen", "missing"), [(["xpronet"], "a radiograph"), ([], "at least one system")])
def test_a_run_without_a_study_or_a_system_says_so(tab, chosen, missing):
    if not chosen:
        load(tab)
    assert list(tab.run(chosen, "", REQUEST)) == [{tab.page.notice: f"Choose {missing} first."}]


def test_a_refused_file_keeps_the_study_before_it(tab, tmp_path):
    load(tab)
    folder = tmp_path / "upload"
    folder.mkdir()
    (folder / "bad.png").write_bytes(b"")
    changes = tab.load_files([str(folder / "bad.png")], REQUEST)
    assert changes[tab.page.notice].startswith("The file is empty")
    assert tab.sessions.get("tab").loaded is not None


def test_an_example_that_does_not_exist_is_not_read(tab):
    assert tab.load_example(SimpleNamespace(index=-5), REQUEST)[tab.page.notice] == ""
    assert tab.load_example(SimpleNamespace(index=500), REQUEST)[tab.page.notice] == ""


def test_a_gate_that_cannot_be_asked_does_not_stop_the_reports(tab, monkeypatch):
    def fail(study):
        raise RuntimeError("no gate")

    monkeypatch.setattr(tab.engine, "gate", fail)
    load(tab)
    changes = list(tab.run(["xpronet"], "", REQUEST))
    assert any("RuntimeError" in change.get(tab.page.notice, "") for change in changes)
    assert (
        phase(
            [change for change in changes if tab.page.cards["xpronet"] in change][-1][
                tab.page.cards["xpronet"]
            ]
        )
        == "done"
    )

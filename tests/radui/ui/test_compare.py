"""The Compare tab's handlers as plain functions; the browser tests have the rest."""

import json
import zipfile
from base64 import b64decode
from io import BytesIO
from types import SimpleNamespace

import gradio as gr
import pytest

from radui.render.report import Phase
from radui.scores import Corpus
from radui.ui.compare import CompareTab
from radui.ui.sessions import Sessions

REQUEST = SimpleNamespace(session_hash="tab", username=None)


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
    (source,) = last[cards["xpronet"]]["evidence"]
    assert source["shape"] == [12, 3, 8, 2, 7, 7]
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


def test_a_refused_file_keeps_the_study_before_it(tab, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    load(tab)
    folder = tmp_path / "upload"
    folder.mkdir()
    (folder / "bad.png").write_bytes(b"")
    changes = tab.load_files([str(folder / "bad.png")], REQUEST)
    assert changes[tab.page.notice].startswith("The file is empty")
    assert tab.sessions.get("/tab").loaded is not None


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


def run(tab, chosen=("xpronet", "medrat")):
    """All changes of a run, the last value of each component."""
    last = {}
    for changes in tab.run(list(chosen), "", REQUEST):
        last.update(changes)
    return last


def row(table: str, observation: str) -> str:
    return next(line for line in table.split("<tr") if f">{observation}<" in line)


def test_an_update_that_is_lost_in_the_browser_is_told_again(tab):
    """Of two updates in one frame only the second may be applied, and the last has to stand alone."""
    load(tab)
    changes = list(tab.run(["xpronet", "medrat"], "", REQUEST))
    cards = [tab.page.cards[name] for name in ("xpronet", "medrat")]
    told = [
        {card for card in cards if card in change and phase(change[card]) == "done"} for change in changes
    ]
    assert told[-1] == set(cards)
    for card in cards:
        assert sum(card in step for step in told) >= 2
    for component in (tab.page.run, tab.page.matrix, tab.page.progress):
        assert all(component in change for change in changes)


def test_the_table_shows_where_the_reports_disagree(tab):
    load(tab)
    table = run(tab)[tab.page.matrix]
    assert 'data-apart="contradiction"' in row(table, "Cardiomegaly")
    assert 'data-apart="omission"' in row(table, "Pleural Effusion")
    assert 'data-apart=""' in row(table, "Edema")


def test_a_reference_brings_a_column_and_scores(tab):
    load(tab)
    run(tab)
    changes = tab.compare("The heart is enlarged.", REQUEST)
    assert "Reference" in changes[tab.page.matrix]
    assert changes[tab.page.scores].count('scope="row"') == 2
    gone = tab.compare("", REQUEST)
    assert "Reference" not in gone[tab.page.matrix]
    assert gone[tab.page.scores] == ""


def test_cider_says_what_it_was_weighed_by_or_why_it_is_missing(tab):
    load(tab)
    run(tab)
    assert "--references" in tab.compare("The heart is enlarged.", REQUEST)[tab.page.scores]
    tab.page.corpus = Corpus("<mine>", ["The heart is enlarged.", "Clear."])
    scores = tab.compare("The heart is enlarged.", REQUEST)[tab.page.scores]
    assert "2 reports of &lt;mine&gt;" in scores
    assert "--references" not in scores


def saved(tab, kind: str) -> bytes:
    changes = tab.save(SimpleNamespace(kind=kind), REQUEST)
    return b64decode(changes[tab.page.download]["data"])


def test_all_that_is_shown_can_be_saved(tab):
    load(tab)
    run(tab)
    assert b"The heart is enlarged." in saved(tab, "text")
    assert set(json.loads(saved(tab, "json"))["reports"]) == {"XProNet", "MedRAT"}
    assert saved(tab, "pdf").startswith(b"%PDF")
    assert "xpronet.npz" in zipfile.ZipFile(BytesIO(saved(tab, "arrays"))).namelist()


@pytest.mark.parametrize("kind", ["text", "../etc/passwd"])
def test_nothing_is_saved_before_a_report_or_of_an_unknown_kind(tab, kind):
    load(tab)
    if kind != "text":
        run(tab)
    assert tab.page.download not in tab.save(SimpleNamespace(kind=kind), REQUEST)


def test_an_earlier_study_comes_back_with_its_reports(tab):
    load(tab)
    run(tab)
    first = tab.sessions.get("/tab").loaded
    changes = tab.load_example(SimpleNamespace(index=1), REQUEST)
    assert "2 reports" in changes[tab.page.history]
    back = tab.restore(SimpleNamespace(number=1), REQUEST)
    assert back[tab.page.viewer]["id"] == first.name
    assert phase(back[tab.page.cards["medrat"]]) == "done"
    assert "Study 2" in back[tab.page.history]
    assert "no longer kept" in tab.restore(SimpleNamespace(number=9), REQUEST)[tab.page.notice]

"""The named endpoints, called by gradio_client over HTTP; docs/api.md is run as it stands."""

import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from radui.observations import OBSERVATIONS
from radui.ui.examples import list_examples

DOCS = Path(__file__).parents[3] / "docs" / "api.md"
ENDPOINTS = {"/systems", "/report", "/evidence", "/findings", "/score", "/label", "/synthesize"}


@pytest.fixture(scope="module")
def server(fake_engine, serve_page):
    with serve_page(fake_engine.FakeEngine(untrained=())) as running:
        yield running


@pytest.fixture(scope="module")
def call(server):
    client = Client(server.url, verbose=False)

    def call(name, *values, **named):
        return client.predict(*values, api_name=f"/{name}", **named)

    return call


@pytest.fixture(scope="module")
def film():
    return handle_file(str(list_examples()[0].files[0]))


def documented():
    """The examples of the documentation; the last one draws."""
    return re.findall(r"^```python\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.S | re.M)


def test_the_examples_of_the_documentation_run_on_the_engine(trained, serve_page, tmp_path, monkeypatch):
    from radui.engine import Engine

    *blocks, _ = documented()
    assert len(blocks) == 5
    for path, name in zip(list_examples()[0].files, ("frontal.png", "lateral.png"), strict=True):
        (tmp_path / name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    with serve_page(Engine(trained)) as server:
        names: dict = {}
        for block in blocks:
            exec(block.replace("http://127.0.0.1:7860", server.url), names)
    assert names["study"]["warning"] is None
    written = names["study"]["reports"]["XProNet"]
    assert names["evidence"]["report"] == written["report"]
    assert re.fullmatch("[0-9a-f]{64}", written["checkpoint_sha256"])
    assert np.asarray(names["evidence"]["maps"][0]["values"]).shape == (2, 2, 2)
    assert set(names["again"]["reports"]) == {"XProNet"}
    assert [one["observation"] for one in names["seen"]["findings"]] == list(OBSERVATIONS)
    assert names["scores"]["found"] == ["Cardiomegaly"]
    assert names["states"]["Pleural Effusion"] == "negative"


def test_the_example_that_draws_a_report_saves_a_marked_picture(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"client": Client(server.url, verbose=False)}
    exec(documented()[-1], names)
    picture = Image.open(tmp_path / "synthetic.png")
    assert "SYNTHETIC" in picture.text["Title"]
    assert np.asarray(picture).ndim == 2
    drawn = names["drawn"]
    assert (drawn["seed"], drawn["view"], drawn["sampling"]["guidance"]) == (3, "frontal", 2.0)
    assert len(drawn["codes"]) == 256
    assert {drawn["report"][start:end] for one in drawn["keypatches"] for start, end in one["spans"]} == {
        "effusion",
        "pleural",
    }


def test_only_the_named_endpoints_are_public_and_all_are_typed(server):
    named = httpx.get(f"{server.url}gradio_api/info").json()["named_endpoints"]
    assert set(named) == ENDPOINTS
    for endpoint in named.values():
        for value in (*endpoint["parameters"], *endpoint["returns"]):
            assert value["type"], value


def test_a_system_that_fails_says_why_and_blocks_nobody(call, film):
    study = call("report", [film])
    assert study["problems"] == {"OTDRG": "The checkpoint otdrg is damaged; copy it again."}
    assert set(study["reports"]) == {"XProNet", "MedRAT", "AdaMatch-Cyclic"}
    assert study["reports"]["XProNet"]["stated"]["Cardiomegaly"] == "positive"


def test_a_picture_that_the_gate_doubts_carries_the_warning(call, pictures):
    page = handle_file(str(pictures["page.png"]))
    warning = "Picture 1 does not look like a chest radiograph."
    assert call("report", [page], ["medrat"])["warning"] == warning
    assert call("findings", [page])["warning"] == warning


def test_evidence_of_an_observation(call, film):
    evidence = call("evidence", [film], "xpronet", observation="Pleural Effusion")
    assert evidence["words"] == ["effusion"]
    (found,) = evidence["maps"]
    assert found["part"] == "word_maps"
    assert np.sum(found["values"]) == pytest.approx(1, abs=1e-3)


def test_evidence_of_adaptive_patches(call, film):
    evidence = call("evidence", [film], "adamatch_cyclic", word="effusion")
    assert evidence["maps"] == []
    assert len(evidence["patches"]) == 49
    assert all(-1 <= patch["similarity"] <= 1 for patch in evidence["patches"])


@pytest.mark.parametrize(
    ("name", "named", "sentence"),
    [
        ("evidence", {"system": "xpronet", "word": "spleen"}, "has no word 'spleen'"),
        ("evidence", {"system": "xpronet"}, "either a word"),
        ("evidence", {"system": "xpronet", "word": "heart", "layer": 9}, "count from 0 to 2"),
        ("evidence", {"system": "xpronet", "observation": "Gout"}, "no observation 'Gout'"),
        ("evidence", {"system": "r2gen", "word": "heart"}, "no system 'r2gen'"),
        ("report", {"systems": ["r2gen"]}, "no system 'r2gen'"),
    ],
)
def test_a_call_that_cannot_be_answered_ends_in_a_sentence(call, film, name, named, sentence):
    with pytest.raises(AppError, match=sentence):
        call(name, pictures=[film], **named)


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ({"report": " "}, "The report is empty"),
        ({"report": "Clear.", "view": "oblique"}, "frontal or lateral, not 'oblique'"),
        ({"report": "Clear.", "seed": -1}, "seed is a whole number from 0"),
        ({"report": "Clear.", "guidance": 9}, "guidance is a number from 0 to 6"),
    ],
)
def test_what_cannot_be_drawn_ends_in_a_sentence(call, named, sentence):
    with pytest.raises(AppError, match=sentence):
        call("synthesize", **named)


def test_a_damaged_picture_is_refused_with_a_sentence(call, pictures):
    with pytest.raises(AppError, match=r"copy or export it again|missing"):
        call("findings", [handle_file(str(pictures["broken.png"]))])


def test_nothing_of_a_call_is_kept(call, server, film):
    before = len(server.engine.forgotten)
    call("findings", [film])
    assert len(server.engine.forgotten) == before + 1
    assert not [path for path in server.uploads.rglob("*") if path.is_file() and path.stat().st_size]


@pytest.mark.parametrize("mark", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_only_uploads_are_read_and_deleted(server, tmp_path, mark):
    """Posted raw: gradio_client would upload the file first."""
    victim = tmp_path / "folder" / "film.png"
    victim.parent.mkdir()
    victim.write_bytes(list_examples()[0].files[0].read_bytes())
    begun = httpx.post(
        f"{server.url}gradio_api/call/findings", json={"data": [[{"path": str(victim), **mark}]]}
    )
    assert begun.status_code == 403
    assert victim.exists()


@pytest.mark.parametrize("pictures", [None, "film.png", [None], [[]]])
def test_what_is_no_list_of_files_is_refused(call, pictures):
    with pytest.raises(AppError, match=r"list of files|No pictures"):
        call("findings", pictures)

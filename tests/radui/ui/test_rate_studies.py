"""The admin's tabs without a browser: cases out of uploads, a study from start to results, roles."""

import base64
import io
import shutil
import zipfile
from types import SimpleNamespace

import gradio as gr
import pytest

from radui.store.errors import RuleError
from radui.store.migrations import open_store
from radui.store.ratings import submit
from radui.store.readers import add_reader
from radui.store.tables import list_studies, read_table
from radui.store.tasks import next_task
from radui.ui.rate_identity import by_login, by_machine
from radui.ui.rate_studies import StudiesTab, take_cases
from radui.ui.results import ResultsTab

TITLES = {"xpronet": "XProNet", "medrat": "MedRAT"}


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "ratings.db")


@pytest.fixture
def engine(fake_engine, tmp_path):
    engine = fake_engine.FakeEngine(failing=())
    engine.checkpoints = tmp_path / "checkpoints"
    for name in ("xpronet", "medrat", "otdrg", "adamatch_cyclic", "gate", "observation_classifier"):
        (engine.checkpoints / name).mkdir(parents=True)
        (engine.checkpoints / name / "config.json").write_text("{}")
    return engine


@pytest.fixture
def upload(tmp_path, pictures, monkeypatch):
    """upload({name: file of `pictures` or text}): each in a folder of its own, as Gradio keeps uploads."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))

    def upload(files):
        paths = []
        for number, (name, content) in enumerate(files.items()):
            path = tmp_path / "uploads" / str(number) / name
            path.parent.mkdir(parents=True)
            if name.endswith(".txt"):
                path.write_text(content)
            else:
                shutil.copy(pictures[content], path)
            paths.append(str(path))
        return paths

    return upload


def request(name=None):
    return SimpleNamespace(username=name, session_hash="s", headers={})


def plan_values(tab, **given):
    """The values of the form as Gradio hands them over."""
    defaults = {each.elem_id: each.value for each in tab.page.of_plan}
    return [{**defaults, **given}[each.elem_id] for each in tab.page.of_plan]


def create(tab, store, files, **given):
    fields = {
        "plan-title": "films",
        "plan-systems": list(TITLES),
        "plan-readers": ["ann"],
        "plan-files": files,
        **given,
    }
    return list(tab.create(request("ada"), *plan_values(tab, **fields)))


@pytest.fixture
def studies(store, engine):
    add_reader(store, "ada", "admin")
    add_reader(store, "ann")
    with gr.Blocks():
        return StudiesTab(store, by_login(store), engine)


def test_cases_are_numbered_and_take_the_text_beside_them(upload):
    paths = upload({"Doe^John.png": "film.png", "a.png": "page.png", "Doe^John.txt": "Clear lungs.\n"})
    one, two = take_cases(paths)
    assert (one.name, one.reference_report) == ("0001", "Clear lungs.")
    assert (two.name, two.reference_report) == ("0002", None)


def test_uploads_are_deleted(upload, tmp_path):
    take_cases(upload({"a.png": "film.png"}))
    assert not list((tmp_path / "uploads").rglob("*.png"))


def test_texts_alone_are_no_cases(upload):
    with pytest.raises(RuleError, match="Choose the pictures"):
        take_cases(upload({"a.txt": "Clear."}))


def test_an_admin_creates_a_study_and_sees_how_far_it_is(studies, store, upload):
    told = create(studies, store, upload({"a.png": "film.png", "b.png": "page.png"}))
    lines = [changes[studies.page.told] for changes in told if studies.page.told in changes]
    assert lines[:2] == ["Case 1 of 2: 2 reports.", "Case 2 of 2: 2 reports."]
    assert lines[-1] == "The study films is open: 2 cases, 1 readers."
    (row,) = list_studies(store)
    assert (row["cases"], row["readers"], row["state"]) == (2, 1, "open")
    assert {row["system"] for row in read_table(store, "candidates")} == set(TITLES)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"plan-title": " "}, "has to have a title"),
        ({"plan-readers": []}, "at least one reader"),
        ({"plan-files": None}, "Choose the pictures"),
        ({"plan-systems": ["adamatch_cyclic"]}, "Not trained yet"),
        ({"plan-questions": ["pictures"]}, "Not trained yet"),
    ],
)
def test_what_cannot_work_is_said_before_any_report_is_written(studies, store, upload, given, sentence):
    told = create(studies, store, upload({"a.png": "film.png"}), **given)
    assert sentence in " ".join(changes.get(studies.page.notice, "") for changes in told)
    assert list_studies(store) == []


def test_pictures_are_drawn_to_the_reports_where_the_study_asks_about_them(studies, engine, store, upload):
    engine.untrained = ()
    create(studies, store, upload({"a.png": "film.png"}), **{"plan-questions": ["pictures"]})
    rows = read_table(store, "candidates")
    assert len({row["picture_sha256"] for row in rows} - {None}) == 2
    assert sorted(order[0] for order in engine.orders) == sorted(row["report"] for row in rows)


def test_a_report_that_cannot_be_drawn_is_rated_without_a_picture(
    studies, engine, store, upload, monkeypatch
):
    def refuse(report):
        raise ValueError("The report is too long.")
        yield

    engine.untrained = ()
    monkeypatch.setattr(engine, "synthesise", refuse)
    create(studies, store, upload({"a.png": "film.png"}), **{"plan-questions": ["pictures"]})
    assert [row["picture_sha256"] for row in read_table(store, "candidates")] == [None, None]


def test_a_reader_creates_nothing(studies, store, upload):
    values = plan_values(studies, **{"plan-title": "films", "plan-files": upload({"a.png": "film.png"})})
    told = list(studies.create(request("ann"), *values))
    assert "Only an admin" in told[0][studies.page.notice]
    assert list_studies(store) == []


def rated(store, study_id, level):
    reader_id = next(row["reader_id"] for row in read_table(store, "readers") if row["name"] == "ann")
    task = next_task(store, reader_id, study_id)
    report = {"no_errors": True, "acceptability": level, "hallucination": False, "clarity": 5}
    answers = {"image_quality_sufficient": True, "confidence": 4, "preference": "A"}
    reports = {shown.letter: dict(report) for shown in task.reports}
    submit(store, reader_id, task.assignment_id, {**answers, "reports": reports}, 30)


def test_results_show_numbers_and_hand_over_files(studies, store, upload):
    create(studies, store, upload({"a.png": "film.png", "b.png": "page.png", "a.txt": "The heart is large."}))
    study_id = list_studies(store)[0]["study_id"]
    rated(store, study_id, 5)
    rated(store, study_id, 2)
    with gr.Blocks():
        results = ResultsTab(store, by_machine(store), TITLES)
    shown = results.compute(None, study_id)[results.page.shown]
    assert "3.50" in shown  # the mean of 5 and 2
    assert "XProNet" in shown
    assert "Fewer than three reports have both" in shown  # one case has a reference: two reports
    archive = results.save("zip", None, None)[results.page.download]
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(archive["data"]))) as files:
        assert {"report_ratings.csv", "data_dictionary.csv"} <= set(files.namelist())
    table = base64.b64decode(results.save("csv", None, study_id)[results.page.download]["data"]).decode()
    assert len(table.splitlines()) == 5  # a head, and two reports of each of two cases


def test_a_study_closes_and_opens_again(studies, store, upload):
    create(studies, store, upload({"a.png": "film.png"}))
    study_id = list_studies(store)[0]["study_id"]
    with gr.Blocks():
        results = ResultsTab(store, by_machine(store), TITLES)
    for state in ("closed", "open"):
        results.toggle(None, study_id)
        assert list_studies(store)[0]["state"] == state

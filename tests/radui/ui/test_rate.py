"""The Rating tab's handler: what it answers, to whom, and that it names no system."""

import json
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from starlette.datastructures import Headers

from radui.processing.images import read_study
from radui.store import connection
from radui.store.creation import create_study, prepare_case
from radui.store.errors import RuleError, StoreError
from radui.store.migrations import open_store
from radui.store.plan import GeneratedReport, NewCase, StudyPlan
from radui.store.queues import open_study
from radui.store.readers import add_reader, local_reader, set_active
from radui.store.tables import read_table
from radui.ui.rate import RatingTab
from radui.ui.rate_identity import admin, admins_only, by_header, by_login, by_machine, password_check
from radui.ui.sessions import Sessions

TITLES = {"xpronet": "XProNet", "medrat": "MedRAT"}
REPORTS = {"xpronet": "The heart is normal.", "medrat": "Small left effusion."}


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "ratings.db")


@pytest.fixture
def study(store, pictures):
    """Two cases for Ann and Ben; the names are told after each submission."""
    picture = read_study([pictures["film.png"].read_bytes()], "cough")
    study_id = create_study(store, StudyPlan("first", tuple(TITLES), reveal_names=True))
    for name in ("one", "two"):
        case = NewCase(name, picture)
        prepare_case(store, study_id, case, lambda system, _: GeneratedReport(REPORTS[system], "sha"))
    open_study(store, study_id, [add_reader(store, name).reader_id for name in ("ann", "ben")])
    return study_id


@pytest.fixture
def room(store):
    with gr.Blocks():
        return RatingTab(store, by_login(store), TITLES)


def request(name=None, session="s", headers=(), peer="127.0.0.1"):
    client = SimpleNamespace(host=peer)
    shown = Headers(raw=[(key.lower().encode(), value.encode()) for key, value in headers])
    return SimpleNamespace(username=name, session_hash=session, headers=shown, client=client)


def ask(tab, name, kind, **fields):
    """The reply to one question of the form, and what the viewer gets, if anything."""
    event = SimpleNamespace(_data={"id": 7, "kind": kind, **fields})
    changes = tab.answer(event, request(name))
    reply = changes[tab.form]
    assert reply["id"] == 7
    return reply, changes.get(tab.viewer)


def answers(preference="A"):
    report = {"no_errors": True, "acceptability": 4, "hallucination": False, "clarity": 5}
    return {
        "image_quality_sufficient": True,
        "confidence": 4,
        "reports": {"A": report, "B": report},
        "preference": preference,
    }


def test_a_case_comes_with_its_pictures_and_without_a_name(room, study):
    reply, viewer = ask(room, "ann", "open")
    assert reply["studies"][0]["assigned"] == 2
    assert sorted(report["text"] for report in reply["task"]["reports"]) == sorted(REPORTS.values())
    assert reply["task"]["indication"] == "cough"
    assert (viewer["views"][0]["width"], viewer["views"][0]["height"]) == (200, 240)
    sent = json.dumps([reply, viewer]).lower()
    assert not any(name in sent for name in ("xpronet", "medrat"))


def test_a_draft_is_there_again_and_nobody_elses(room, study):
    task = ask(room, "ann", "open")[0]["task"]
    reply, viewer = ask(room, "ann", "draft", assignment=task["assignment"], answers={"confidence": 2})
    assert reply == {"kind": "saved", "id": 7}
    assert viewer is None
    assert ask(room, "ann", "open")[0]["task"]["draft"] == {"confidence": 2}
    assert ask(room, "ben", "open")[0]["task"]["draft"] is None
    refused, _ = ask(room, "ben", "draft", assignment=task["assignment"], answers={"confidence": 5})
    assert refused["kind"] == "refused"
    assert "no such task in your queue" in refused["problem"]


def test_a_full_disk_is_a_sentence_and_the_draft_is_saved_once_there_is_room(room, study, monkeypatch):
    task = ask(room, "ann", "open")[0]["task"]["assignment"]
    ask(room, "ann", "draft", assignment=task, answers={"reason": "short"})
    connect = connection.connect

    def connect_when_full(path, busy_seconds=1.0):
        opened = connect(path, busy_seconds)
        pages = opened.execute("PRAGMA page_count").fetchone()[0]
        opened.execute(f"PRAGMA max_page_count = {pages}")
        return opened

    long = {"reason": "long " * 20_000}
    with monkeypatch.context() as patch:
        patch.setattr(connection, "connect", connect_when_full)
        refused, viewer = ask(room, "ann", "draft", assignment=task, answers=long)
        assert refused["kind"] == "refused"
        assert refused["problem"].endswith("free some space and save again.")
        assert viewer is None
    assert ask(room, "ann", "open")[0]["task"]["draft"] == {"reason": "short"}
    assert ask(room, "ann", "draft", assignment=task, answers=long)[0]["kind"] == "saved"
    assert ask(room, "ann", "open")[0]["task"]["draft"] == long


@contextmanager
def held(path, *statements):
    """The file in the hands of another program."""
    with closing(sqlite3.connect(path)) as other:
        for statement in statements:
            other.execute(statement)
        yield


LOCKED = "is locked by another program, so nothing was saved; what you entered is still here: try again"


def test_a_locked_file_is_a_sentence_and_the_draft_is_saved_once_it_is_free(store, study):
    hasty = replace(store, busy_seconds=0.05)
    with gr.Blocks():
        room = RatingTab(hasty, by_login(hasty), TITLES)
    task = ask(room, "ann", "open")[0]["task"]["assignment"]
    ask(room, "ann", "draft", assignment=task, answers={"confidence": 2})
    questions = {
        "draft": {"answers": {"confidence": 5}},
        "undo": {},
        "submit": {"answers": answers(), "study": study},
        "skip": {"reason": "too dark", "study": study},
    }
    with held(store.path, "BEGIN EXCLUSIVE"):
        for kind, fields in questions.items():
            refused, viewer = ask(room, "ann", kind, assignment=task, **fields)
            assert refused["kind"] == "refused"
            assert LOCKED in refused["problem"]
            assert viewer is None
        # Its writer keeps nobody from reading: the case is shown with the last draft.
        assert ask(room, "ann", "open")[0]["task"]["draft"] == {"confidence": 2}
    assert ask(room, "ann", "draft", assignment=task, answers={"confidence": 5})[0]["kind"] == "saved"
    assert ask(room, "ann", "submit", assignment=task, **questions["submit"])[0]["kind"] == "state"
    assert len(read_table(store, "current_ratings", study)) == 1


def test_a_file_that_another_program_has_for_itself_is_a_sentence_too(store, study):
    hasty = replace(store, busy_seconds=0.05)
    with gr.Blocks():
        room = RatingTab(hasty, by_login(hasty), TITLES)
    alone = ("PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE", "UPDATE readers SET name = name", "COMMIT")
    with held(store.path, *alone):
        refused, _ = ask(room, "ann", "open")
        assert refused["kind"] == "refused"
        assert LOCKED in refused["problem"]
    assert ask(room, "ann", "open")[0]["kind"] == "state"


def test_undo_goes_one_save_back(room, study):
    task = ask(room, "ann", "open")[0]["task"]
    for confidence in (2, 3):
        ask(room, "ann", "draft", assignment=task["assignment"], answers={"confidence": confidence})
    assert ask(room, "ann", "undo", assignment=task["assignment"])[0]["draft"] == {"confidence": 2}


def test_a_submission_says_what_is_missing_then_tells_the_names_and_goes_on(room, store, study):
    task = ask(room, "ann", "open")[0]["task"]
    refused, _ = ask(room, "ann", "submit", assignment=task["assignment"], answers={}, study=study)
    assert refused["kind"] == "refused"
    assert refused["problem"].startswith("Choose whether the image quality")
    reply, _ = ask(
        room, "ann", "submit", assignment=task["assignment"], answers=answers(), seconds=12.5, study=study
    )
    assert reply["message"].startswith("Saved at ")
    assert sorted(reply["names"].values()) == ["MedRAT", "XProNet"]
    assert reply["task"]["number"] == 2
    (row,) = read_table(store, "current_ratings", study)
    assert row["active_seconds"] == 12.5


def test_a_skipped_case_comes_back_when_it_is_asked_for(room, study):
    task = ask(room, "ann", "open")[0]["task"]
    refused, _ = ask(room, "ann", "skip", assignment=task["assignment"], reason=" ", study=study)
    assert refused["kind"] == "refused"
    reply, _ = ask(room, "ann", "skip", assignment=task["assignment"], reason="too dark", study=study)
    assert reply["skipped"] == 1
    assert reply["task"]["assignment"] != task["assignment"]
    assert ask(room, "ann", "skipped", study=study)[0]["task"]["assignment"] == task["assignment"]


@pytest.mark.parametrize("fields", [{}, {"assignment": ["x"], "answers": "no"}, {"answers": [1]}])
@pytest.mark.parametrize("kind", ["draft", "submit", "undo", "skip", "nonsense"])
def test_whatever_a_browser_sends_is_answered_with_a_sentence(room, study, kind, fields):
    reply, _ = ask(room, "ann", kind, **fields)
    assert reply["kind"] == "refused"
    assert reply["problem"].endswith(".")


@pytest.mark.parametrize("name", [None, "", "carl"])
def test_nobody_unknown_gets_a_case(room, study, name):
    reply, viewer = ask(room, name, "open")
    assert reply["kind"] == "refused"
    assert viewer is None


def test_a_reader_who_was_kept_out_gets_nothing_more(room, store, study):
    set_active(store, "ann", False)
    assert ask(room, "ann", "open")[0]["kind"] == "refused"


def test_reports_of_the_compare_tab_are_rated_by_a_single_user(store, pictures, fake_engine):
    engine = fake_engine.FakeEngine()
    sessions = Sessions(engine.forget)
    session = sessions.get("/s")
    session.load(read_study([pictures["film.png"].read_bytes()]))
    run = session.begin(["xpronet"])
    *_, last = engine.predict("xpronet", session.loaded.study)
    run.latest["xpronet"] = SimpleNamespace(prediction=last, problem="", finished=True)
    with gr.Blocks():
        tab = RatingTab(store, by_machine(store), TITLES, sessions)
    reply, viewer = ask(tab, None, "desk")
    assert reply["names"] == {}
    assert reply["task"]["reports"][0]["text"] == last.report
    assert np.prod([viewer["views"][0][side] for side in ("width", "height")]) == 200 * 240
    assert reply["task"]["questions"]["preference"] is False
    task = reply["task"]["assignment"]
    given = {**answers(), "reports": {"A": answers()["reports"]["A"]}, "preference": None}
    reply, _ = ask(tab, None, "submit", assignment=task, answers=given, study=reply["study"])
    assert reply["names"] == {"A": "XProNet"}


def test_a_reading_room_rates_no_compare_tab(room, study):
    assert ask(room, "ann", "desk")[0]["kind"] == "refused"


class TestIdentity:
    def test_a_header_names_the_reader(self, store):
        ann = add_reader(store, "ann")
        identify = by_header(store, "X-User")
        assert identify(request(headers=[("X-User", "ann")])) == ann
        with pytest.raises(RuleError, match="not logged in"):
            identify(request())

    def test_a_header_that_comes_twice_names_nobody(self, store):
        add_reader(store, "ann")
        with pytest.raises(RuleError, match="not logged in"):
            by_header(store, "X-User")(request(headers=[("X-User", "ann"), ("x-user", "ann")]))

    @pytest.mark.parametrize("peer", ["10.1.0.9", "::ffff:10.0.0.7", "", "unix:"])
    def test_a_header_counts_from_the_proxy_alone(self, store, peer):
        ann = add_reader(store, "ann")
        given = [("X-User", "ann")]
        identify = by_header(store, "X-User", ("10.0.0.0/24", "fd00::7"))
        for proxy in ("10.0.0.5", "fd00::7"):
            assert identify(request(headers=given, peer=proxy)) == ann
        with pytest.raises(RuleError, match="through the sign-on"):
            identify(request(headers=given, peer=peer))
        with pytest.raises(RuleError, match="through the sign-on"):
            by_header(store, "X-User")(request(headers=given, peer="10.0.0.5"))

    def test_a_login_needs_the_password(self, store):
        add_reader(store, "ann", password="long enough")
        check = password_check(store)
        assert check("ann", "long enough")
        assert not check("ann", "long enougH")
        assert not check("ben", "long enough")

    def test_only_admins_pass(self, store):
        ann = add_reader(store, "ann")
        with pytest.raises(StoreError, match="Only an admin"):
            admin(ann)
        assert admin(local_reader(store)).name == "local"

    def test_a_handler_for_admins_asks_who_it_is_at_each_call(self, store):
        add_reader(store, "ann")
        add_reader(store, "ada", "admin")
        with gr.Blocks():
            notice, shown = gr.HTML(), gr.HTML()
        handler = admins_only(by_login(store), notice, lambda reader, text: {shown: f"{reader.name} {text}"})
        assert handler(request("ada"), "x") == {notice: "", shown: "ada x"}
        assert handler(request("ann"), "x").keys() == {notice}

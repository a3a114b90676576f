from types import SimpleNamespace

import numpy as np
import pytest

from radui.records import GateVerdict, Prediction, Radiograph, Study
from radui.ui.sessions import MAX_PAST, Sessions, session_key
from radui.ui.streams import Update
from radui.ui.studies import LoadedStudy


def make_study() -> Study:
    pixels = np.zeros((8, 8), np.float32)
    return Study((Radiograph(pixels.astype(np.uint8), pixels),))


class CountingEngine:
    def __init__(self):
        self.asked = 0

    def gate(self, study):
        self.asked += 1
        return [GateVerdict(0.9, True, "frontal", 0.8)]

    def findings(self, study):
        return ()


@pytest.fixture
def forgotten():
    return []


@pytest.fixture
def sessions(forgotten):
    return Sessions(forgotten.append, limit=2)


def test_a_study_is_assessed_once():
    engine, loaded = CountingEngine(), LoadedStudy(make_study())
    assert loaded.assess(engine) is loaded.assess(engine)
    assert engine.asked == 1


def test_an_indication_makes_one_study_however_often_it_runs():
    loaded = LoadedStudy(make_study())
    assert loaded.indicated("  ") is loaded.study
    assert loaded.indicated("Cough.") is loaded.indicated("Cough.")
    assert loaded.indicated("Cough.").indication == "Cough."
    assert len(loaded.studies()) == 2


def test_a_new_study_stops_the_run_and_lets_the_old_one_go(sessions, forgotten):
    session = sessions.get("tab")
    first = session.load(make_study()).study
    run = session.begin(["xpronet"])
    session.load(make_study())
    assert run.cancelled.is_set()
    assert [study is first for study in forgotten] == [True]


def test_a_new_run_stops_the_old_one(sessions):
    session = sessions.get("tab")
    first, second = session.begin(["xpronet"]), session.begin(["medrat"])
    assert first.cancelled.is_set()
    assert not second.cancelled.is_set()
    assert second.unfinished == ["medrat"]


def test_tabs_are_apart_and_a_dropped_one_is_empty(sessions, forgotten):
    sessions.get("one").load(make_study())
    assert sessions.get("other").loaded is None
    sessions.drop("one")
    assert len(forgotten) == 1
    assert sessions.get("one").loaded is None


def test_callers_without_a_hash_share_nothing(sessions):
    sessions.get("").load(make_study())
    assert sessions.get("").loaded is None
    assert len(sessions) == 0


def test_the_longest_unused_tab_goes_when_there_are_too_many(sessions, forgotten):
    sessions.get("one").load(make_study())
    sessions.get("two").load(make_study())
    sessions.get("one")
    sessions.get("three")
    assert len(sessions) == 2
    assert sessions.get("one").loaded is not None
    assert len(forgotten) == 1


class TestHistory:
    def finish(self, session, *systems):
        session.begin(systems).latest.update(
            {name: Update(name, Prediction(name, "Clear.", (), complete=True)) for name in systems}
        )

    def test_a_study_goes_into_the_history_with_its_finished_reports(self, sessions):
        session = sessions.get("tab")
        first = session.load(make_study())
        self.finish(session, "xpronet", "medrat")
        session.run.latest["medrat"] = Update("medrat", Prediction("medrat", "Cle", ()))
        session.load(make_study())
        (past,) = session.past
        assert past.loaded is first
        assert set(past.updates) == {"xpronet"}
        assert session.run.latest == {}

    def test_one_that_comes_back_changes_places_with_the_one_before_it(self, sessions):
        session = sessions.get("tab")
        first, second = session.load(make_study()), None
        self.finish(session, "xpronet")
        second = session.load(make_study())
        assert session.restore(1) is first
        assert [past.loaded for past in session.past] == [second]
        assert set(session.run.reports) == {"xpronet"}
        assert session.restore(1) is None

    def test_only_the_newest_are_kept(self, sessions):
        session = sessions.get("tab")
        for _ in range(MAX_PAST + 3):
            session.load(make_study())
        assert [past.loaded.number for past in session.past] == list(range(MAX_PAST + 2, 2, -1))

    def test_large_pictures_are_kept_in_smaller_number(self, sessions, monkeypatch):
        monkeypatch.setattr("radui.ui.sessions.MAX_PAST_BYTES", 8 * 8 * 5 * 2)
        session = sessions.get("tab")
        for _ in range(5):
            session.load(make_study())
        assert len(session.past) == 2

    def test_a_study_that_is_taken_away_leaves_no_trace(self, sessions):
        session = sessions.get("tab")
        session.load(make_study())
        session.clear()
        assert session.past == []

    def test_a_closed_tab_forgets_its_history(self, sessions):
        session = sessions.get("tab")
        session.load(make_study())
        session.load(make_study())
        sessions.drop("tab")
        assert session.past == []
        assert session.loaded is None


def test_a_tab_is_known_by_its_user_too():
    def key(name, tab):
        return session_key(SimpleNamespace(username=name, session_hash=tab))

    assert len({key("ann", "t"), key("ben", "t"), key(None, "t"), key("ann", "u")}) == 4
    assert key("ann", None) == key("ann", "") == ""

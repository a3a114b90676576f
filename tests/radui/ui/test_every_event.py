"""Every event of the whole page by raw HTTP, found in the page's own configuration: a new one is tried too.

Each is answered with a result, a sentence or a refusal, never with a trace, and never with what is another's.
"""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.page_client import API, PageClient, function_of
from radui.store.migrations import open_store
from tests.radui.ui.raw_http import CLICKS, answer_of, events, filled, nearly_right, routes, said

INDICATION, REFERENCE, DRAWN = "anns own indication", "anns own reference.", "anns own effusion."
TRACES = ("Traceback", 'File \\"', "site-packages", str(Path(__file__).parents[3]), "root:x:0")
SENTENCE = re.compile(r"[A-Z][^\n]{15,}\.")
CLOSED = {401, 404}
OPEN = {"/", "/login", "/login/", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt"}
OPEN |= {f"/{API}/startup-events", f"/{API}/theme.css", "/static/{path:path}", "/assets/{path:path}"}


@pytest.fixture(scope="module")
def page(fake_engine, tmp_path_factory):
    """All tabs, all systems writing, behind a login of Ann and Ben."""
    from radui.ui.launch import guard_settings
    from radui.ui.page import build_page, launch_settings

    store = open_store(tmp_path_factory.mktemp("all") / "ratings.db")
    guard = guard_settings(
        SimpleNamespace(users={"ann": ""}, reading_room=False, root_path=None, sso_header=None)
    )
    built = build_page(fake_engine.FakeEngine(failing=(), untrained=()), store)
    app, url, _ = built.launch(
        **launch_settings(guard),
        auth=lambda name, password: password == f"{name} secret",
        prevent_thread_lock=True,
        quiet=True,
    )
    yield SimpleNamespace(url=url, app=app)
    built.close(verbose=False)


@pytest.fixture(scope="module")
def visitor(page):
    clients = []

    def enter(name=None):
        clients.append(PageClient(page.url, seconds=60))
        if name:
            assert clients[-1].log_in(name, f"{name} secret") == 200
        return clients[-1]

    yield enter
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def config(visitor):
    return visitor("ann").config()


def named(config, name):
    return next(each["id"] for each in config["dependencies"] if each["api_name"] == name)


def work(client, config, session, indication, reference, report):
    """Reports of the study that is loaded, a reference, and a drawing of another report."""
    client.call(session, named(config, "assess"), [])
    systems = ["xpronet", "medrat", "otdrg", "adamatch_cyclic"]
    client.call(session, function_of(config, "run", "click"), [systems, indication])
    client.call(session, named(config, "compare"), [reference])
    how = ["frontal", 1, 0.9, 0.8, 2.0]
    client.call(session, function_of(config, "draw", "click"), [report, 1, *how])


@pytest.fixture(scope="module")
def anns(visitor, config, pictures):
    """Ann's open tab with all that she did there, and what of it is nobody else's."""
    ann = visitor("ann")
    upload = ann.upload(pictures["film.png"].read_bytes(), "DOE^JOHN.png")
    with ann.tab() as session:
        loaded = json.dumps(ann.call(session, named(config, "load_files"), [[upload]]))
        work(ann, config, session, INDICATION, REFERENCE, DRAWN)
        picture = max(re.findall(r"[A-Za-z0-9+/]{400,}", loaded), key=len)
        study = re.search(r'"id": "([0-9a-f]{16})"', loaded)[1]
        marks = (INDICATION, REFERENCE, DRAWN, picture[400:480], upload["path"], study)
        yield SimpleNamespace(client=ann, session=session, upload=upload, marks=marks)


def check(text, marks=()):
    """Nothing of a trace, and nothing of another's."""
    for one in (*TRACES, *marks):
        assert one not in text, text[:600]


def test_the_walk_meets_every_tab(config):
    """Else the tests below would pass without trying much."""
    tabs = {each["props"]["label"] for each in config["components"] if each["type"] == "tabitem"}
    assert tabs >= {"Compare", "Explain", "Synthesize", "Rating", "Results", "Studies"}
    assert len(config["dependencies"]) > 40


def test_no_route_is_open_to_nobody_but_what_a_login_needs(page, visitor):
    nobody = visitor()
    for method, path in routes(page.app):
        status, text = answer_of(nobody, method, filled(path))
        allowed = {200, 400, 404, 405, 422, 307} if path in OPEN else CLOSED
        assert status in allowed, (method, path, status)
        check(text)


def test_nobody_is_answered_to_no_event_by_any_way(visitor, config):
    nobody = visitor()
    for each in config["dependencies"]:
        event = {"fn_index": each["id"], "data": [None] * len(each["inputs"]), "session_hash": "n"}
        for path in ("queue/join", "run/predict", f"call/{each['api_name']}"):
            assert nobody.http.post(f"{API}/{path}", json=event).status_code == 401
    assert nobody.http.get(f"{API}/call/report/x").status_code == 401
    assert nobody.http.get(f"{API}/info").status_code == 401


def test_whatever_is_sent_to_an_event_ends_in_a_result_or_a_sentence(visitor, config, anns):
    ben = visitor("ben")
    tried = 0
    with ben.tab() as session:
        ben.call(session, named(config, "load_example"), [], {"index": 0})
        work(ben, config, session, "", "", "Clear lungs.")  # so that handlers have something to work on
        clicked = (
            (each["id"], [None] * len(each["inputs"]), click)
            for each in config["dependencies"]
            for click in CLICKS
        )
        sent = ((*event, None) for event in (*events(config), *nearly_right(config)))
        for function, data, click in (*sent, *clicked):
            text, problem = said(ben, session, function, data, click)
            check(text, anns.marks)
            if problem is not None:
                assert SENTENCE.fullmatch(str(problem.get("error"))), (function, data, click, problem)
            tried += 1
    assert tried > 300


def test_no_event_takes_anothers_tab_or_upload(visitor, config, anns):
    ben = visitor("ben")
    for each in config["dependencies"]:
        count = len(each["inputs"])
        for session, data in ((anns.session, [None] * count), ("bens", [[anns.upload]] * count)):
            if session == "bens" and not count:
                continue
            event = {"fn_index": each["id"], "data": data, "session_hash": session}
            for path in ("queue/join", "run/predict", f"call/{each['api_name']}"):
                answer = ben.http.post(f"{API}/{path}", json=event)
                assert answer.status_code == 403, (each["id"], path, answer.text)
                check(answer.text, anns.marks)


def test_no_number_of_a_study_or_a_run_leads_to_anothers(visitor, config, anns):
    ben = visitor("ben")
    restore, save = function_of(config, "history", "select"), named(config, "save")
    pulled = [(restore, {"number": number}) for number in range(4)]
    pulled += [(save, {"kind": kind}) for kind in ("text", "json", "pdf")]
    with ben.tab() as session:
        for function, click in pulled:
            check(said(ben, session, function, [], click)[0], anns.marks)
        for each in config["dependencies"]:
            if each["api_name"] in ("refresh", "read_back", "show"):
                check(said(ben, session, each["id"], [None] * len(each["inputs"]))[0], anns.marks)


@pytest.mark.parametrize("number", [-1, 10**6, None, "x", [0], True])
def test_an_event_that_there_is_not_is_refused_with_a_sentence(visitor, number):
    ben = visitor("ben")
    event = {"fn_index": number, "data": [], "session_hash": "none"}
    for path in ("queue/join", "run/predict"):
        answer = ben.http.post(f"{API}/{path}", json=event)
        assert answer.status_code in (200, 400, 404, 422, 500)
        check(answer.text)
        if answer.status_code == 500:
            said_of = answer.json()
            assert SENTENCE.fullmatch(said_of.get("detail") or said_of.get("error"))


def test_after_all_that_anns_tab_is_as_it_was(config, anns):
    from base64 import b64decode

    kept = anns.client.call(anns.session, named(config, "save"), [], {"kind": "json"})
    data = re.search(r'"data": "([A-Za-z0-9+/=]{100,})"', json.dumps(kept))
    document = json.loads(b64decode(data[1]))
    assert document["indication"] == INDICATION
    assert document["reference"] == REFERENCE
    assert len(document["reports"]) == 4

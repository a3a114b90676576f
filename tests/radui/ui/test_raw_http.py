"""Every route and every event of the running page, called by hand as nobody, two readers and an admin."""

import hashlib
import json
from types import SimpleNamespace

import httpx
import pytest

from benchmarks.page_client import API, PageClient, function_of
from radui.processing.images import read_study
from radui.store.creation import create_study, prepare_case
from radui.store.migrations import open_store
from radui.store.plan import GeneratedReport, NewCase, StudyPlan
from radui.store.queues import open_study
from radui.store.readers import add_reader
from tests.radui.ui.raw_http import answer_of, events, filled, nearly_right, routes

PASSWORD = "long enough"
# Never for a reader: names of systems, other readers, and a study that is Ben's alone.
SECRETS = ("xpronet", "medrat", "bens own study", "only ben reads this", "carla")
ROUTES_OPEN = {"/", "/login", "/login/", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt"}
ROUTES_OPEN |= {f"/{API}/startup-events", f"/{API}/theme.css", "/static/{path:path}", "/assets/{path:path}"}


@pytest.fixture(scope="module")
def room(fake_engine, pictures, tmp_path_factory):
    """A reading room with Ann, Ben, Carla and the admin Ada; one study of all, one of Ben's."""
    from radui.ui.launch import guard_settings
    from radui.ui.page import DELETE_UPLOADS, launch_settings
    from radui.ui.rate_identity import by_login, password_check
    from radui.ui.rate_room import build_room
    from radui.ui.throttle import slowed

    folder = tmp_path_factory.mktemp("room")
    store = open_store(folder / "ratings.db")
    ids = {name: add_reader(store, name, "reader", PASSWORD).reader_id for name in ("ann", "ben", "carla")}
    add_reader(store, "ada", "admin", PASSWORD)
    picture = read_study([pictures["film.png"].read_bytes()])
    studies = {}
    for title, readers, text in (
        ("shared", ("ann", "ben"), "the heart is normal."),
        ("bens own study", ("ben",), "only ben reads this."),
    ):
        study = studies[title] = create_study(store, StudyPlan(title, ("xpronet", "medrat")))
        for case in ("one", "two"):
            prepare_case(
                store,
                study,
                NewCase(case, picture),
                lambda system, _, text=text: GeneratedReport(text, "sha"),
            )
        open_study(store, study, [ids[name] for name in readers])
    engine = fake_engine.FakeEngine(failing=())
    engine.checkpoints = folder / "checkpoints"
    page = build_room(engine, store, by_login(store), DELETE_UPLOADS)
    guard = guard_settings(SimpleNamespace(users={}, reading_room=True, root_path=None, sso_header=None))
    settings = {**launch_settings(guard), "auth": slowed(password_check(store))}
    app, url, _ = page.launch(**settings, prevent_thread_lock=True, quiet=True)
    yield SimpleNamespace(url=url, store=store, studies=studies, app=app)
    page.close(verbose=False)


@pytest.fixture
def visitor(room):
    """visitor(name): a client, logged in where it has a name."""
    clients = []

    def enter(name=None):
        clients.append(PageClient(room.url, seconds=30))
        if name:
            assert clients[-1].log_in(name, PASSWORD) == 200
        return clients[-1]

    yield enter
    for client in clients:
        client.close()


def contents(store):
    """A digest of all that readers and admins can change."""
    digest = hashlib.sha256()
    with store.reading() as database:
        for table in sorted(database.table_names()):
            rows = database.query(f"SELECT * FROM [{table}]")
            digest.update(json.dumps([table, list(map(list, map(dict.items, rows)))], default=str).encode())
    return digest.hexdigest()


def test_the_guard_closes_every_route_that_the_page_does_not_need(room, visitor):
    every = routes(room.app)
    assert len(every) > 60
    nobody, ann = visitor(), visitor("ann")
    for method, path in every:
        if path == "/logout":
            continue  # would end Ann's login
        status, text = answer_of(nobody, method, filled(path))
        allowed = {200, 400, 404, 405, 422, 307} if path in ROUTES_OPEN else {401, 404}
        assert status in allowed, (method, path, status)
        assert "Traceback" not in text
        assert not any(secret in text.lower() for secret in SECRETS)
        status, text = answer_of(ann, method, filled(path))
        assert status < 500, (method, path, status, text)
        assert "Traceback" not in text
        assert "root:x:0" not in text
        assert not any(secret in text.lower() for secret in SECRETS), (method, path)


def test_every_event_as_nobody_is_refused(room, visitor):
    config, nobody = visitor("ada").config(), visitor()
    before = contents(room.store)
    for function, data in events(config):
        assert nobody.join({"fn_index": function, "data": data, "session_hash": "n"}).status_code in (
            401,
            403,
        )
    assert contents(room.store) == before


def test_every_event_as_a_reader_changes_and_tells_nothing(room, visitor, capfd):
    ann = visitor("ann")
    config = ann.config()
    assert not any(secret in json.dumps(config).lower() for secret in SECRETS)
    before, answered = contents(room.store), 0
    with ann.tab() as session:
        for function, data in (*events(config), *nearly_right(config)):
            try:
                messages = json.dumps(ann.call(session, function, data, {"id": 1, "kind": "open"}))
            except httpx.HTTPStatusError as refused:
                messages = refused.response.text
            answered += 1
            assert "Traceback" not in messages
            assert "/etc" not in messages
            assert not any(secret in messages.lower() for secret in SECRETS), (function, data, messages[:500])
    assert answered > 100
    assert contents(room.store) == before
    logged = "".join(capfd.readouterr())
    assert not any(secret in logged.lower() for secret in SECRETS)


ADMIN_EVENTS = (
    ("results-compute", "click"),
    ("results-toggle", "click"),
    ("download-csv", "click"),
    ("download-zip", "click"),
    ("reader-add", "click"),
    ("create", "click"),
)


PLAN = ["mine", None, [], [], False, False, "side_by_side", "all", 0, 0, "", []]


@pytest.mark.parametrize(("element", "event"), ADMIN_EVENTS)
def test_what_is_an_admins_is_refused_to_a_reader_with_valid_arguments(room, visitor, element, event):
    ann = visitor("ann")
    config = ann.config()
    function = function_of(config, element, event)
    count = next(len(each["inputs"]) for each in config["dependencies"] if each["id"] == function)
    data = {1: [None], 3: ["mallory", PASSWORD, "admin"], 12: PLAN}[count]
    before = contents(room.store)
    with ann.tab() as session:
        text = json.dumps(ann.call(session, function, data))
        assert "Only an admin does this" in text
        if count == 1:  # with a true study's id, which the reader was never offered
            text += json.dumps(ann.call(session, function, [room.studies["bens own study"]]))
    assert contents(room.store) == before
    assert not any(secret in text.lower() for secret in SECRETS)


def form(visitor, session, kind, **fields):
    """One question of the rating form, answered."""
    function = function_of(visitor.config(), "rating", "select")
    *_, last = visitor.call(session, function, [], {"id": 1, "kind": kind, **fields})
    return last["output"]["data"][0]


def test_a_reader_has_no_way_to_anothers_task(room, visitor):
    ann, ben = visitor("ann"), visitor("ben")
    with ann.tab() as anns, ben.tab() as bens:
        own = form(ben, bens, "open", study=room.studies["bens own study"])
        assert own["task"]["reports"][0]["text"] == "Only ben reads this."
        task = own["task"]["assignment"]
        before = contents(room.store)
        for kind in ("draft", "undo", "submit", "skip"):
            refused = form(ann, anns, kind, assignment=task, answers={"confidence": 1}, reason="x")
            assert refused["kind"] == "refused"
        asked = form(ann, anns, "open", study=room.studies["bens own study"])
        assert asked["study"] == room.studies["shared"]
        assert contents(room.store) == before


def test_a_browser_tab_is_one_users_alone(room, visitor):
    ann, ben = visitor("ann"), visitor("ben")
    with ann.tab() as session:
        assert form(ann, session, "open")["kind"] == "state"
        for path in (
            f"{API}/heartbeat/{session}",
            f"{API}/queue/data?session_hash={session}",
            f"{API}/call/answer/{session}",
        ):
            assert ben.http.get(path).status_code == 403
        function = function_of(ben.config(), "rating", "select")
        assert ben.join({"fn_index": function, "data": [], "session_hash": session}).status_code == 403
        stopped = ben.http.post(
            f"{API}/cancel", json={"session_hash": session, "fn_index": 0, "event_id": "x"}
        )
        assert stopped.status_code == 403


def test_an_upload_is_fetched_by_no_url_and_used_by_its_owner_alone(room, visitor, pictures):
    ada, ann = visitor("ada"), visitor("ann")
    upload = ada.upload(pictures["film.png"].read_bytes(), "DOE^JOHN.png")
    for client in (ada, ann, visitor()):
        for route in ("file=", "file/", "stream/", "proxy="):
            assert client.http.get(f"{API}/{route}{upload['path']}").status_code == 404
    config = ann.config()
    function = function_of(config, "create", "click")
    data = [upload for _ in range(12)]
    assert ann.join({"fn_index": function, "data": data, "session_hash": "s"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_posts_of_other_sites_are_refused_with_a_reader_s_cookie(room, visitor, headers):
    ann = visitor("ann")
    function = function_of(ann.config(), "rating", "select")
    event = {"fn_index": function, "data": [], "session_hash": "c", "event_data": {"kind": "open"}}
    for path in (f"{API}/queue/join", f"{API}/upload", "login"):
        assert ann.http.post(path, json=event, headers=headers).status_code == 403
    assert ann.http.get("config", headers=headers).status_code == 403


def test_a_form_cannot_send_an_event(room, visitor):
    ann = visitor("ann")
    event = json.dumps({"fn_index": 0, "data": [], "session_hash": "f"})
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = ann.http.post(f"{API}/queue/join", content=event, headers={"content-type": kind})
        assert answer.status_code == 415


def test_the_own_site_and_links_to_it_pass(room, visitor):
    ann = visitor("ann")
    assert ann.http.get("config", headers={"Origin": room.url.rstrip("/")}).status_code == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert ann.http.get("", headers=link).status_code == 200
    assert ann.http.get("logout", headers=link).status_code == 403


def test_a_login_leaves_no_password_in_the_log(room, visitor, capfd):
    assert visitor().log_in("ann", "wrong secret") == 400
    assert visitor().log_in("ann", PASSWORD) == 200
    assert not any(word in "".join(capfd.readouterr()) for word in ("wrong secret", PASSWORD))

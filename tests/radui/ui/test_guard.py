"""The guard by itself, before an app that would answer anything."""

import json
from errno import ENOSPC
from types import SimpleNamespace

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from radui.ui.guard import Guard
from radui.ui.guard_rules import MAX_EVENT, Owners, Uploads, file_paths, name_of
from radui.ui.hosts import is_loopback

JOIN, UPLOAD = "/gradio_api/queue/join", "/gradio_api/upload"
TOKENS = {"t-ann": "ann", "t-ben": "ben"}


def client(auth=None, **options):
    """A client of an app that lists the path of each upload and answers events with what it read of them."""

    async def anything(scope, receive, send):
        request = Request(scope, receive)
        body = await request.body()
        path = request.url.path
        answer = ["/cache/" + body.decode()] if path == UPLOAD else {"read": body.decode()}
        await JSONResponse(answer)(scope, receive, send)

    guard = Guard(anything, **options)

    async def app(scope, receive, send):
        scope["app"] = SimpleNamespace(auth=auth, cookie_id="c", tokens=TOKENS)
        await guard(scope, receive, send)

    return TestClient(app, base_url="http://127.0.0.1:7860")


def event(**fields):
    return {"fn_index": 0, "data": [], "session_hash": "s", **fields}


@pytest.fixture
def local():
    return client(hosts=is_loopback)


def test_an_event_reaches_the_app_as_it_was_sent(local):
    assert json.loads(local.post(JOIN, json=event(data=["é"])).json()["read"]) == event(data=["é"])


@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:7860", "192.168.0.7", ""])
def test_a_foreign_name_for_this_machine_is_refused(local, host):
    answer = local.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "open the address that it printed" in answer.json()["detail"]


def test_a_proxys_word_counts_behind_a_proxy_alone(local):
    headers = {"Origin": "https://radui.example", "X-Forwarded-Host": "radui.example"}
    assert local.post(JOIN, json=event(), headers=headers).status_code == 403
    assert client(behind_proxy=True).post(JOIN, json=event(), headers=headers).status_code == 200


def test_only_ones_own_uploads_may_be_named():
    page = client(auth=object())
    page.cookies.set("access-token-unsecure-c", "t-ann")
    (path,) = page.post(UPLOAD, content="mine").json()
    named = event(data=[{"path": path, "meta": {"_type": "gradio.FileData"}}])
    assert page.post(JOIN, json=named).status_code == 200
    page.cookies.set("access-token-unsecure-c", "t-ben")
    assert page.post(JOIN, json={**named, "session_hash": "b"}).status_code == 403
    page.post(UPLOAD, content="mine")  # the same file, uploaded by Ben too
    assert page.post(JOIN, json={**named, "session_hash": "b"}).status_code == 200


@pytest.mark.parametrize("path", ["https://example.org/x", "/etc/passwd", "/cache/../etc/passwd", 7, None])
def test_files_that_were_not_uploaded_are_refused_however_deep_they_stand(local, path):
    for data in ([{"path": path}], [[{"a": {"b": [{"path": path}]}}]], {"value": {"path": path}}):
        assert local.post(JOIN, json=event(data=data)).status_code == 403
    assert local.post(JOIN, json=event(event_data={"path": path})).status_code == 403


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b"[" * 200_000])
def test_what_is_no_event_is_refused(local, content):
    answer = local.post(JOIN, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400


def test_an_event_is_of_bounded_size(local):
    assert local.post(JOIN, json=event(data=["x" * MAX_EVENT])).status_code == 413


def test_a_wrong_or_old_cookie_is_nobody():
    page = client(auth=object())
    assert page.get("/config").status_code == 401
    page.cookies.set("access-token-c", "t-nobody")
    assert page.get("/config").status_code == 401
    assert page.get("/").status_code == 200


def test_a_header_of_a_single_sign_on_names_the_user():
    page = client(user_header="X-User")
    assert page.get("/config").status_code == 401
    assert page.get("/config", headers={"X-User": "ann"}).status_code == 200
    assert page.post(JOIN, json=event(), headers={"X-User": "ann"}).status_code == 200
    assert page.post(JOIN, json=event(), headers={"X-User": "ben"}).status_code == 403


def test_every_answer_forbids_other_sites_to_frame_or_feed_the_page(local):
    for answer in (local.get("/"), local.get("/nothing")):
        assert "connect-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"


def test_a_full_disk_is_told_in_a_sentence():
    async def full(scope, receive, send):
        raise OSError(ENOSPC, "No space left on device", "/tmp/DOE^JOHN.png")

    guard = Guard(full)

    async def app(scope, receive, send):
        scope["app"] = SimpleNamespace(auth=None, cookie_id="c", tokens={})
        await guard(scope, receive, send)

    answer = TestClient(app).post(UPLOAD, content="picture")
    assert answer.status_code == 507
    assert answer.json()["detail"].startswith("The disk for uploads is full; ")
    assert "DOE" not in answer.text


def test_old_names_go_when_there_are_too_many():
    owners, uploads = Owners(limit=2), Uploads(limit=2)
    for name in ("a", "b", "c"):
        assert owners.claim(name, "ann")
        uploads.note(json.dumps([name]).encode(), "ann")
    assert owners.claim("a", "ben")
    assert not owners.claim("c", "ben")
    assert [uploads.owns(name, "ann") for name in ("a", "b", "c")] == [False, True, True]


def test_names_and_paths():
    assert [name_of(host) for host in ("A:1", "[::1]:7860", "[::1]", "b")] == ["a", "::1", "::1", "b"]
    assert file_paths({"path": 1, "x": [{"y": {"path": "p"}}]}) == ["1", "p"]

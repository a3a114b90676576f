"""A running app of its own, watched: whom it calls, what it logs, what it leaves on the disk."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from benchmarks.page_client import PageClient, function_of
from benchmarks.server import free_port, wait_for
from radui.ui.launch import prepare_environment

ROOT = Path(__file__).parents[3]
NAME = "DOE^JOHN^19611224.png"
# The app as `python app.py` starts it, on an engine without models; each address that it looks up or calls is
# told on stderr. An audit hook sees all of Python's sockets, whatever library opens them.
SCRIPT = """
import importlib.util, sys
def told(event, arguments):
    if event == "socket.getaddrinfo":
        print("CALLS", arguments[0], file=sys.stderr, flush=True)
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        print("CALLS", arguments[1][0], file=sys.stderr, flush=True)
sys.addaudithook(told)
import radui.engine
from radui.ui import launch
spec = importlib.util.spec_from_file_location("fake_engine", sys.argv.pop(1))
fake = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fake)
radui.engine.Engine = lambda *_, **__: fake.FakeEngine()
launch.main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The single user's page in a process of its own, with logins of Ann and Ben from a file."""
    from radui.store.passwords import hash_password

    folder = tmp_path_factory.mktemp("app")
    (folder / "tmp").mkdir()
    users = folder / "users"
    users.write_text("".join(f"{name}:{hash_password(name + ' secret')}\n" for name in ("ann", "ben")))
    port, log = free_port(), folder / "log"
    options = ["--port", str(port), "--auth", str(users)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(Path(__file__).with_name("fake_engine.py")), *options],
            cwd=ROOT,
            stdout=out,
            stderr=out,
            env={**os.environ, "TMPDIR": str(folder / "tmp")},
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, process, 300)
        yield SimpleNamespace(url=url, log=log, uploads=folder / "tmp", process=process)
    finally:
        process.terminate()
        process.wait()
    # SIGTERM ends in the clean-up: the whole folder of temporary files is gone.
    assert list((folder / "tmp").glob("radui-*")) == []


@pytest.fixture
def visitor(app):
    clients = []

    def enter(name):
        clients.append(PageClient(app.url))
        assert clients[-1].log_in(name, f"{name} secret") == 200
        return clients[-1]

    yield enter
    for client in clients:
        client.close()


def named(config, name):
    return next(each["id"] for each in config["dependencies"] if each["api_name"] == name)


def report(client, tab, data, name=NAME):
    """Upload, load, assess and run; the text of all that came back, and the path of the upload."""
    config, upload = client.config(), client.upload(data, name)
    said = client.call(tab, named(config, "load_files"), [[upload]])
    said += client.call(tab, named(config, "assess"), [])
    said += client.call(tab, function_of(config, "run", "click"), [["xpronet", "medrat"], "cough"])
    return json.dumps(said), upload


def with_content(folder):
    return [each for each in folder.rglob("*") if each.is_file() and each.stat().st_size]


def test_a_visit_leaves_no_file_and_no_name_and_calls_nobody(app, visitor, pictures):
    ann = visitor("ann")
    data = pictures["film.png"].read_bytes()
    with ann.tab() as tab:
        said, upload = report(ann, tab, data)
        assert "enlarged" in said
        assert "DOE" not in said
        assert with_content(app.uploads) == []  # gone as soon as it was read, before the tab closes
        # The same event once more, a damaged picture, and one that nobody takes.
        ann.call(tab, named(ann.config(), "load_files"), [[upload]])
        report(ann, tab, data[:200])
    logged = app.log.read_text()
    assert "DOE" not in logged
    assert "1961" not in logged
    assert "secret" not in logged
    called = {line.split()[1] for line in logged.splitlines() if line.startswith("CALLS")}
    assert called <= {"127.0.0.1", "localhost", "::1", "None"}


def test_an_upload_that_no_event_takes_is_not_fetched_and_not_anothers(app, visitor, pictures):
    ann, ben = visitor("ann"), visitor("ben")
    upload = ann.upload(pictures["IM0001"].read_bytes(), "SMITH^ANN")
    for client in (ann, ben):
        for route in ("file=", "file/", "proxy="):
            assert client.http.get(f"gradio_api/{route}{upload['path']}").status_code == 404
    with ben.tab() as tab, pytest.raises(httpx.HTTPStatusError, match="403"):
        ben.call(tab, named(ben.config(), "load_files"), [[upload]])
    with ann.tab() as tab:
        ann.call(tab, named(ann.config(), "load_files"), [[upload]])
    assert with_content(app.uploads) == []


def test_two_tabs_and_two_users_never_see_each_others_pictures(app, visitor, pictures):
    ann, ben = visitor("ann"), visitor("ben")
    function = function_of(ann.config(), "run", "click")
    with ann.tab() as tab, ann.tab() as second, ben.tab() as other:
        report(ann, tab, pictures["film.png"].read_bytes())
        for client, session in ((ann, second), (ben, other)):
            said = json.dumps(client.call(session, function, [["xpronet"], ""]))
            assert "Choose a radiograph first" in said
        with pytest.raises(httpx.HTTPStatusError, match="403"):
            ben.call(tab, function, [["xpronet"], ""])


def test_a_closed_tab_is_forgotten_within_seconds(app, visitor, pictures):
    """Its hash, taken up again by the same user, finds nothing."""
    ann = visitor("ann")
    function = function_of(ann.config(), "run", "click")
    with ann.tab() as tab:
        report(ann, tab, pictures["film.png"].read_bytes())
    end = time.monotonic() + 60
    while "Choose a radiograph first" not in json.dumps(ann.call(tab, function, [["xpronet"], ""])):
        assert time.monotonic() < end, "the study is still there"
        time.sleep(0.5)


def test_there_is_no_run_history(app, visitor):
    ann = visitor("ann")
    assert ann.config()["run_history"] is False
    for path in ("runs", "run-history/records", "run-history/buckets"):
        assert ann.http.get(f"gradio_api/{path}").status_code == 404


def test_passwords_stand_in_no_command_line_and_in_no_childs_environment(app, monkeypatch):
    command = Path(f"/proc/{app.process.pid}/cmdline")
    if command.exists():
        assert b"secret" not in command.read_bytes()
    monkeypatch.setenv("RADUI_AUTH", "ann:ann secret")
    monkeypatch.setenv("GRADIO_TEMP_DIR", "kept")  # put back afterwards: the other tests' pages use it
    prepare_environment()
    assert "RADUI_AUTH" not in os.environ

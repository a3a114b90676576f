import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from radui.store.passwords import hash_password
from radui.ui.auth import AuthError, checker, environment_users, read_users
from radui.ui.launch import (
    guard_settings,
    listening_problem,
    main,
    parse_options,
    prepare_environment,
    server_settings,
)
from radui.ui.ratings_file import home_file, open_ratings

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def no_user_in_the_environment(monkeypatch):
    monkeypatch.delenv("RADUI_AUTH", raising=False)


@pytest.fixture
def checkpoints(tmp_path):
    return ["--checkpoints", str(tmp_path)]


def refusal(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as exit_:
        parse_options(arguments)
    assert exit_.value.code == 2
    return capsys.readouterr().err


def test_the_page_stays_on_this_machine_unless_told_otherwise(checkpoints):
    settings = server_settings(parse_options(checkpoints))
    assert settings["server_name"] == "127.0.0.1"
    assert settings["auth"] is None


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_other_hosts_need_a_login(capsys, checkpoints, host):
    assert "needs --auth" in refusal(capsys, *checkpoints, "--host", host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "::1"])
def test_loopback_hosts_do_not(checkpoints, host):
    assert parse_options([*checkpoints, "--host", host]).host == host


def test_a_password_file_opens_the_page_to_its_users_alone(checkpoints, tmp_path):
    file = tmp_path / "users"
    file.write_text(f"# readers\nanna:{hash_password('right')}\n\nben:{hash_password('other')}\n")
    settings = server_settings(parse_options([*checkpoints, "--host", "0.0.0.0", "--auth", str(file)]))

    def check(name: str, password: str) -> bool:
        with start_blocking_portal() as portal:
            return portal.call(settings["auth"], name, password)

    assert check("anna", "right")
    assert check("ben", "other")
    assert not check("anna", "other")
    assert not check("anna", "")
    assert not check("carl", "right")
    assert not check("carl", "")


def test_one_user_may_stand_in_the_environment(monkeypatch, checkpoints):
    monkeypatch.setenv("RADUI_AUTH", "anna:with:colon")
    options = parse_options([*checkpoints, "--host", "0.0.0.0"])
    assert checker(options.users)("anna", "with:colon")


@pytest.mark.parametrize("stored", ["plain", "scrypt$a$b", "scrypt$YQ==$", "md5$YQ==$YQ=="])
def test_what_is_no_hash_is_refused_before_a_login_stumbles_over_it(tmp_path, stored):
    file = tmp_path / "users"
    file.write_text(f"anna:{stored}\n")
    with pytest.raises(AuthError, match="Line 1"):
        read_users(file)


def test_bad_password_files_are_refused(tmp_path):
    file = tmp_path / "users"
    file.write_text("\n")
    with pytest.raises(AuthError, match="names no user"):
        read_users(file)
    with pytest.raises(AuthError, match="cannot be read"):
        read_users(tmp_path / "none")
    with pytest.raises(AuthError, match="user:password"):
        environment_users({"RADUI_AUTH": "anna"})


def test_folders_that_do_not_exist_are_refused(capsys, checkpoints, tmp_path):
    assert "does not exist" in refusal(capsys, "--checkpoints", str(tmp_path / "none"))
    assert "cannot be written" in refusal(capsys, *checkpoints, "--db", str(tmp_path / "none" / "r.sqlite"))
    assert parse_options([*checkpoints, "--db", str(tmp_path / "r.sqlite")]).db.name == "r.sqlite"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "radui.example"])
def test_without_a_login_the_page_answers_to_its_own_names_alone(checkpoints, name):
    settings = guard_settings(parse_options([*checkpoints, "--root-path", "https://radui.example/x"]))
    assert settings["hosts"](name)
    assert not settings["hosts"]("rebound.example")
    assert not guard_settings(parse_options(checkpoints))["hosts"]("radui.example")


@pytest.fixture
def busy():
    """A port of this machine that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_in_use_ends_the_program_with_a_sentence(busy, checkpoints):
    with pytest.raises(SystemExit) as exit_:
        main([*checkpoints, "--port", str(busy)])
    assert exit_.value.code.startswith(f"Cannot listen on 127.0.0.1, port {busy} (Address already in use); ")


def test_a_port_that_is_free_again_can_be_listened_on(busy):
    assert listening_problem("127.0.0.1", 0) is None
    assert "choose another" in listening_problem("127.0.0.1", busy)
    assert "no such port" in listening_problem("127.0.0.1", 70_000)
    assert "choose another" in listening_problem("203.0.113.7", 7860)  # an address of documentation, not ours


def test_without_a_place_for_temporary_files_the_program_says_so(monkeypatch, checkpoints):
    def fail(prefix: str) -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("radui.ui.launch.tempfile.mkdtemp", fail)
    with pytest.raises(SystemExit, match="TMPDIR"):
        prepare_environment()


def test_the_page_is_built_without_torch(tmp_path):
    script = (
        "import sys; from pathlib import Path; from radui.ui.launch import prepare_environment;"
        "prepare_environment(); from radui.engine import Engine; from radui.ui.page import build_page;"
        f"build_page(Engine(Path({str(tmp_path)!r})));"
        "print(sorted({'torch', 'transformers', 'sklearn'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True
    )
    assert result.stdout.strip() == "[]", result.stderr


class TestRatingsOfASingleUser:
    @pytest.fixture
    def home(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        return tmp_path / "data" / "radui" / "ratings.db"

    def test_they_go_to_the_users_own_folder(self, home, checkpoints):
        assert open_ratings(parse_options(checkpoints)).path == home
        assert home.parent.stat().st_mode & 0o077 == 0
        assert home_file({}, "linux") == Path.home() / ".local/share/radui/ratings.db"
        assert home_file({}, "darwin") == Path.home() / "Library/Application Support/radui/ratings.db"

    def test_a_folder_that_cannot_be_made_leaves_the_page_without_them(self, home, checkpoints, capsys):
        home.parents[1].write_text("a file where the folder should be")
        assert open_ratings(parse_options(checkpoints)) is None
        assert "No ratings are kept" in capsys.readouterr().err

    def test_nobodys_are_kept_where_they_would_mix_or_are_not_wanted(self, home, checkpoints, tmp_path):
        users = tmp_path / "users"
        users.write_text(f"anna:{hash_password('right')}\nben:{hash_password('other')}\n")
        for given in (["--auth", str(users)], ["--no-ratings"]):
            assert open_ratings(parse_options([*checkpoints, *given])) is None
        assert not home.exists()

    def test_a_file_of_another_program_ends_this_one(self, checkpoints, tmp_path):
        (tmp_path / "r.db").write_text("no database " * 200)
        with pytest.raises(SystemExit, match="not a sound SQLite database"):
            open_ratings(parse_options([*checkpoints, "--db", str(tmp_path / "r.db")]))

    def test_keeping_and_not_keeping_do_not_go_together(self, capsys, checkpoints, tmp_path):
        given = ("--no-ratings", "--db", str(tmp_path / "r.db"))
        assert "leave one of them out" in refusal(capsys, *checkpoints, *given)


class TestReadingRoom:
    @pytest.fixture
    def db(self, tmp_path):
        return ["--db", str(tmp_path / "ratings.db")]

    def test_it_lets_other_machines_in_because_its_readers_log_in(self, checkpoints, db):
        options = parse_options([*checkpoints, *db, "--reading-room", "--host", "0.0.0.0"])
        assert options.reading_room

    def test_it_needs_a_file_of_readers(self, capsys, checkpoints):
        assert "needs --db" in refusal(capsys, *checkpoints, "--reading-room")

    def test_a_header_names_readers_of_a_reading_room_only(self, capsys, checkpoints, db):
        assert "needs --reading-room" in refusal(capsys, *checkpoints, *db, "--sso-header", "X-User")

    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            (("--sso-header", "X-User", "--host", "0.0.0.0"), "needs --proxy"),
            (("--sso-header", "X-User", "--proxy", "proxy.clinic.org"), "is no address or network"),
            (("--proxy", "10.0.0.5"), "give both"),
        ],
    )
    def test_a_header_counts_from_a_named_proxy(self, capsys, checkpoints, db, given, sentence):
        assert sentence in refusal(capsys, *checkpoints, *db, "--reading-room", *given)

    def test_a_proxy_on_this_machine_needs_no_name(self, checkpoints, db):
        options = parse_options([*checkpoints, *db, "--reading-room", "--sso-header", "X-User"])
        assert options.proxy == []

    def test_passwords_of_a_file_and_readers_do_not_mix(self, capsys, checkpoints, db, monkeypatch):
        monkeypatch.setenv("RADUI_AUTH", "anna:right")
        assert "readers of its own" in refusal(capsys, *checkpoints, *db, "--reading-room")

    def test_several_users_would_mix_their_ratings(self, capsys, checkpoints, db, tmp_path):
        users = tmp_path / "users"
        users.write_text(f"anna:{hash_password('right')}\nben:{hash_password('other')}\n")
        assert "mix their ratings" in refusal(capsys, *checkpoints, *db, "--auth", str(users))

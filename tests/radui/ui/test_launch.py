import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from radui.store.passwords import hash_password
from radui.ui.auth import AuthError, environment_users, read_users
from radui.ui.launch import (
    guard_settings,
    listening_problem,
    main,
    prepare_environment,
    server_settings,
)
from radui.ui.options import parse_options
from radui.ui.ratings_file import home_file, open_ratings

ROOT = Path(__file__).parents[3]


def test_the_page_stays_on_this_machine_unless_told_otherwise(checkpoints):
    settings = server_settings(parse_options(checkpoints))
    assert settings["server_name"] == "127.0.0.1"
    assert settings["auth"] is None


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

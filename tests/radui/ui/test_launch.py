import os
import subprocess
import sys
from pathlib import Path

import pytest

from radui.ui.auth import AuthError, checker, environment_users, hash_password, read_users
from radui.ui.launch import parse_options, server_settings

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
    check = settings["auth"]
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


def test_bad_password_files_are_refused(tmp_path):
    file = tmp_path / "users"
    file.write_text("anna:plain\n")
    with pytest.raises(AuthError, match="Line 1"):
        read_users(file)
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

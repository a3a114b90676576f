"""What the options of app.py let through, and the sentences for what cannot work."""

import pytest

from radui.store.passwords import hash_password
from radui.ui.auth import checker
from radui.ui.options import parse_options


def refusal(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as exit_:
        parse_options(arguments)
    assert exit_.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_other_hosts_need_a_login(capsys, checkpoints, host):
    assert "needs --auth" in refusal(capsys, *checkpoints, "--host", host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "::1"])
def test_loopback_hosts_do_not(checkpoints, host):
    assert parse_options([*checkpoints, "--host", host]).host == host


def test_one_user_may_stand_in_the_environment(monkeypatch, checkpoints):
    monkeypatch.setenv("RADUI_AUTH", "anna:with:colon")
    options = parse_options([*checkpoints, "--host", "0.0.0.0"])
    assert checker(options.users)("anna", "with:colon")


def test_folders_that_do_not_exist_are_refused(capsys, checkpoints, tmp_path):
    assert "does not exist" in refusal(capsys, "--checkpoints", str(tmp_path / "none"))
    assert "cannot be written" in refusal(capsys, *checkpoints, "--db", str(tmp_path / "none" / "r.sqlite"))
    assert parse_options([*checkpoints, "--db", str(tmp_path / "r.sqlite")]).db.name == "r.sqlite"


def test_keeping_and_not_keeping_do_not_go_together(capsys, checkpoints, tmp_path):
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

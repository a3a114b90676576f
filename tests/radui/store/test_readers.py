import pytest

from radui.store.errors import NotFoundError, RuleError
from radui.store.readers import (
    add_reader,
    find_reader,
    list_readers,
    local_reader,
    log_in,
    set_active,
    set_password,
)


def test_a_reader_logs_in_with_the_right_password_only(store):
    added = add_reader(store, "ann", password="correct horse")
    assert log_in(store, "ann", "correct horse") == added
    assert log_in(store, "ANN", "correct horse") == added
    assert log_in(store, "ann", "wrong horse") is None
    assert log_in(store, "bob", "correct horse") is None


def test_the_file_holds_a_salted_hash_and_no_password(store):
    add_reader(store, "ann", password="correct horse")
    add_reader(store, "bob", password="correct horse")
    with store.reading() as database:
        first, second = (row["password_hash"] for row in database.query("SELECT * FROM readers"))
    assert first.startswith("scrypt$")
    assert first != second
    assert b"correct horse" not in store.path.read_bytes()


def test_without_a_password_nobody_logs_in_but_the_proxy_may_name_the_reader(store):
    added = add_reader(store, "ann@clinic.org", "admin")
    assert log_in(store, "ann@clinic.org", "") is None
    assert find_reader(store, "ann@clinic.org") == added
    assert local_reader(store) == local_reader(store)


def test_a_reader_who_is_set_inactive_is_kept_out(store):
    add_reader(store, "ann", password="correct horse")
    set_active(store, "ann", False)
    assert log_in(store, "ann", "correct horse") is None
    with pytest.raises(NotFoundError):
        find_reader(store, "ann")
    assert [(reader.name, reader.active) for reader in list_readers(store)] == [("ann", False)]


def test_a_new_password_replaces_the_old_one(store):
    add_reader(store, "ann", password="correct horse")
    set_password(store, "ann", "battery staple")
    assert log_in(store, "ann", "correct horse") is None
    assert log_in(store, "ann", "battery staple")
    with pytest.raises(NotFoundError):
        set_password(store, "bob", "battery staple")


@pytest.mark.parametrize(
    ("name", "password", "sentence"),
    [
        ("Ann", None, "There is a reader Ann already"),
        ("a b", None, "without spaces"),
        ("bob", "short", "at least 8"),
    ],
)
def test_what_cannot_be_a_reader_says_why(store, name, password, sentence):
    add_reader(store, "ann")
    with pytest.raises(RuleError, match=sentence):
        add_reader(store, name, password=password)

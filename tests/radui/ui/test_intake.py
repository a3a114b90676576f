import time
from types import SimpleNamespace

import pytest

from radui.ui.intake import WAITING, UploadError, sweep, take_files


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of uploads."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


def test_uploads_are_read_and_deleted(cache):
    folder = cache / "hash"
    folder.mkdir()
    (folder / "one").write_bytes(b"1")
    (folder / "two").write_bytes(b"1")
    assert take_files([str(folder / "one"), str(folder / "two")]) == [b"1", b"1"]
    assert not folder.exists()
    with pytest.raises(UploadError):
        take_files([folder / "one"])


def test_a_picture_that_two_users_uploaded_stays_until_both_have_it(cache):
    file = cache / "hash" / "film.png"
    file.parent.mkdir()
    file.write_bytes(b"1")
    for _ in range(2):
        WAITING.arrived(str(file))
    assert take_files([file]) == [b"1"]
    assert take_files([file]) == [b"1"]
    assert not file.parent.exists()


@pytest.mark.parametrize(
    "path", ["victim/file", "cache/file", "cache/hash/deep/file", "cache/hash/../../victim/file", "link/file"]
)
def test_nothing_else_is_read_or_deleted(cache, tmp_path, path):
    for folder in ("victim", "cache", "cache/hash", "cache/hash/deep"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "file").write_bytes(b"secret")
    (cache / "linked").symlink_to(tmp_path / "victim")
    (tmp_path / "link").symlink_to(cache / "linked")
    with pytest.raises(UploadError, match="upload the picture first"):
        take_files([tmp_path / path])
    assert len([found for found in tmp_path.rglob("file") if found.is_file()]) >= 4


def test_what_nobody_took_is_swept_by_age(tmp_path, monkeypatch):
    monkeypatch.setattr("radui.ui.intake.get_upload_folder", lambda: str(tmp_path))
    (tmp_path / "hash").mkdir()
    (tmp_path / "hash" / "DOE^JOHN.png").write_bytes(b"1")
    (tmp_path / "tmpempty").touch()
    (tmp_path / "tmpcoming").write_bytes(b"half a picture")
    now = time.time()

    def left_after(seconds):
        monkeypatch.setattr("radui.ui.intake.time", SimpleNamespace(time=lambda: now + seconds))
        sweep()
        return {path.name for path in tmp_path.iterdir()}

    assert left_after(30) == {"hash", "tmpempty", "tmpcoming"}
    assert left_after(120) == {"hash", "tmpcoming"}
    assert left_after(3700) == set()

import pytest

from radui.ui.intake import UploadError, take_files


def test_uploads_are_read_and_deleted(tmp_path):
    folder = tmp_path / "hash"
    folder.mkdir()
    (folder / "one").write_bytes(b"1")
    (folder / "two").write_bytes(b"1")
    assert take_files([str(folder / "one"), str(folder / "two")]) == [b"1", b"1"]
    assert not folder.exists()
    with pytest.raises(UploadError):
        take_files([folder / "one"])

import numpy as np
import pytest

from radui.processing.case_folder import CaseFolderError, list_cases, read_case
from radui.processing.errors import NotAnImage, WrongViewCount


@pytest.fixture
def picture():
    """picture(path): a drawn PNG."""
    import cv2

    def picture(path):
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.random.default_rng(1).integers(255, size=(80, 90), dtype=np.uint8))

    return picture


def test_a_picture_or_a_folder_of_pictures_is_a_case(tmp_path, picture):
    picture(tmp_path / "0001.png")
    picture(tmp_path / "0002" / "a.png")
    picture(tmp_path / "0002" / "b.png")
    (tmp_path / "0001.txt").write_text("Clear.\n", encoding="utf-8")
    (tmp_path / "0002" / "indication.txt").write_text("Cough", encoding="utf-8")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    first, second = list_cases(tmp_path)
    assert (first.name, second.name) == ("0001", "0002")
    study, reference = read_case(first)
    assert (len(study.views), study.indication, reference) == (1, "", "Clear.")
    study, reference = read_case(second)
    assert (len(study.views), study.indication, reference) == (2, "Cough", None)


def test_a_folder_without_cases_says_what_it_should_hold(tmp_path):
    with pytest.raises(CaseFolderError, match="no picture in"):
        list_cases(tmp_path)
    with pytest.raises(CaseFolderError, match="There is no folder"):
        list_cases(tmp_path / "missing")


def test_two_cases_of_one_name_are_refused(tmp_path, picture):
    picture(tmp_path / "1.png")
    picture(tmp_path / "1" / "a.png")
    with pytest.raises(CaseFolderError, match=r"Two cases in .* are named 1"):
        list_cases(tmp_path)


def test_a_picture_that_cannot_be_read_names_its_case(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    (tmp_path / "empty").mkdir()
    broken, empty = list_cases(tmp_path)
    with pytest.raises(NotAnImage, match="Case broken: "):
        read_case(broken)
    with pytest.raises(WrongViewCount, match="Case empty: No pictures were given"):
        read_case(empty)

import json
from pathlib import Path

import pytest

from radui.processing.vocabulary import Vocabulary, VocabularyError

ANNOTATION = Path(__file__).parents[3] / "../shared/data/iu_xray/annotation.json"
REPORTS = ["The heart is big.", "The heart is small.", "The heart. Lungs are clear."]


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary.build(REPORTS, threshold=2)


def test_types_are_frequent_words_sorted(vocabulary: Vocabulary) -> None:
    assert vocabulary.types == (".", "<unk>", "heart", "is", "the")
    assert len(vocabulary) == 6


def test_the_threshold_is_inclusive() -> None:
    assert "heart" in Vocabulary.build(REPORTS, threshold=3).types
    assert "is" not in Vocabulary.build(REPORTS, threshold=3).types


def test_encode_wraps_the_report_in_zeros(vocabulary: Vocabulary) -> None:
    assert vocabulary.encode("The heart is odd.") == [0, 5, 3, 4, 2, 1, 0]


def test_a_long_report_loses_its_end(vocabulary: Vocabulary) -> None:
    assert vocabulary.encode("The heart is odd.", max_length=4) == [0, 5, 3, 4]
    assert len(vocabulary.encode("heart " * 100)) == 60


def test_an_empty_report_is_one_stop(vocabulary: Vocabulary) -> None:
    assert vocabulary.encode("") == [0, 1, 0]


@pytest.mark.parametrize("ids", [[0, 5, 3, 0, 4], [5, 3, 0], [0, 0, 5, 3], [5, 3]])
def test_decode_stops_at_the_first_zero_after_a_word(vocabulary: Vocabulary, ids: list[int]) -> None:
    assert vocabulary.decode(ids) == "the heart"
    assert vocabulary.words(ids) == ["the", "heart"]


def test_nothing_decodes_to_nothing(vocabulary: Vocabulary) -> None:
    assert vocabulary.decode([]) == ""
    assert vocabulary.decode([0, 0]) == ""


@pytest.mark.parametrize("number", [-1, 6, 761])
def test_an_unknown_id_is_refused(vocabulary: Vocabulary, number: int) -> None:
    with pytest.raises(VocabularyError, match=f"Word id {number} is outside this vocabulary of 6 rows"):
        vocabulary.decode([0, number])


def test_a_saved_vocabulary_is_the_same(vocabulary: Vocabulary, tmp_path: Path) -> None:
    vocabulary.save(tmp_path / "vocab.json")
    assert Vocabulary.load(tmp_path / "vocab.json") == vocabulary
    assert json.loads((tmp_path / "vocab.json").read_text()) == list(vocabulary.types)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "not JSON"),
        ('{"a": 1}', "not a list of words"),
        ("[1, 2]", "not a list of words"),
        ('["heart"]', "<unk>"),
        ('["<unk>", "a", "a"]', "distinct"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "vocab.json").write_text(content)
    with pytest.raises(VocabularyError, match=problem):
        Vocabulary.load(tmp_path / "vocab.json")


def test_a_vocabulary_cannot_be_changed(vocabulary: Vocabulary) -> None:
    with pytest.raises(AttributeError):
        vocabulary.types = ()  # type: ignore[misc]


@pytest.mark.skipif(not ANNOTATION.is_file(), reason="IU X-Ray is not at ../shared/data/iu_xray")
def test_iu_xray_has_the_published_760_types() -> None:
    studies = json.loads(ANNOTATION.read_text(encoding="utf-8"))
    vocabulary = Vocabulary.build(study["report"] for study in studies["train"])
    assert len(studies["train"]) == 2069
    assert len(vocabulary.types) == 760
    assert len(vocabulary) == 761
    assert vocabulary.encode(".")[1] == 1

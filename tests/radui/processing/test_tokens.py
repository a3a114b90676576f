import pytest

from radui.processing.tokens import PieceTokens, WordTokens, encode_term, load_tokens
from radui.processing.vocabulary import Vocabulary

REPORT = "The heart is LARGE. No effusion!"


@pytest.fixture
def words():
    return WordTokens(Vocabulary(tuple(sorted([".", "<unk>", "heart", "is", "large", "no", "the"]))), 20)


@pytest.fixture(scope="module")
def pieces():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    names = ["[UNK]", "the", "heart", "is", "large", "no", "eff", "##usion", ".", "!"]
    model = models.WordPiece({name: i for i, name in enumerate(names)}, unk_token="[UNK]")
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PieceTokens(tokenizer.to_str())


def test_words_have_no_marks_and_keep_their_stops(words):
    ids = words.encode(REPORT)
    assert 0 not in ids
    assert words.texts(ids) == ["the", "heart", "is", "large", ".", "no", "<unk>", "."]


def test_words_are_found_where_they_stand(words):
    assert [REPORT[a:b] for a, b in words.spans(REPORT)] == [
        *["The", "heart", "is", "LARGE", ".", "No", "effusion"],
        "",
    ]


def test_long_reports_are_cut(words):
    assert len(words.encode("heart " * 50)) == len(words.spans("heart " * 50)) == 20


def test_an_empty_report_is_a_stop(words, pieces):
    assert words.texts(words.encode("")) == ["."]
    assert pieces.texts(pieces.encode(" ")) == ["."]


def test_pieces_and_their_places(pieces):
    ids = pieces.encode("  " + REPORT)
    assert pieces.texts(ids)[-3:] == ["eff", "##usion", "!"]
    spans = pieces.spans("  " + REPORT)
    assert [("  " + REPORT)[a:b] for a, b in spans][-3:] == ["eff", "usion", "!"]
    assert len(spans) == len(ids)


def test_a_term_has_no_stop(words, pieces):
    assert words.texts(encode_term(words, "large heart")) == ["large", "heart"]
    assert words.texts(encode_term(words, ".")) == ["."]
    assert pieces.texts(encode_term(pieces, "effusion")) == ["eff", "##usion"]


def test_both_kinds_come_back_from_their_folder(words, pieces, tmp_path):
    for tokens, name in ((words, "words"), (pieces, "pieces")):
        folder = tmp_path / name
        folder.mkdir()
        tokens.save(folder)
        assert load_tokens(folder).encode(REPORT) == tokens.encode(REPORT)

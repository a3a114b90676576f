import pytest

from radui.processing.reports import clean
from radui.processing.tokenizer import ReportTokenizer, TokenizerError

REPORTS = [
    "The heart is normal in size. The lungs are clear.",
    "Cardiomegaly. No pleural effusion or pneumothorax. XXXX 1.5 cm nodule.",
    "Low lung volumes with bibasilar air-space disease.",
]


@pytest.fixture(scope="module")
def tokenizer():
    return ReportTokenizer.build([clean(report) for report in REPORTS] * 3, 120)


@pytest.fixture(scope="module")
def foreign(tokenizer):
    """The same tokens as if the text ended with token 7."""
    return ReportTokenizer(tokenizer.tokenizer, end=7)


@pytest.mark.parametrize("name", ["tokenizer", "foreign"])
def test_a_report_comes_back_as_the_protocol_cleans_it(request, name):
    tokenizer = request.getfixturevalue(name)
    for report in REPORTS:
        ids = tokenizer.encode(report)
        assert ids[0] == ids[-1] == 0
        assert 0 not in ids[1:-1]
        assert tokenizer.decode(ids) == clean(report)
        assert tokenizer.words(ids) == clean(report).split()


def test_the_foreign_end_and_zero_change_places(tokenizer, foreign):
    known = tokenizer.tokenizer.encode(clean(REPORTS[1]), add_special_tokens=False).ids
    assert foreign.tokens(clean(REPORTS[1])) == [0 if each == 7 else each for each in known]
    assert tokenizer.tokenizer.decode([7]) == foreign.tokenizer.decode([7])
    assert foreign.decode([0, 7, 9]) == tokenizer.tokenizer.decode([0, 9])


def test_the_first_zero_after_a_token_ends_the_text(tokenizer):
    ids = tokenizer.encode(REPORTS[0])
    assert tokenizer.decode([*ids, *ids]) == clean(REPORTS[0])
    assert tokenizer.decode([]) == tokenizer.decode([0, 0]) == ""


def test_each_word_has_its_tokens(tokenizer):
    for report in REPORTS:
        ids = tokenizer.encode(report)
        words, groups = tokenizer.words(ids), tokenizer.groups(ids)
        written = ids[1:-1]
        assert [place for group in groups for place in group] == list(range(len(written)))
        assert [tokenizer.decode([written[i] for i in group]) for group in groups] == words


def test_a_word_may_have_several_tokens(tokenizer):
    ids = tokenizer.tokens("normalsized cardiomegaly")
    assert tokenizer.words(ids) == ["normalsized", "cardiomegaly"]
    assert len(tokenizer.groups(ids)[0]) > 1


def test_long_reports_are_cut(tokenizer):
    whole = tokenizer.encode(REPORTS[0])
    assert tokenizer.encode(REPORTS[0], max_length=5) == whole[:5]


def test_saved_and_loaded(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "tokenizer.json")
    again = ReportTokenizer.load(tmp_path / "tokenizer.json")
    assert len(again) == len(tokenizer) <= 120
    assert again.encode(REPORTS[2]) == tokenizer.encode(REPORTS[2])


def test_a_file_that_is_no_tokenizer_is_named(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(TokenizerError, match="is not a tokenizer file"):
        ReportTokenizer.load(path)
    with pytest.raises(OSError, match="missing"):
        ReportTokenizer.load(tmp_path / "missing.json")

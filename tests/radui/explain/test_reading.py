from radui.explain.reading import covered, read_report
from radui.observations import State
from radui.records import Token

REPORT = "The heart is enlarged. No effusion. Small effusion on the left."


def tokens_of(report: str) -> tuple[Token, ...]:
    tokens, start = [], 0
    for word in report.split():
        start = report.index(word, start)
        tokens.append(Token(word.rstrip("."), start, start + len(word.rstrip(".")), 0.9))
        start += len(word)
    return tuple(tokens)


def test_each_sentence_has_its_own_words_and_states():
    sentences = read_report(REPORT, tokens_of(REPORT)).sentences
    assert [REPORT[one.start : one.end] for one in sentences] == [
        "The heart is enlarged.",
        "No effusion.",
        "Small effusion on the left.",
    ]
    assert [one.tokens for one in sentences] == [(0, 1, 2, 3), (4, 5), (6, 7, 8, 9, 10)]
    assert [one.states for one in sentences] == [
        {"Cardiomegaly": State.POSITIVE},
        {"Pleural Effusion": State.NEGATIVE},
        {"Pleural Effusion": State.POSITIVE},
    ]


def test_a_statement_gathers_the_words_of_all_its_mentions():
    statements = {one.observation: one for one in read_report(REPORT, tokens_of(REPORT)).statements}
    assert list(statements) == ["Cardiomegaly", "Pleural Effusion"]
    assert statements["Pleural Effusion"].state is State.POSITIVE
    assert {5, 7} <= set(statements["Pleural Effusion"].tokens)
    assert not {4, 6, 8} & set(statements["Cardiomegaly"].tokens)


def test_a_normal_report_states_no_finding_without_words():
    report = "The lungs are clear."
    last = read_report(report, tokens_of(report)).statements[-1]
    assert (last.observation, last.state, last.tokens) == ("No Finding", State.POSITIVE, ())


def test_nothing_written_states_nothing():
    assert read_report("", ()).statements == ()


def test_a_token_that_is_touched_in_part_is_covered():
    tokens = tokens_of("one two three")
    assert covered(2, 5, tokens) == (0, 1)
    assert covered(3, 4, tokens) == ()

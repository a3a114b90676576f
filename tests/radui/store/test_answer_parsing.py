"""What may be submitted; browsers are not believed."""

import pytest

from radui.store.answer_parsing import parse_answers
from radui.store.edits import edit_distance
from radui.store.errors import AnswerError
from radui.store.plan import Questions

TEXTS = {"A": "The heart is enlarged.", "B": "No acute disease."}
RATING = {"no_errors": True, "acceptability": 4, "hallucination": False, "clarity": 5}
GIVEN = {
    "image_quality_sufficient": True,
    "confidence": 3,
    "reports": {"A": RATING, "B": RATING},
    "preference": "equivalent",
}
REGION = {"letter": "A", "start": 0, "end": 3, "support": "yes"}
SPAN = {"category": "false_finding", "significant": False, "start": 4, "end": 9}


def with_report(letter="A", **fields):
    return GIVEN | {"reports": GIVEN["reports"] | {letter: RATING | fields}}


def parse(given, questions=None, texts=TEXTS, drawn=()):
    return parse_answers(given, questions or Questions(), texts, drawn)


def test_quotes_are_cut_from_the_stored_text_and_distances_measured_here():
    forged = {"quote": "forged", "edited_characters": 0}
    parsed = parse(
        with_report(no_errors=False, errors=[SPAN | forged], edited_report="The heart is normal.", **forged)
    )
    assert parsed.reports["A"].errors[0].quote == "heart"
    assert parsed.reports["A"].edited_words == 1
    assert parsed.reports["A"].edited_characters == edit_distance("enlarged", "normal")


def test_an_edit_that_changes_nothing_is_no_edit():
    assert parse(with_report(edited_report=TEXTS["A"])).reports["A"].edited_report is None


def test_questions_that_a_study_does_not_ask_are_dropped():
    only = Questions(*[False] * 11)
    parsed = parse(GIVEN, only)
    assert (parsed.confidence, parsed.preference, parsed.explanations) == (None, None, ())
    assert parsed.reports["A"].acceptability is None
    assert parsed.reports["A"].no_errors is False


def test_four_reports_are_ranked_with_ties():
    texts = dict.fromkeys("ABCD", "Clear.")
    given = GIVEN | {"reports": dict.fromkeys("ABCD", RATING), "ranking": {"A": 1, "B": 2, "C": 2, "D": 4}}
    parsed = parse(given, texts=texts)
    assert parsed.ranking == {"A": 1, "B": 2, "C": 2, "D": 4}
    assert parsed.preference is None
    with pytest.raises(AnswerError, match="a rank for each report"):
        parse(given | {"ranking": {"A": 1, "B": 2, "C": 2}}, texts=texts)


def test_questions_that_are_asked_by_choice():
    questions = Questions(severity=True, radpeer=True, pictures=True)
    rating = RATING | {"radpeer": "2b"}
    error = RATING | {"radpeer": "1", "no_errors": False, "errors": [SPAN | {"severity": 3}]}
    pictures = {letter: {"realism": 2, "agreement": 5, "missing": "effusion"} for letter in "AB"}
    parsed = parse(
        GIVEN | {"reports": {"A": error, "B": rating}, "pictures": pictures}, questions, drawn="AB"
    )
    assert (parsed.reports["A"].errors[0].severity, parsed.reports["B"].radpeer) == (3, "2b")
    assert (parsed.pictures["A"].realism, parsed.pictures["B"].missing) == (2, "effusion")
    with pytest.raises(AnswerError, match="Report A: choose a RADPEER score"):
        parse(GIVEN, questions)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "The answers: the answers cannot be read"),
        (GIVEN | {"confidence": 6}, "Choose your confidence, 1 to 5."),
        (GIVEN | {"confidence": True}, "Choose your confidence, 1 to 5."),
        (GIVEN | {"image_quality_sufficient": 1}, "Choose whether the image quality is sufficient."),
        (GIVEN | {"preference": "xpronet"}, "Choose the report that you prefer."),
        (GIVEN | {"strength": 4}, "Choose how strong your preference is."),
        (
            GIVEN | {"reports": {"A": RATING}},
            'Report B: mark its errors or tick "no errors"',
        ),
        (with_report(no_errors=False), 'Report A: mark its errors or tick "no errors"'),
        (with_report(errors=[SPAN]), 'Report A: mark its errors or tick "no errors"'),
        (with_report(acceptability=None), "Report A: choose its acceptability, 1 to 5."),
        (with_report(hallucination="no"), "Report A: choose whether it hallucinates."),
        (with_report(errors="many"), "Report A: errors is a list of at most 200."),
        (with_report(no_errors=False, errors=[SPAN | {"category": "typo"}]), "a category for each error"),
        (with_report(no_errors=False, errors=[SPAN | {"end": 99}]), "one lies outside it"),
        (with_report(no_errors=False, errors=[SPAN | {"start": None}]), "one lies outside it"),
        (with_report(no_errors=False, errors=[SPAN | {"significant": None}]), "clinically significant"),
        (with_report(edited_report="x" * 20_001), "at most 20000 characters; shorten edited report"),
        (GIVEN | {"explanations": [{"letter": "C"}]}, "the report of each explanation"),
        (
            GIVEN
            | {
                "explanations": [{"letter": "A", "start": 0, "end": 3, "support": "yes", "box": [3, 1, 2, 4]}]
            },
            "a box has its left, top, right and bottom edge",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_said_in_one_sentence(given, sentence):
    with pytest.raises(AnswerError) as raised:
        parse(given)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("before", "after", "distance"),
    [
        ("kitten", "sitting", 3),
        ("", "abc", 3),
        ("abc", "", 3),
        ("same", "same", 0),
        ("intention", "execution", 5),
    ],
)
def test_edit_distance_of_the_textbook_words(before, after, distance):
    assert edit_distance(before, after) == distance
    assert edit_distance(list(after), list(before)) == distance


def test_nothing_is_asked_of_a_picture_that_was_not_drawn():
    given = GIVEN | {"pictures": {"B": {"realism": 2, "agreement": 4}}}
    parsed = parse(given, Questions(pictures=True), drawn="B")
    assert {letter: one.realism for letter, one in parsed.pictures.items()} == {"B": 2}
    with pytest.raises(AnswerError, match=r"Picture A: .*how real it looks"):
        parse(given, Questions(pictures=True), drawn="AB")

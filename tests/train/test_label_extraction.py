import json

import pytest

from radui.observations import OBSERVATIONS, State
from radui.processing.labeler import label
from train.label_extraction import (
    EXAMPLE,
    AnswerCache,
    AnswerError,
    Tally,
    agreement_table,
    answer_text,
    extract_states,
    make_prompt,
    parse_answer,
)

STATES = {name: State(k % 4) for k, name in enumerate(OBSERVATIONS)}
GOOD = answer_text(STATES)


def test_a_perfect_answer_reads_back():
    assert parse_answer(GOOD) == STATES
    assert list(parse_answer(GOOD)) == list(OBSERVATIONS)


def test_order_case_bullets_and_what_follows_do_not_matter():
    lines = [f"{k + 1}. {line.upper()}." for k, line in enumerate(GOOD.splitlines())]
    answer = "\n\n".join(reversed(lines)) + "\n\nReport: The heart is"
    assert parse_answer(answer) == STATES
    assert parse_answer(GOOD.replace("unclear", "uncertain")) == STATES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("edema: ", "oedema: "), "oedema"),
        (lambda text: text.replace("edema: not mentioned", "edema: maybe"), "edema: maybe"),
        (lambda text: "\n".join(text.splitlines()[:-1]), "No label for No Finding"),
        (lambda text: text.splitlines()[0] + "\n" + text, "labelled twice"),
        (lambda text: "Here you are:\n" + text, "Here you are"),
        (lambda _: "", "No label for Enlarged Cardiomediastinum, Cardiomegaly"),
    ],
)
def test_anything_less_is_refused(change, message):
    with pytest.raises(AnswerError, match=message):
        parse_answer(change(GOOD))


def test_the_prompt_shows_an_example_that_parses_and_the_report():
    prompt = make_prompt("  The lungs are clear.\n")
    assert answer_text(label(EXAMPLE)) in prompt
    assert prompt.endswith("Report: The lungs are clear.\n")
    assert {State.POSITIVE, State.NEGATIVE, State.UNCERTAIN} <= set(label(EXAMPLE).values())


@pytest.fixture
def asked():
    return []


@pytest.fixture
def answering(asked):
    """answering(*answers): a model that gives them in turn."""

    def answering(*answers):
        def ask(prompt, attempt):
            asked.append(attempt)
            return answers[attempt]

        return ask

    return answering


def test_a_bad_answer_is_asked_for_again(answering, asked, tmp_path):
    tally = Tally()
    found = extract_states(
        "Clear.", answering("no", "no", GOOD), AnswerCache(tmp_path / "a.jsonl", "m"), tally
    )
    assert found == STATES
    assert asked == [0, 1, 2]
    assert tally == Tally(cached=0, parsed=1, retries=2, failed=0)


def test_what_never_parses_is_counted_and_stays_unlabelled(answering, tmp_path):
    tally = Tally()
    cache = AnswerCache(tmp_path / "a.jsonl", "m")
    assert extract_states("Clear.", answering("no", "no"), cache, tally, attempts=2) is None
    assert tally == Tally(cached=0, parsed=0, retries=1, failed=1)


def test_answers_and_failures_are_remembered_on_disk_by_model_and_report(answering, asked, tmp_path):
    path = tmp_path / "deep" / "a.jsonl"
    extract_states("Clear.", answering(GOOD), AnswerCache(path, "m"), Tally())
    extract_states("Hazy.", answering("no"), AnswerCache(path, "m"), Tally(), attempts=1)
    assert [set(json.loads(line)) for line in path.read_text().splitlines()] == [{"key", "states"}] * 2
    asked.clear()
    tally, again = Tally(), AnswerCache(path, "m")
    assert extract_states("Clear.", answering(), again, tally) == STATES
    assert extract_states("Hazy.", answering(), again, tally) is None
    assert (asked, tally.cached) == ([], 2)
    assert extract_states("Clear.", answering(GOOD), AnswerCache(path, "other"), tally) == STATES
    assert asked == [0]


def test_agreement_by_hand():
    none = dict.fromkeys(OBSERVATIONS, State.UNMENTIONED)
    first, second = none | {"Edema": State.POSITIVE}, none | {"Edema": State.UNCERTAIN}
    lines = agreement_table([(first, second), (first, none), (none, none), (none, none)]).splitlines()
    row = next(line.split() for line in lines if line.startswith("Edema"))
    assert row == ["Edema", "0.500", "0.750", "2", "1"]
    assert all("1.000" in line for line in lines[1:] if not line.startswith("Edema"))

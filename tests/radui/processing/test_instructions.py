import pytest

from radui.processing.instructions import NO_PLACE, Instructor, instruction_texts
from radui.processing.tokenizer import END, ReportTokenizer

REPORTS = ["the heart is normal .", "the lungs are clear . no effusion ."]
TEXTS = 600  # more rows than the tokenizer has ids, as foreign models have


@pytest.fixture(scope="module")
def instructor():
    tokenizer = ReportTokenizer.build([*REPORTS, *instruction_texts()], 400)
    return Instructor(tokenizer, TEXTS)


def shown(instructor, instruction):
    """The instruction as a reader sees it, codes as {k}."""
    pieces, text = [], []
    for number in [*instruction.ids, TEXTS - 1]:
        if number < TEXTS - 1 and number != END:
            text.append(number)
            continue
        pieces.append(instructor.tokenizer.decode(text))
        text = []
        if number >= TEXTS:
            pieces.append(f"{{{number - TEXTS}}}")
    return " ".join(piece for piece in pieces if piece)


def test_a_picture_asks_for_its_report_as_in_figure_3(instructor):
    text = shown(instructor, instructor.to_report([5, 0, 9], ["effusion", "clear"]))
    assert text == (
        "Below is an instruction that describes a task, paired with an input that provides further "
        "context. Write a response that appropriately completes the request. ### Instruction: Utilize the "
        "entered chest X-ray images to generate comprehensive free-text radiology reports. ### Input: "
        "{5} {0} {9} ### Keywords: effusion, clear ### Response:"
    )


def test_a_report_asks_for_its_picture_as_in_figure_4(instructor):
    text = shown(instructor, instructor.to_picture("The heart is normal.", "lateral", [3, 7]))
    assert text.endswith(
        "### Instruction: Create a lateral chest X-ray image that matches the free-text radiology reports. "
        "### Input: the heart is normal . ### Keypatches: {3} {7} ### Response:"
    )


def test_without_hints_their_lines_are_missing(instructor):
    assert "Keywords" not in shown(instructor, instructor.to_report([1]))
    assert "Keypatches" not in shown(instructor, instructor.to_picture("Clear.", "frontal"))


def test_no_hints_found_leave_the_line_empty(instructor):
    assert "### Keywords: ### Response:" in shown(instructor, instructor.to_report([1], []))


def test_an_empty_report_leaves_the_input_empty(instructor):
    assert "### Input: ### Keypatches:" in shown(instructor, instructor.to_picture(" ", "frontal", []))


def test_an_instruction_ends_with_the_id_that_begins_a_response(instructor):
    assert instructor.to_report([1]).ids[-1] == END
    assert instructor.to_picture("Clear.").ids[-1] == END


def test_only_a_pictures_own_codes_have_places(instructor):
    report = instructor.to_report([4, 4, 4], ["heart"])
    assert [place for place in report.places if place != NO_PLACE] == [0, 1, 2]
    asked = instructor.to_picture("Clear.", "frontal", [4, 4])
    assert set(asked.places) == {NO_PLACE}
    assert len(asked.ids) == len(asked.places)


def test_a_report_as_response_is_its_tokens_and_the_end(instructor):
    response = instructor.report("The heart is normal.", 90)
    assert instructor.tokenizer.decode(response.ids) == "the heart is normal ."
    assert response.ids[-1] == END
    assert len(instructor.report("heart " * 300, 90).ids) == 90


def test_all_ids_of_the_longest_instruction_are_known(instructor):
    ids = instructor.to_picture("Anything, even words that no report had: zebra!", "frontal", [0]).ids
    assert all(0 <= number <= TEXTS for number in ids)

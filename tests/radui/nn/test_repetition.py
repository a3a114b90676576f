import pytest
import torch

from radui.nn.decoding import BeamConfig, BeamSearch
from radui.nn.guidance import steered
from radui.nn.repetition import NoRepeatStepper

CPU = torch.device("cpu")


def repeats(tokens, size):
    said = [tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]
    return len(said) - len(set(said))


class Even:
    """Any of three words alike, whatever was read."""

    def step(self, tokens):
        return torch.zeros(len(tokens), 3), {}

    def reorder(self, rows):
        pass


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_taken_out_is_what_a_plain_search_finds(size, seed):
    read = torch.randint(0, 3, (5, 14), generator=torch.Generator().manual_seed(seed))
    stepper = NoRepeatStepper(Even(), size)
    for tokens in read.T:
        found, _ = stepper.step(tokens)
    expected = [
        [repeats([*tokens, token], size) > repeats(tokens, size) for token in range(3)]
        for tokens in read.tolist()
    ]
    assert found.isneginf().tolist() == expected


class Loop:
    """Says 1 2 3 1 2 3 … with probability .9 a word, and else any of seven words alike."""

    def __init__(self, rows):
        self.rows = rows

    def step(self, tokens):
        rows = torch.full((len(tokens), 7), 0.1 / 6)
        rows[torch.arange(len(tokens)), tokens % 3 + 1] = 0.9
        return rows.log(), {}

    def reorder(self, rows):
        pass


def words(no_repeat, guidance=0.0, studies=2):
    config = BeamConfig(3, 20, 1.0, no_repeat)
    stepper = steered(Loop(studies), guidance, no_repeat)
    return [found.tokens for found in BeamSearch(stepper, studies, config, CPU).run()]


def test_a_loop_is_left_and_without_the_rule_it_is_not():
    assert repeats(words(0)[0], 4) > 10
    for size in (2, 4):
        assert [repeats(tokens, size) for tokens in words(size)] == [0, 0]


def test_a_loop_is_left_under_guidance_too():
    assert [repeats(tokens, 4) for tokens in words(4, guidance=2.0)] == [0, 0]


def test_what_is_left_keeps_its_probability():
    stepper = NoRepeatStepper(Loop(1), 2)
    for token in (1, 2, 1):
        found, _ = stepper.step(torch.tensor([token]))
    expected = Loop(1).step(torch.tensor([1]))[0]
    expected[0, 2] = float("-inf")
    torch.testing.assert_close(found, expected)


def test_a_beam_keeps_its_own_words_when_others_leave():
    stepper = NoRepeatStepper(Loop(3), 2)
    stepper.step(torch.tensor([1, 4, 5]))
    stepper.step(torch.tensor([2, 4, 6]))
    stepper.reorder(torch.tensor([2, 0]))
    found, _ = stepper.step(torch.tensor([5, 1]))
    assert found.isneginf().nonzero().tolist() == [[0, 6], [1, 2]]


@pytest.mark.parametrize("size", [-1, 1])
def test_a_number_without_meaning_is_refused(size):
    with pytest.raises(ValueError, match="no_repeat"):
        BeamConfig(no_repeat=size)

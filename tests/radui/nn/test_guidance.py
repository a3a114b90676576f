import pytest
import torch

from radui.nn.guidance import GuidedStepper, guided, no_finding_labels, stacked
from radui.observations import NO_FINDING, OBSERVATIONS


def test_by_hand():
    """.6 x .6 / .8 = .45 and .35 x .35 / .1 = 1.225; the third has less than a tenth of .6."""
    likely, normal = torch.tensor([[0.6, 0.35, 0.05]]).log(), torch.tensor([[0.8, 0.1, 0.1]]).log()
    found = guided(likely, normal, 1.0).exp()[0].tolist()
    assert found == pytest.approx([0.45 / 1.675, 1.225 / 1.675, 0], abs=1e-5)


def test_where_both_agree_the_likely_words_keep_their_odds():
    likely = torch.tensor([[0.5, 0.3, 0.19, 0.01]]).log()
    found = guided(likely, likely, 3.0).exp()
    torch.testing.assert_close(found, torch.tensor([[0.5, 0.3, 0.19, 0.0]]) / 0.99)


def test_a_word_that_was_taken_out_stays_out_and_its_share_is_lost():
    likely, normal = torch.tensor([[0.5, 0.3, 0.2]]).log(), torch.tensor([[0.2, 0.3, 0.5]]).log()
    likely[0, 1] = normal[0, 1] = float("-inf")
    found = guided(likely, normal, 1.0).exp()[0]
    assert found[1] == 0
    assert found.sum().item() == pytest.approx(0.7)


def test_no_finding_stands_alone():
    labels = no_finding_labels(2)
    assert labels.shape == (2, 14)
    assert [OBSERVATIONS[k] for k in labels[1].nonzero()[:, 0].tolist()] == [NO_FINDING]


class Recorded:
    """Says what it is given of each row, and remembers what it read."""

    def __init__(self, likely):
        self.likely, self.read, self.order = likely, [], []

    def step(self, tokens):
        self.read.append(tokens.tolist())
        rows = self.likely[: len(tokens)]
        return rows.log_softmax(-1), {"attention": torch.arange(len(rows))}

    def reorder(self, rows):
        self.order.append(rows.tolist())


def test_twins_read_the_same_tokens_and_the_studies_traces_stay():
    both = Recorded(torch.randn(6, 5, generator=torch.Generator().manual_seed(1)))
    stepper = GuidedStepper(both, 2.0)
    likely, traces = stepper.step(torch.tensor([3, 4, 0]))
    own, normal = both.likely.log_softmax(-1).chunk(2)
    torch.testing.assert_close(likely, guided(own, normal, 2.0))
    assert both.read == [[3, 4, 0, 3, 4, 0]]
    assert traces["attention"].tolist() == [0, 1, 2]


def test_twins_follow_their_studies_also_when_some_leave():
    both = Recorded(torch.zeros(6, 5))
    stepper = GuidedStepper(both, 1.0)
    stepper.step(torch.tensor([1, 1, 1]))
    stepper.reorder(torch.tensor([2, 0]))
    stepper.step(torch.tensor([1, 1]))
    stepper.reorder(torch.tensor([1, 1]))
    assert both.order == [[2, 0, 5, 3], [1, 1, 3, 3]]


def test_the_shorter_side_is_filled_up_at_its_end():
    mask = stacked(torch.ones(2, 3, dtype=torch.bool), torch.ones(2, 1, dtype=torch.bool))
    assert mask.tolist() == [[True] * 3] * 2 + [[True, False, False]] * 2
    assert stacked(torch.ones(1, 1, 4), torch.ones(1, 2, 4)).tolist() == [[[1] * 4, [0] * 4], [[1] * 4] * 2]

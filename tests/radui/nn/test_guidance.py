import pytest
import torch

from radui.nn.guidance import GuidedStepper, guided, no_finding_labels
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


def test_no_finding_stands_alone():
    labels = no_finding_labels(2)
    assert labels.shape == (2, 14)
    assert [OBSERVATIONS[k] for k in labels[1].nonzero()[:, 0].tolist()] == [NO_FINDING]


class Recorded:
    def __init__(self, likely, trace):
        self.likely, self.trace, self.read, self.order = likely, trace, [], []

    def step(self, tokens):
        self.read.append(tokens.tolist())
        return self.likely.log_softmax(-1), {"attention": self.trace}

    def reorder(self, rows):
        self.order.append(rows.tolist())


def test_both_read_the_same_and_the_first_ones_traces_stay():
    generator = torch.Generator().manual_seed(1)
    own, normal = (Recorded(torch.randn(2, 5, generator=generator), torch.tensor(i)) for i in range(2))
    stepper = GuidedStepper(own, normal, 2.0)
    likely, traces = stepper.step(torch.tensor([3, 4]))
    stepper.reorder(torch.tensor([1, 1]))
    assert own.read == normal.read == [[3, 4]]
    assert own.order == normal.order == [[1, 1]]
    assert traces["attention"] == 0
    expected = guided(own.likely.log_softmax(-1), normal.likely.log_softmax(-1), 2.0)
    torch.testing.assert_close(likely, expected)

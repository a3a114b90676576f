import pytest
import torch

from radui.nn.decoding import sample
from radui.nn.sampling import FilteredStepper, draw, filtered, nucleus
from radui.records import SamplingConfig

SHARES = torch.tensor([[0.1, 0.5, 0.3, 0.1]])


def test_the_nucleus_is_the_fewest_tokens_that_reach_top_p():
    kept = nucleus(SHARES.log(), 0.7).exp()
    assert kept[0].tolist() == pytest.approx([0.0, 0.625, 0.375, 0.0])


def test_the_likeliest_token_stays_in_the_smallest_nucleus():
    assert nucleus(SHARES.log(), 1e-6).exp()[0].tolist() == [0.0, 1.0, 0.0, 0.0]


def test_a_whole_nucleus_changes_nothing():
    assert torch.allclose(nucleus(SHARES.log(), 1.0).exp(), SHARES)


def test_temperature_sharpens_and_zero_takes_the_likeliest():
    sharp = filtered(SHARES.log(), SamplingConfig(1.0, 0.5)).exp()
    squares = SHARES**2
    assert torch.allclose(sharp, squares / squares.sum())
    assert filtered(SHARES.log(), SamplingConfig(1.0, 0.0)).exp()[0].tolist() == [0.0, 1.0, 0.0, 0.0]


def test_draws_follow_the_shares_and_the_seed():
    logits = SHARES.log().expand(4000, -1)
    drawn = draw(logits, SamplingConfig(1.0), torch.Generator().manual_seed(1))
    assert torch.bincount(drawn, minlength=4) / 4000 == pytest.approx(SHARES[0], abs=0.03)
    again = draw(logits, SamplingConfig(1.0), torch.Generator().manual_seed(1))
    assert torch.equal(drawn, again)
    assert not torch.equal(drawn, draw(logits, SamplingConfig(1.0), torch.Generator().manual_seed(2)))


@pytest.mark.parametrize("wrong", [{"top_p": 0.0}, {"top_p": 1.2}, {"temperature": -1}, {"guidance": -1}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match="top_p must be"):
        SamplingConfig(**wrong)


class FourWords:
    """Says 1 or 2 for ever; 3 hardly ever."""

    def step(self, tokens):
        return torch.tensor([[1e-9, 0.5, 0.45, 0.05]]).log().expand(len(tokens), -1), {}

    def reorder(self, rows):
        raise AssertionError("drawing has no beams")


def test_text_is_drawn_from_the_nucleus_alone_and_by_its_seed():
    stepper = FilteredStepper(FourWords(), SamplingConfig(0.9))
    device = torch.device("cpu")
    drawn = [sample(stepper, 50, 8, device, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)]
    assert set(drawn[0].unique().tolist()) == {1, 2}
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])

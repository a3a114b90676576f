import pytest
import torch

from radui.nn.attention import MultiHeadAttention, top_weights


@pytest.fixture
def attention():
    torch.manual_seed(0)
    return MultiHeadAttention(12, 3, dropout=0.4).eval()


@pytest.fixture
def pair():
    random = torch.Generator().manual_seed(1)
    return torch.randn(2, 5, 12, generator=random), torch.randn(2, 7, 12, generator=random)


def mask_of(*kept):
    """(2, 1, 1, 7) bool, a set of allowed positions a sample."""
    mask = torch.zeros(2, 1, 1, 7, dtype=torch.bool)
    for row, positions in enumerate(kept):
        mask[row, ..., list(positions)] = True
    return mask


@pytest.mark.parametrize("mask", [None, mask_of({0, 1, 6}, {3})])
def test_weights_sum_to_one_and_give_what_the_fast_path_gives(attention, pair, mask):
    x, memory = pair
    projected = attention.project(memory)
    mixed, weights = attention.attend(x, *projected, mask, weights=True)
    fast, nothing = attention.attend(x, *projected, mask)
    assert nothing is None
    assert weights.shape == (2, 3, 5, 7)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 5))
    torch.testing.assert_close(mixed, fast, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(attention(x, memory, mask), fast)


def test_agrees_with_torch(attention, pair):
    x, memory = pair
    reference = torch.nn.MultiheadAttention(12, 3, batch_first=True).eval()
    weights = torch.cat([attention.query.weight, attention.key_value.weight])
    biases = torch.cat([attention.query.bias, attention.key_value.bias])
    with torch.no_grad():
        reference.in_proj_weight.copy_(weights)
        reference.in_proj_bias.copy_(biases)
    reference.out_proj.load_state_dict(attention.output.state_dict())
    expected, expected_weights = reference(x, memory, memory, average_attn_weights=False)
    mixed, found = attention.attend(x, *attention.project(memory), weights=True)
    torch.testing.assert_close(mixed, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found, expected_weights, rtol=1e-5, atol=1e-6)


def test_nothing_is_read_from_masked_positions(attention, pair):
    x, memory = pair
    mask = mask_of({0, 1, 6}, {3})
    _, weights = attention.attend(x, *attention.project(memory), mask, weights=True)
    assert weights[~mask.expand_as(weights)].abs().max() == 0
    changed = memory.clone()
    changed[0, 2:6] += 100
    changed[1, :3] -= 100
    torch.testing.assert_close(attention(x, changed, mask), attention(x, memory, mask))


def test_weights_are_those_before_dropout(attention, pair):
    x, memory = pair
    projected = attention.project(memory)
    expected = attention.attend(x, *projected, weights=True)[1]
    found = attention.train().attend(x, *projected, weights=True)[1]
    torch.testing.assert_close(found, expected)


def test_dropout_acts_in_training_only_on_both_paths(attention, pair):
    x, memory = pair
    projected = attention.project(memory)
    for weights in (False, True):
        torch.manual_seed(0)
        still = [attention.eval().attend(x, *projected, weights=weights)[0] for _ in range(2)]
        moving = [attention.train().attend(x, *projected, weights=weights)[0] for _ in range(2)]
        assert torch.equal(*still)
        assert not torch.equal(*moving)


@pytest.mark.parametrize("weights", [True, False])
def test_minus_infinity_added_to_a_score_is_a_mask(attention, pair, weights):
    x, memory = pair
    mask = mask_of({0, 1, 6}, {3})
    added = torch.zeros(mask.shape).masked_fill(~mask, float("-inf"))
    projected = attention.project(memory)
    expected = attention.attend(x, *projected, mask)[0]
    torch.testing.assert_close(attention.attend(x, *projected, added, weights)[0], expected)


def test_a_number_added_to_a_score_multiplies_its_odds(attention, pair):
    x, memory = pair
    projected = attention.project(memory)
    added = torch.zeros(2, 1, 1, 7)
    added[..., 2] = torch.tensor(0.1).log()
    before = attention.attend(x, *projected, weights=True)[1]
    after = attention.attend(x, *projected, added, weights=True)[1]
    odds = [each[..., 2] / each[..., 4] for each in (before, after)]
    torch.testing.assert_close(odds[1], 0.1 * odds[0])


def test_top_weights_are_a_softmax_of_the_largest():
    found = top_weights(torch.tensor([[0.0, 3.0, 1.0, 2.0]]), 2)
    share = 1 / (1 + torch.tensor(-1.0).exp())
    torch.testing.assert_close(found, torch.tensor([[0.0, share, 0.0, 1 - share]]))

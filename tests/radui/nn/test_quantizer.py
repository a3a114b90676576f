from dataclasses import replace

import pytest
import torch

from radui.nn.quantizer import Quantizer, QuantizerConfig, usage

PLAIN = QuantizerConfig(codes=3, width=2, normalise=False, restart_below=0.0)
CODEBOOK = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])


def quantizer(config=PLAIN, codebook=CODEBOOK):
    made = Quantizer(config)
    made.codebook.data.copy_(codebook)
    made.sums.copy_(codebook)
    made.started.fill_(True)
    return made


def as_map(*vectors):
    """(1, 2, 1, N) features."""
    return torch.tensor(vectors).T[None, :, None, :]


def test_a_feature_becomes_its_nearest_code():
    made = quantizer().eval()
    found = made(as_map([0.9, 0.9], [3.0, 1.0], [1.0, 3.0]))
    assert found.codes.tolist() == [[[0, 1, 2]]]
    assert torch.equal(found.values, made.lookup(found.codes))


def test_normalised_codes_do_not_depend_on_a_features_length():
    config = replace(PLAIN, normalise=True)
    directions = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    found = quantizer(config, directions).eval()(as_map([0.2, 0.1], [20.0, 10.0], [-3.0, 0.1]))
    assert found.codes.tolist() == [[[0, 0, 2]]]


def test_the_gradient_passes_the_codes_straight_to_the_encoder():
    features = as_map([1.0, 0.5], [3.0, 1.0]).requires_grad_(True)
    weights = torch.tensor([[2.0, -1.0], [0.5, 3.0]]).view(1, 2, 1, 2)
    (quantizer().eval()(features).values * weights).sum().backward()
    assert torch.equal(features.grad, weights)


def test_commitment_weighs_the_term_that_moves_the_encoder():
    """beta |z - sg(e)|^2 with beta = 0.25: mean of 1 and 0.25 over two numbers, times beta."""
    features = as_map([1.0, 0.5]).requires_grad_(True)
    loss = quantizer().eval()(features).loss
    assert loss.item() == pytest.approx(0.25 * (1.0 + 0.25) / 2)
    loss.backward()
    assert features.grad.flatten().tolist() == pytest.approx([0.25 * 1.0, 0.25 * 0.5])


def test_a_gradient_codebook_has_its_own_term_with_weight_one():
    made = quantizer(replace(PLAIN, average=False)).eval()
    features = as_map([1.0, 0.5]).requires_grad_(True)
    made(features).loss.backward()
    assert features.grad.flatten().tolist() == pytest.approx([0.25, 0.125])
    assert made.codebook.grad[0].tolist() == pytest.approx([-1.0, -0.5])
    assert not made.codebook.grad[1:].any()


def test_an_averaged_codebook_follows_the_mean_of_its_features():
    made = quantizer(replace(PLAIN, decay=0.5)).train()
    made(as_map([1.0, 0.0], [1.0, 2.0]))
    # Counts go from 1 to 1.5, sums from (0, 0) to (1, 1).
    assert made.counts.tolist() == [1.5, 0.5, 0.5]
    assert made.codebook[0].tolist() == pytest.approx([2 / 3, 2 / 3])
    assert made.codebook[1].tolist() == pytest.approx([4.0, 0.0])


def test_evaluation_changes_nothing():
    made = quantizer().eval()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    made(as_map([1.0, 0.0]))
    assert all(torch.equal(before[name], value) for name, value in made.state_dict().items())


def test_the_first_batch_places_the_codes():
    made = Quantizer(PLAIN).train()
    features = torch.tensor([[5.0, 5.0], [6.0, 6.0]])
    made(features.T[None, :, None, :])
    assert made.started
    assert ((made.codebook[:, None] - features).norm(dim=-1).min(1).values < 1).all()


def test_a_dead_code_begins_again_at_a_feature():
    made = quantizer(replace(PLAIN, decay=0.5, restart_below=0.5)).train()
    made.counts[2] = 1e-3
    made(as_map([0.2, 0.2], [3.9, 0.2]))
    assert made.codebook[2].tolist() in [pytest.approx([0.2, 0.2]), pytest.approx([3.9, 0.2])]
    assert made.counts[2] > 0.1


def test_dead_codes_stay_where_restarts_are_off():
    made = quantizer().train()
    for _ in range(20):
        made(as_map([0.2, 0.2]))
    assert made.codebook[1].tolist() == pytest.approx([4.0, 0.0], abs=1e-4)


def test_restarts_keep_the_codebook_in_use_where_it_would_collapse():
    torch.manual_seed(0)
    features = torch.randn(64, 2, 4, 4)
    shares = []
    for restart in (0.0, 0.2):
        # All codes but one begin far from any feature.
        far = torch.cat([torch.zeros(1, 2), 50 + torch.randn(15, 2)])
        config = QuantizerConfig(16, 2, False, decay=0.8, restart_below=restart)
        made = quantizer(config, far).train()
        for _ in range(30):
            made(features)
        shares.append(usage(made.eval()(features).codes, 16)[0])
    assert shares[0] == pytest.approx(1 / 16)
    assert shares[1] > 0.9


def test_it_stays_in_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        found = quantizer().eval()(as_map([0.9, 0.9]).bfloat16())
    assert found.values.dtype == torch.float32


def test_usage_counts_codes_and_their_evenness():
    share, perplexity = usage(torch.tensor([[0, 0, 1, 1]]), 8)
    assert (share, perplexity) == (0.25, pytest.approx(2.0))
    assert usage(torch.tensor([5, 5, 5]), 8) == (0.125, pytest.approx(1.0))

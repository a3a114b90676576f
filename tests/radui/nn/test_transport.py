import warnings

import numpy as np
import ot
import pytest
import torch

from radui.nn.transport import TransportConfig, barycentric, transport, transport_cost

EPSILONS = [0.12, 0.10, 0.05, 0.01]  # table 4


@pytest.fixture(scope="module")
def cost():
    """Three studies of six patches and four labels in a space of five numbers."""
    random = torch.Generator().manual_seed(2)
    image, label = (torch.randn(3, count, 5, generator=random) for count in (6, 4))
    return transport_cost(image, label, unit=True)


@pytest.fixture(scope="module")
def mask():
    mask = torch.ones(3, 6, dtype=torch.bool)
    mask[1, 3:] = False
    mask[2, 0] = False
    return mask


def reference(cost, epsilon, iterations):
    """POT's own log-domain solver in double precision, one study at a time."""
    rows, columns = (np.full(size, 1 / size) for size in cost.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ot.bregman.sinkhorn_log(
            rows, columns, cost.double().numpy(), epsilon, numItermax=iterations, stopThr=0
        )


def test_cost_is_the_euclidean_distance():
    image, label = torch.tensor([[[0.0, 0.0], [3.0, 4.0]]]), torch.tensor([[[0.0, 4.0]]])
    assert transport_cost(image, label, unit=False)[0, :, 0].tolist() == [4.0, 3.0]
    # On the unit circle (3, 4) is (.6, .8) and (0, 4) is (0, 1): distance sqrt(.36 + .04).
    assert transport_cost(image, label, unit=True)[0, 1, 0].item() == pytest.approx(0.4**0.5, abs=1e-6)


def test_a_plan_by_hand():
    """Two patches, two labels, cost 0 on the diagonal and 1 beside it: T_ii / T_ij = e^(1 / epsilon)."""
    cost = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    found = transport(cost, torch.ones(1, 2, dtype=torch.bool), TransportConfig(epsilon=0.5))
    right, wrong = 0.5 * np.e**2 / (1 + np.e**2), 0.5 / (1 + np.e**2)
    np.testing.assert_allclose(found.plan[0], [[right, wrong], [wrong, right]], atol=1e-6)
    entropy = -2 * (right * np.log(right) + wrong * np.log(wrong))
    assert found.distance.item() == pytest.approx(2 * wrong - 0.5 * entropy, abs=1e-5)


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_agrees_with_pots_log_solver(cost, epsilon):
    everything = torch.ones(3, 6, dtype=torch.bool)
    iterations, studies = (4000, 1) if epsilon == 0.01 else (200, 3)
    found = transport(cost[:studies], everything[:studies], TransportConfig(epsilon, iterations))
    for study in range(studies):
        expected = reference(cost[study], epsilon, iterations)
        np.testing.assert_allclose(found.plan[study], expected, atol=1e-6)


@pytest.mark.parametrize("epsilon", [0.10, 0.01])
def test_padding_changes_nothing(cost, mask, epsilon):
    config = TransportConfig(epsilon, 300)
    found = transport(cost, mask, config).plan
    for study in range(3):
        kept = mask[study]
        alone = transport(cost[study, kept][None], kept[kept][None], config).plan[0]
        np.testing.assert_allclose(found[study, kept], alone, atol=1e-6)
        assert found[study, ~kept].sum() == 0


def test_marginals_are_uniform_over_what_exists_also_where_the_plain_kernel_underflows(cost, mask):
    far = cost + 5  # exp(-500) is 0 in float32
    found = transport(far, mask, TransportConfig(0.01, 1000)).plan
    np.testing.assert_allclose(found.sum(1), np.full((3, 4), 0.25), atol=1e-5)
    np.testing.assert_allclose(found.sum(2), mask / mask.sum(1, keepdim=True), atol=1e-4)


def test_a_studys_plan_does_not_depend_on_its_batch(cost):
    everything = torch.ones(3, 6, dtype=torch.bool)
    config = TransportConfig(0.05, 7)
    together = transport(cost, everything, config).plan
    alone = transport(cost[1:2], everything[:1], config).plan
    np.testing.assert_array_equal(together[1:2], alone)


def test_the_number_of_iterations_is_kept(cost):
    everything = torch.ones(3, 6, dtype=torch.bool)

    def error(iterations):
        plan = transport(cost, everything, TransportConfig(0.01, iterations)).plan
        return (plan.sum(2) - 1 / 6).abs().sum().item()

    assert error(1) > error(10) > error(100)


@pytest.mark.parametrize("gradient", ["envelope", "autodiff"])
def test_the_distance_falls_along_its_gradient_as_finite_differences_say(cost, mask, gradient):
    config = TransportConfig(0.1, 400, gradient=gradient)
    moved = cost.clone().requires_grad_()
    transport(moved, mask, config).distance.sum().backward()
    for place in ((0, 1, 2), (1, 2, 0), (2, 5, 3)):
        step = torch.zeros_like(cost)
        step[place] = 1e-2
        ends = [transport(cost + sign * step, mask, config).distance.sum().item() for sign in (1, -1)]
        assert moved.grad[place].item() == pytest.approx((ends[0] - ends[1]) / 2e-2, abs=2e-3)
    assert moved.grad[~mask].abs().max() == 0


def test_only_autodiff_carries_gradients_through_the_plan(cost, mask):
    moved = cost.clone().requires_grad_()
    assert not transport(moved, mask, TransportConfig(0.1, 20)).plan.requires_grad
    assert transport(moved, mask, TransportConfig(0.1, 20, gradient="autodiff")).plan.requires_grad


def test_autodiff_is_the_true_gradient_of_the_plan(cost, mask):
    config = TransportConfig(0.1, 200, gradient="autodiff")
    weights = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(3))

    def value(cost):
        return (transport(cost, mask, config).plan * weights).sum()

    moved = cost.clone().requires_grad_()
    value(moved).backward()
    assert moved.grad.isfinite().all()
    steepest = int(moved.grad.abs().argmax())
    for place in (steepest, 9, 30):
        step = torch.zeros(cost.numel())
        step[place] = 1e-2
        step = step.view_as(cost)
        slope = (value(cost + step) - value(cost - step)).item() / 2e-2
        assert moved.grad.flatten()[place].item() == pytest.approx(slope, rel=0.05, abs=1e-3)
    assert moved.grad.abs().max() > 0.05


def test_float32_under_autocast(cost, mask):
    with torch.autocast("cpu", torch.bfloat16):
        rough = transport(cost.bfloat16(), mask, TransportConfig())
        assert rough.plan.dtype == rough.cost.dtype == torch.float32
        image = torch.randn(1, 2, 8)
        exact = torch.cdist(image.double(), image.double()).float()
        np.testing.assert_allclose(transport_cost(image, image, unit=False), exact, atol=1e-5)


def test_barycentric_mean_by_hand():
    plan = torch.tensor([[[0.3, 0.1], [0.0, 0.0]]])
    labels = torch.tensor([[[1.0, 0.0], [0.0, 4.0]]])
    assert barycentric(plan, labels)[0].tolist() == [[0.75, 1.0], [0.0, 0.0]]

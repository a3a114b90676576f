import copy
from dataclasses import replace

import pytest
import torch

from radui.observations import NO_FINDING, OBSERVATIONS, State
from train.transport_losses import Alignment, alignment_losses, alike, pair_distances, transport_contrast

HEART, EDEMA = OBSERVATIONS.index("Cardiomegaly"), OBSERVATIONS.index("Edema")


@pytest.fixture
def studies():
    """Grids of three studies, the second without a lateral, and three different states."""
    random = torch.Generator().manual_seed(0)
    states = torch.zeros(3, len(OBSERVATIONS), dtype=torch.long)
    states[1, HEART], states[2, EDEMA] = State.POSITIVE, State.UNCERTAIN
    mask = torch.tensor([[True, True], [True, False], [True, True]])
    return torch.randn(3, 2, 1280, 2, 2, generator=random), mask, states


def test_a_pair_costs_what_the_model_gives_for_it(otdrg, studies):
    grids, mask, states = studies
    found = pair_distances(otdrg.encode(*studies), otdrg.config.transport)
    own = otdrg.encode(*studies).transport.distance
    torch.testing.assert_close(found.diagonal(), own, atol=1e-5, rtol=0)
    crossed = otdrg.encode(grids[1:2], mask[1:2], states[2:]).transport.distance
    torch.testing.assert_close(found[1, 2:], crossed, atol=1e-5, rtol=0)


def test_studies_with_the_same_findings_are_alike_however_the_rest_is_told():
    states = torch.zeros(4, len(OBSERVATIONS), dtype=torch.long)
    states[0, OBSERVATIONS.index(NO_FINDING)] = State.POSITIVE
    states[1, EDEMA] = State.NEGATIVE
    states[2, HEART], states[3, HEART] = State.POSITIVE, State.UNCERTAIN
    assert alike(states).tolist() == [[True, True, False, False]] * 2 + [[False, False, True, True]] * 2


def test_learning_brings_the_own_labels_nearer_than_others(otdrg, studies):
    model = copy.deepcopy(otdrg)  # the fixture is shared
    learned = [model.project_image.weight.requires_grad_(), model.project_label.weight.requires_grad_()]
    optimizer = torch.optim.Adam(learned, 1e-3)
    losses = []
    for _ in range(12):
        memory = model.encode(*studies)
        losses.append(transport_contrast(memory, studies[2], model.config.transport, Alignment()))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]
    nearest = pair_distances(model.encode(*studies), model.config.transport).argmin(1)
    assert nearest.tolist() == [0, 1, 2]


def test_nobody_is_pushed_from_a_study_that_is_alike(otdrg, studies):
    grids, mask, _ = studies
    states = torch.zeros(3, len(OBSERVATIONS), dtype=torch.long)
    loss = transport_contrast(otdrg.encode(grids, mask, states), states, otdrg.config.transport, Alignment())
    assert loss.item() == pytest.approx(0, abs=1e-6)


def test_without_labels_a_sentence_says_so(otdrg, studies):
    memory = replace(otdrg.encode(*studies), label_tokens=None)
    with pytest.raises(ValueError, match="leave the labels in"):
        pair_distances(memory, otdrg.config.transport)


def test_the_sum_is_weighted_and_without_a_weight_the_contrast_is_left_out(otdrg, studies):
    memory, config = otdrg.encode(*studies), otdrg.config.transport
    parts = alignment_losses(memory, studies[2], config, Alignment(0.3, 0.2))
    torch.testing.assert_close(parts["alignment"], 0.3 * parts["transport"] + 0.2 * parts["contrast"])
    torch.testing.assert_close(parts["transport"], memory.transport.distance.mean())
    assert set(alignment_losses(memory, studies[2], config, Alignment(0.3))) == {"transport", "alignment"}
    assert alignment_losses(replace(memory, transport=None), studies[2], config, Alignment()) == {}

from dataclasses import replace

import pytest
import torch

from radui.models import registry
from radui.models.otdrg import OTDRG, PAPER, without_findings
from radui.nn.decoding import BeamConfig, BeamSearch
from radui.nn.guidance import guided
from radui.observations import OBSERVATIONS, State
from radui.processing.prompts import PromptTokens

STUDIES = 3


@pytest.fixture(scope="module")
def batch(otdrg):
    """Grids, mask and states of three studies: two views, frontal only, lateral only."""
    pixels = torch.randn(STUDIES, 2, 1, 64, 64, generator=torch.Generator().manual_seed(3))
    mask = torch.tensor([[True, True], [True, False], [False, True]])
    states = torch.zeros(STUDIES, 14, dtype=torch.long)
    states[0, [1, 9]], states[0, 8] = State.POSITIVE, State.NEGATIVE
    states[1, 13], states[2, 4] = State.POSITIVE, State.UNCERTAIN
    return otdrg.grids(pixels), mask, states


@pytest.fixture(scope="module")
def vary(otdrg, tokenizer):
    """vary(**fields): a model of another configuration with the same weights, as far as it has them."""

    def vary(**fields):
        model = OTDRG(replace(otdrg.config, **fields)).eval().requires_grad_(False)
        model.load_state_dict(otdrg.state_dict())
        return model

    return vary


class PrefixStepper:
    """Decoding without any cache: each step runs `forward` over the whole prefix again."""

    def __init__(self, model, batch, beams):
        self.model = model
        self.study = [each.repeat_interleave(beams, 0) for each in batch]
        self.read = torch.zeros(len(self.study[1]), 0, dtype=torch.long)

    def step(self, tokens):
        self.read = torch.cat([self.read, tokens[:, None]], 1)
        return self.model(*self.study, self.read).logits[:, -1].log_softmax(-1), {}

    def reorder(self, rows):
        self.read, self.study = self.read[rows], [each[rows] for each in self.study]


def decode(stepper, beams, studies=STUDIES):
    return BeamSearch(stepper, studies, BeamConfig(beams, 12), torch.device("cpu")).run()


@pytest.mark.parametrize("beams", [1, 3])
def test_cached_and_uncached_decoding_write_the_same(otdrg, batch, beams):
    cached = decode(otdrg.stepper(otdrg.encode(*batch), beams), beams)
    uncached = decode(PrefixStepper(otdrg, batch, beams), beams)
    for quick, slow in zip(cached, uncached, strict=True):
        assert quick.tokens == slow.tokens
        assert quick.log_probabilities == pytest.approx(slow.log_probabilities, abs=1e-4)
        assert quick.traces == {}
    assert max(len(each.tokens) for each in cached) > 3
    assert len({tuple(each.tokens) for each in cached}) > 1


def test_a_batch_writes_what_single_studies_write(otdrg, batch):
    together = decode(otdrg.stepper(otdrg.encode(*batch), 3), 3)
    for i, expected in enumerate(together):
        alone = otdrg.encode(*(each[i : i + 1] for each in batch))
        assert decode(otdrg.stepper(alone, 3), 3, studies=1)[0].tokens == expected.tokens


def test_the_prompt_is_begin_image_labels_instruction_and_stated_labels(otdrg, batch, tokenizer):
    memory = otdrg.encode(*batch)
    embed, tokens = otdrg.language_model.embed, PromptTokens.of(tokenizer)
    for study in range(STUDIES):
        words = torch.tensor([tokens.text(batch[2][study].tolist())])
        image = memory.image_tokens[study, memory.mask[study, 1:9]]
        expected = torch.cat(
            [embed(torch.tensor([[0]]))[0], image, memory.label_tokens[study], embed(words)[0]]
        )
        torch.testing.assert_close(memory.prompt[study, memory.mask[study]], expected)


@pytest.mark.parametrize("kind", ["none", "stated", "all"])
def test_the_labels_in_words_are_none_those_stated_or_all(vary, batch, tokenizer, kind):
    tokens = PromptTokens.of(tokenizer)
    mask = vary(label_text=kind).encode(*batch).mask
    for study, views in enumerate((2, 1, 1)):
        states = batch[2][study].tolist()
        words = tokens.instruction if kind == "none" else tokens.text(states, everything=kind == "all")
        assert mask[study].sum() == 1 + 4 * views + 14 + len(words)


def test_a_label_is_the_projected_mean_of_its_words(otdrg, batch, tokenizer):
    ids = torch.tensor(PromptTokens.of(tokenizer).labels[9][State.POSITIVE])
    mean = otdrg.language_model.embed(ids).mean(0)
    torch.testing.assert_close(otdrg.encode(*batch).label_tokens[0, 9], otdrg.project_label(mean))


def test_the_plan_has_uniform_marginals_over_the_views_that_exist(vary, batch):
    model = vary()
    plan = model.encode(*batch).transport.plan
    assert plan.shape == (STUDIES, 2 * 2 * 2, 14)
    torch.testing.assert_close(plan.sum(1), torch.full((STUDIES, 14), 1 / 14))
    assert plan[1, 4:].sum() == plan[2, :4].sum() == 0
    assert (plan[0] > 0).all()


def test_a_masked_view_has_no_influence(otdrg, batch):
    grids, mask, states = batch
    tokens = torch.tensor([[0, 30, 50]]).repeat(STUDIES, 1)
    before = otdrg(*batch, tokens)
    changed = grids.clone()
    changed[1, 1], changed[2, 0] = 3.0, 5.0
    after = otdrg(changed, mask, states, tokens)
    torch.testing.assert_close(before.logits, after.logits, rtol=1e-4, atol=1e-4)
    distances = [each.memory.transport.distance for each in (before, after)]
    torch.testing.assert_close(*distances)
    changed[0, 1] = 3.0
    assert not torch.allclose(before.logits[0], otdrg(changed, mask, states, tokens).logits[0], atol=1e-2)


def test_labels_matter_by_state_and_bool_means_positive(otdrg, batch):
    grids, mask, states = batch
    tokens = torch.tensor([[0, 30]]).repeat(STUDIES, 1)
    denied = states.clone()
    denied[:, 9] = State.NEGATIVE
    first, second = otdrg(grids, mask, states, tokens), otdrg(grids, mask, denied, tokens)
    assert ((first.logits - second.logits).abs().amax((1, 2)) > 1e-2).all()
    positive = states == State.POSITIVE
    torch.testing.assert_close(
        otdrg(grids, mask, positive, tokens).logits, otdrg(grids, mask, positive.long(), tokens).logits
    )


def test_without_labels_there_is_no_transport_and_no_influence(vary, batch):
    grids, mask, states = batch
    model, tokens = vary(use_labels=False), torch.tensor([[0, 30]]).repeat(STUDIES, 1)
    memory = model.encode(*batch)
    assert (memory.label_tokens, memory.transport) == (None, None)
    output = model(*batch, tokens)
    assert output.memory.transport is None
    torch.testing.assert_close(output.logits, model(grids, mask, 0 * states, tokens).logits)


def test_without_transport_the_labels_stay(vary, batch, otdrg):
    model, tokens = vary(use_transport=False), torch.tensor([[0, 30]]).repeat(STUDIES, 1)
    output = model(*batch, tokens)
    assert output.memory.transport is None
    # Plain features do not read the plan: the same words with and without it.
    torch.testing.assert_close(output.logits, otdrg(*batch, tokens).logits)


def test_barycentric_and_residual_features_read_the_plan(vary, batch):
    plain, moved, both = (vary(features=kind) for kind in ("plain", "barycentric", "residual"))
    memory = moved.encode(*batch)
    shown = [model.encode(*batch).prompt[:, 1:9] for model in (plain, moved, both)]
    torch.testing.assert_close(shown[0] + shown[1], shown[2])
    cell = memory.transport.plan[0, 3]
    expected = (cell[:, None] * memory.label_tokens[0]).sum(0) / cell.sum()
    torch.testing.assert_close(shown[1][0, 3], expected)


@pytest.mark.parametrize("features", ["plain", "barycentric"])
def test_projections_and_adapters_learn_and_nothing_else(otdrg, batch, features):
    config = replace(
        otdrg.config, features=features, transport=replace(otdrg.config.transport, gradient="autodiff")
    )
    model = OTDRG(config)
    model.load_state_dict(otdrg.state_dict())
    model.backbone.requires_grad_(False)
    output = model(*batch, torch.tensor([[0, 30, 50]]).repeat(STUDIES, 1))
    (output.logits.square().mean() + output.memory.transport.distance.mean()).backward()
    learned = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert {"project_image.weight", "project_label.weight", "view_embedding.weight"} <= learned
    assert not [n for n in learned if n.startswith("language_model") and ".lora_" not in n]
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_the_transport_loss_draws_patches_towards_labels(otdrg, batch):
    model = OTDRG(otdrg.config)
    model.load_state_dict(otdrg.state_dict())
    optimizer = torch.optim.SGD([*model.project_image.parameters(), *model.project_label.parameters()], 0.05)
    distances = []
    for _ in range(8):
        distance = model.eval().encode(*batch).transport.distance.mean()
        distances.append(distance.item())
        optimizer.zero_grad()
        distance.backward()
        optimizer.step()
    assert distances[-1] < distances[0] - 0.01


def test_a_checkpoint_writes_the_same_report(otdrg, batch, tmp_path):
    registry.save(tmp_path / "otdrg", "otdrg", otdrg, {}, half=False)
    again = registry.load(tmp_path / "otdrg").model
    assert again.config == otdrg.config
    first, second = (decode(model.stepper(model.encode(*batch), 3), 3) for model in (otdrg, again))
    assert [each.tokens for each in first] == [each.tokens for each in second]


def test_the_papers_configuration():
    assert PAPER.backbone.name == "swin_base"
    assert PAPER.transport.epsilon == 0.10
    assert (PAPER.language_model.base, PAPER.language_model.lora_rank) == ("meta-llama/Llama-2-7b-hf", 16)
    assert len(OBSERVATIONS) == 14


def test_guidance_leads_away_from_the_same_image_without_findings(otdrg, vary, batch):
    grids, mask, states = batch
    begin = torch.zeros(STUDIES, dtype=torch.long)

    def first_word(model, states):
        return model.stepper(model.encode(grids, mask, states), 1).step(begin)[0]

    normal = without_findings(states)
    expected = guided(first_word(otdrg, states), first_word(otdrg, normal), 2.0)
    torch.testing.assert_close(first_word(vary(guidance=2.0), states), expected)


def test_what_is_denied_stays_denied_without_findings(batch):
    normal = without_findings(batch[2])
    assert normal[0, 8] == State.NEGATIVE
    assert (normal[:, OBSERVATIONS.index("No Finding")] == State.POSITIVE).all()
    present = (normal == State.POSITIVE) | (normal == State.UNCERTAIN)
    assert present.sum() == STUDIES
    assert batch[2][0, 1] == State.POSITIVE, "the states that were given are left alone"


def test_without_labels_there_is_nothing_to_be_guided_by(otdrg):
    with pytest.raises(ValueError, match="needs labels"):
        replace(otdrg.config, guidance=1.0, use_labels=False)

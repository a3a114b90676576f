from dataclasses import replace

import pytest
import torch

from radui.models.xpronet import PAPER, XProNet
from radui.nn.decoding import BeamConfig, BeamSearch
from radui.nn.guidance import guided, no_finding_labels

STUDIES = 4


@pytest.fixture(scope="module")
def batch():
    """Pixels, mask and labels of four studies: two views, frontal only, lateral only, two views."""
    random = torch.Generator().manual_seed(3)
    pixels = torch.randn(STUDIES, 2, 1, 64, 64, generator=random)
    mask = torch.tensor([[True, True], [True, False], [False, True], [True, True]])
    labels = torch.zeros(STUDIES, 14, dtype=torch.bool)
    labels[0, [1, 9]] = labels[1, 13] = labels[2, 13] = labels[3, :5] = True
    return pixels, mask, labels


@pytest.fixture(scope="module")
def memory(xpronet, batch):
    pixels, mask, labels = batch
    return xpronet.encode(xpronet.grids(pixels), mask, labels)


@pytest.fixture(scope="module")
def plain(xpronet, xpronet_config):
    """XProNet without prototypes, "w/o CMPNet", with the other weights of the tiny one."""
    model = XProNet(replace(xpronet_config, use_prototypes=False)).eval().requires_grad_(False)
    kept = model.state_dict().keys()
    model.load_state_dict({name: value for name, value in xpronet.state_dict().items() if name in kept})
    return model


class PrefixStepper:
    """Decoding without any cache: each step runs `forward` over the whole prefix again."""

    def __init__(self, model, grids, mask, labels, beams):
        self.model = model
        self.study = [each.repeat_interleave(beams, 0) for each in (grids, mask, labels)]
        self.read = torch.zeros(len(self.study[1]), 0, dtype=torch.long)

    def step(self, tokens):
        self.read = torch.cat([self.read, tokens[:, None]], 1)
        return self.model(*self.study, self.read).logits[:, -1].log_softmax(-1), {}

    def reorder(self, rows):
        self.read, self.study = self.read[rows], [each[rows] for each in self.study]


def decode(stepper, beams, studies=STUDIES, length=9):
    return BeamSearch(stepper, studies, BeamConfig(beams, length), torch.device("cpu")).run()


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("prototypes", [True, False])
def test_cached_and_uncached_decoding_write_the_same(xpronet, plain, batch, beams, prototypes):
    model = xpronet if prototypes else plain
    pixels, mask, labels = batch
    grids = model.grids(pixels)
    cached = decode(model.stepper(model.encode(grids, mask, labels), beams, traces=True), beams)
    uncached = decode(PrefixStepper(model, grids, mask, labels, beams), beams)
    for quick, slow in zip(cached, uncached, strict=True):
        assert quick.tokens == slow.tokens
        assert quick.log_probabilities == pytest.approx(slow.log_probabilities, abs=1e-4)
    assert max(len(each.tokens) for each in cached) > 3
    assert len({tuple(each.tokens) for each in cached}) > 1


def test_a_batch_writes_what_single_studies_write(xpronet, batch, memory):
    together = decode(xpronet.stepper(memory, 3), 3)
    for i, expected in enumerate(together):
        pixels, mask, labels = (each[i : i + 1] for each in batch)
        alone = decode(xpronet.stepper(xpronet.encode(xpronet.grids(pixels), mask, labels), 3), 3, studies=1)
        assert alone[0].tokens == expected.tokens


def test_traces_are_those_of_reading_the_winner_again(xpronet, memory):
    """Attention and prototypes of the winning beam, whatever beams it came through."""
    found = decode(xpronet.stepper(memory, 3, traces=True), 3)
    again = xpronet.stepper(memory, 1, traces=True)
    longest = max(len(each.tokens) for each in found)
    read = torch.zeros(STUDIES, longest, dtype=torch.long)
    for row, each in zip(read, found, strict=True):
        row[1 : len(each.tokens)] = torch.tensor(each.tokens[:-1])
    steps = [again.step(read[:, t])[1] for t in range(longest)]
    for study, each in enumerate(found):
        for t in range(len(each.tokens)):
            for name, trace in each.traces.items():
                torch.testing.assert_close(trace[t], steps[t][name][study], rtol=1e-4, atol=1e-5)
    assert set(found[0].traces) == {"attention", "prototype_index", "prototype_weight"}


def test_trace_shapes(xpronet, memory):
    _, traces = xpronet.stepper(memory, 3, traces=True).step(torch.zeros(3 * STUDIES, dtype=torch.long))
    assert traces["attention"].shape == (3 * STUDIES, 2, 2, 2 * 2 * 2)
    assert traces["prototype_index"].shape == traces["prototype_weight"].shape == (3 * STUDIES, 2, 3)
    torch.testing.assert_close(traces["attention"].sum(-1), torch.ones(3 * STUDIES, 2, 2))
    torch.testing.assert_close(traces["prototype_weight"].sum(-1), torch.ones(3 * STUDIES, 2))
    assert xpronet.stepper(memory, 1).step(torch.zeros(STUDIES, dtype=torch.long))[1] == {}


def test_words_and_patches_read_only_prototypes_of_the_studys_labels(xpronet, batch, memory):
    labels = batch[2]
    _, traces = xpronet.stepper(memory, 1, traces=True).step(torch.zeros(STUDIES, dtype=torch.long))
    for study in range(STUDIES):
        read = {int(row) // 5 for row in traces["prototype_index"][study].flatten()}
        seen = {int(row) // 5 for row in memory.weights[study].sum((0, 1)).nonzero()}
        allowed = set(labels[study].nonzero().flatten().tolist())
        assert read <= allowed
        assert seen <= allowed


def test_the_labels_matter(xpronet, batch):
    pixels, mask, labels = batch
    tokens = torch.tensor([[0, 3, 5]]).repeat(STUDIES, 1)
    grids = xpronet.grids(pixels)
    first = xpronet(grids, mask, labels, tokens).logits
    second = xpronet(grids, mask, labels.roll(1, dims=1), tokens).logits
    assert ((first - second).abs().amax((1, 2)) > 1e-3).all()


def test_a_masked_view_has_no_influence(xpronet, batch):
    pixels, mask, labels = batch
    changed = pixels.clone()
    changed[1, 1], changed[2, 0] = 3.0, -3.0
    tokens = torch.tensor([[0, 3, 5, 1]]).repeat(STUDIES, 1)
    before = xpronet(xpronet.grids(pixels), mask, labels, tokens)
    after = xpronet(xpronet.grids(changed), mask, labels, tokens)
    torch.testing.assert_close(before.logits, after.logits, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(before.image_response, after.image_response, rtol=1e-4, atol=1e-5)
    changed[0, 1] = 3.0
    seen = xpronet(xpronet.grids(changed), mask, labels, tokens)
    assert not torch.allclose(before.logits[0], seen.logits[0], atol=1e-3)


def test_nothing_is_attended_in_a_masked_view(xpronet, memory):
    _, traces = xpronet.stepper(memory, 1, traces=True).step(torch.zeros(STUDIES, dtype=torch.long))
    maps = traces["attention"].unflatten(-1, (2, 4)).sum(-1)
    assert maps[1, ..., 1].max() == 0
    assert maps[2, ..., 0].max() == 0
    assert maps[0].min() > 0


def test_the_places_of_the_views_differ(xpronet, batch):
    pixels, mask, labels = (each[3:] for each in batch)
    tokens = torch.tensor([[0, 3]])
    first = xpronet(xpronet.grids(pixels), mask, labels, tokens).logits
    swapped = xpronet(xpronet.grids(pixels.flip(1)), mask, labels, tokens).logits
    assert not torch.allclose(first, swapped, atol=1e-3)


def test_mean_responses_leave_padding_and_missing_views_out(xpronet, batch, memory):
    pixels, mask, labels = batch
    grids = xpronet.grids(pixels)
    short, long = torch.tensor([[0, 3, 5]]), torch.tensor([[0, 3, 5, 0, 0, 0]])
    found = [xpronet(grids, mask, labels, each.repeat(STUDIES, 1)) for each in (short, long)]
    torch.testing.assert_close(found[0].text_response, found[1].text_response)
    torch.testing.assert_close(found[0].logits, found[1].logits[:, :3], rtol=1e-4, atol=1e-5)
    words = xpronet.prototypes(xpronet.embed(short.repeat(STUDIES, 1)), memory.visible).response
    torch.testing.assert_close(found[0].text_response, words.mean(1))
    torch.testing.assert_close(found[0].image_response[1], memory.response[1, :4].mean(0))
    torch.testing.assert_close(found[0].image_response[2], memory.response[2, 4:].mean(0))


def test_without_prototypes_there_are_none(plain, batch):
    assert not [name for name, _ in plain.named_parameters() if "prototype" in name or "fuse" in name]
    pixels, mask, labels = batch
    grids = plain.grids(pixels)
    output = plain(grids, mask, labels, torch.zeros(STUDIES, 2, dtype=torch.long))
    assert output.image_response is None
    assert output.text_response is None
    memory = plain.encode(grids, mask, labels)
    assert (memory.visible, memory.response, memory.weights) == (None, None, None)
    other = plain(grids, mask, ~labels, torch.zeros(STUDIES, 2, dtype=torch.long))
    torch.testing.assert_close(output.logits, other.logits)


def test_guidance_leads_away_from_the_prototypes_of_no_finding(xpronet, xpronet_config, batch):
    pixels, mask, labels = batch
    model = XProNet(replace(xpronet_config, guidance=2.0)).eval()
    model.load_state_dict(xpronet.state_dict())
    grids, begin = xpronet.grids(pixels), torch.zeros(STUDIES, dtype=torch.long)

    def first_word(each, labels):
        return each.stepper(each.encode(grids, mask, labels), 1).step(begin)[0].exp()

    normal = no_finding_labels(STUDIES)
    memory = model.encode(grids, mask, labels)
    torch.testing.assert_close(memory.normal.states, xpronet.encode(grids, mask, normal).states)
    expected = guided(*(first_word(xpronet, each).log() for each in (labels, normal)), 2.0)
    torch.testing.assert_close(first_word(model, labels), expected.exp())


def test_without_prototypes_there_is_nothing_to_be_guided_by(xpronet_config):
    with pytest.raises(ValueError, match="needs prototypes"):
        replace(xpronet_config, guidance=1.0, use_prototypes=False)


def test_bf16_gives_nearly_the_same(xpronet, batch):
    pixels, mask, labels = batch
    grids, tokens = xpronet.grids(pixels), torch.tensor([[0, 3, 5]]).repeat(STUDIES, 1)
    exact = xpronet(grids, mask, labels, tokens)
    with torch.autocast("cpu", torch.bfloat16):
        rough = xpronet(grids, mask, labels, tokens)
    assert rough.logits.dtype == torch.bfloat16
    likely, expected = (each.logits.float().softmax(-1) for each in (rough, exact))
    assert (likely - expected).abs().mean() < 0.02
    torch.testing.assert_close(rough.text_response.float(), exact.text_response, rtol=0.05, atol=0.02)


def test_every_parameter_learns(xpronet_config, batch):
    torch.manual_seed(0)
    model = XProNet(xpronet_config).train()
    pixels, mask, labels = batch
    output = model(model.grids(pixels), mask, labels, torch.tensor([[0, 3, 5]]).repeat(STUDIES, 1))
    losses = (output.logits.square().mean(), output.image_response.mean(), output.text_response.mean())
    sum(losses).backward()
    assert [name for name, each in model.named_parameters() if each.grad is None] == []


def test_the_papers_sizes():
    with torch.device("meta"):
        model = XProNet(PAPER)
    assert model.prototypes.matrix.shape == (280, 2816)
    assert model.patch_embedding[0].weight.shape == (512, 2048)
    assert model.word_embedding.weight.shape == model.output.weight.shape == (761, 512)
    assert (len(model.encoder.layers), len(model.decoder.layers)) == (3, 3)
    assert model.encoder.layers[0].attention.heads == model.prototypes.config.heads == 8
    assert (PAPER.decoding.beams, PAPER.decoding.max_length) == (3, 60)

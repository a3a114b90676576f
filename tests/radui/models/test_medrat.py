import math
from dataclasses import replace

import pytest
import torch

from radui.models.medrat import PAPER, Images, MedRAT, Reports
from radui.nn.decoding import BeamConfig, BeamSearch
from radui.observations import NO_FINDING, OBSERVATION_INDEX

STUDIES = 4
LABELS = torch.zeros(STUDIES, 14, dtype=torch.bool)


@pytest.fixture(scope="module")
def batch():
    """Pixels and mask of four studies: two views, frontal only, lateral only, two views."""
    pixels = torch.randn(STUDIES, 2, 1, 64, 64, generator=torch.Generator().manual_seed(3))
    return pixels, torch.tensor([[True, True], [True, False], [False, True], [True, True]])


@pytest.fixture(scope="module")
def grids(medrat, batch):
    return medrat.grids(batch[0])


@pytest.fixture(scope="module")
def words():
    return torch.tensor([[0, 3, 5, 1, 0], [0, 2, 0, 0, 0], [0, 7, 7, 4, 9], [0, 0, 0, 0, 0]])


def variant(medrat, **changes):
    """The tiny MedRAT with other settings and what it shares of the weights."""
    torch.manual_seed(2)
    model = MedRAT(replace(medrat.config, **changes)).eval()
    model.load_state_dict(medrat.state_dict(), strict=False)
    return model.requires_grad_(False)


class PrefixStepper:
    """Decoding without any cache: each step reads the whole prefix again."""

    def __init__(self, model, grids, mask, beams):
        self.model, self.study = model, [each.repeat_interleave(beams, 0) for each in (grids, mask, LABELS)]
        self.read = torch.zeros(len(self.study[1]), 0, dtype=torch.long)

    def step(self, tokens):
        self.read = torch.cat([self.read, tokens[:, None]], 1)
        return self.model.teach(self.model.encode(*self.study), self.read)[:, -1].log_softmax(-1), {}

    def reorder(self, rows):
        self.read, self.study = self.read[rows], [each[rows] for each in self.study]


def decode(stepper, beams, length=9):
    return BeamSearch(stepper, STUDIES, BeamConfig(beams, length), torch.device("cpu")).run()


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("observe", [False, True])
def test_cached_and_uncached_decoding_write_the_same(medrat, batch, grids, beams, observe):
    model = variant(medrat, observe=observe)
    model.output.bias[0] -= 3 * observe  # else it stops after a word
    memory = model.encode(grids, batch[1], LABELS)
    cached = decode(model.stepper(memory, beams, traces=True), beams)
    uncached = decode(PrefixStepper(model, grids, batch[1], beams), beams)
    for quick, slow in zip(cached, uncached, strict=True):
        assert quick.tokens == slow.tokens
        assert quick.log_probabilities == pytest.approx(slow.log_probabilities, abs=1e-4)
    assert max(len(each.tokens) for each in cached) > 3
    assert len({tuple(each.tokens) for each in cached}) > 1


def test_attention_covers_the_global_state_and_every_patch_that_is_there(medrat, batch, grids):
    memory = medrat.encode(grids, batch[1], LABELS)
    _, traces = medrat.stepper(memory, 2, traces=True).step(torch.zeros(2 * STUDIES, dtype=torch.long))
    attention = traces["attention"]
    assert attention.shape == (2 * STUDIES, 2, 2, 1 + 2 * 2 * 2)
    torch.testing.assert_close(attention.sum(-1), torch.ones(2 * STUDIES, 2, 2))
    patches = attention[::2, ..., 1:].unflatten(-1, (2, 4)).sum(-1)
    assert patches[1, ..., 1].max() == 0
    assert patches[2, ..., 0].max() == 0
    assert patches[0].min() > 0
    assert medrat.stepper(memory, 1).step(torch.zeros(STUDIES, dtype=torch.long))[1] == {}


def test_a_masked_view_has_no_influence(medrat, batch):
    pixels, mask = batch
    changed = pixels.clone()
    changed[1, 1], changed[2, 0], changed[0, 1] = 3.0, -3.0, 3.0
    before, after = (medrat.read_image(medrat.grids(each), mask) for each in (pixels, changed))
    torch.testing.assert_close(before.pooled[1:], after.pooled[1:], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(before.pooled[0], after.pooled[0], atol=1e-3)
    assert before.pooling[1, 4:].abs().max() == 0


def test_padding_changes_no_report(medrat, words):
    long = torch.nn.functional.pad(words, (0, 6))
    short = medrat.read_report(words)
    padded = medrat.read_report(long)
    torch.testing.assert_close(short.pooled, padded.pooled, rtol=1e-4, atol=1e-5)
    assert padded.pooling[1].count_nonzero() == 2  # the begin mark and a word
    assert padded.pooling[3].count_nonzero() == 1  # an empty report is its begin mark


def test_both_sides_come_to_the_same_space(medrat, batch, grids, words):
    image, report = medrat.read_image(grids, batch[1]), medrat.read_report(words)
    assert image.pooled.shape == report.pooled.shape == (STUDIES, 16)
    for each in (image, report):
        torch.testing.assert_close(each.pooled.norm(dim=1), torch.ones(STUDIES))


def test_traced_encoding_is_the_same_with_maps_of_both_encoders(medrat, batch, grids):
    plain, traced = (medrat.read_image(grids, batch[1], maps) for maps in (False, True))
    torch.testing.assert_close(plain.local, traced.local, rtol=1e-4, atol=1e-5)
    assert plain.maps is None
    assert traced.maps.shape == (STUDIES, 2, 8, 8)


def test_labels_are_read_only_by_a_model_that_observes(medrat, batch, grids):
    observing = variant(medrat, observe=True)
    other = LABELS.clone()
    other[:, 3] = True
    tokens = torch.tensor([[0, 3]]).repeat(STUDIES, 1)
    for model, same in ((medrat, True), (observing, False)):
        found = [model.teach(model.encode(grids, batch[1], each), tokens) for each in (LABELS, other)]
        assert torch.allclose(*found) is same


class TestGuidance:
    def steps(self, model, batch, grids, labels, words=(0, 3, 5)):
        stepper = model.stepper(model.encode(grids, batch[1], labels), 1)
        return [stepper.step(torch.full((STUDIES,), word))[0] for word in words]

    def test_a_study_without_findings_loses_only_unlikely_words(self, medrat, batch, grids):
        normal = LABELS.clone()
        normal[:, OBSERVATION_INDEX[NO_FINDING]] = True
        plain = self.steps(variant(medrat, observe=True), batch, grids, normal)
        guided = self.steps(variant(medrat, observe=True, guidance=2.0), batch, grids, normal)
        for one, other in zip(plain, guided, strict=True):
            kept = other.isfinite()
            assert (one[~kept] < one.amax()).all()
            expected = one.masked_fill(~kept, -math.inf).log_softmax(-1)
            torch.testing.assert_close(other, expected, rtol=1e-4, atol=1e-5)

    def test_a_finding_moves_the_words_the_further_the_more_weight(self, medrat, batch, grids):
        found = LABELS.clone()
        found[:, 3] = True
        steps = [
            self.steps(variant(medrat, observe=True, guidance=weight), batch, grids, found)[-1].exp()
            for weight in (0.0, 0.5, 4.0)
        ]
        assert (steps[2] - steps[0]).abs().sum() > (steps[1] - steps[0]).abs().sum() > 1e-3

    def test_without_observations_there_is_nothing_to_be_guided_by(self, medrat_config):
        with pytest.raises(ValueError, match="set `observe`"):
            replace(medrat_config, guidance=1.0)


class TestWhatTheDecoderReads:
    def source(self, model, words):
        return model.read_report(words)

    def test_dropout_hides_about_its_share_and_never_the_global_state(self, medrat, words):
        model = variant(medrat).train()
        source = model.read_report(words[2:3].repeat(400, 1))
        bias = model.recall(source, LABELS[:1].repeat(400, 1)).bias
        assert set(bias.unique().tolist()) == {0.0, -math.inf}
        assert (bias[:, 0] == 0).all()
        assert (bias[:, 1:] == 0).float().mean() == pytest.approx(0.1, abs=0.03)

    def test_afterwards_all_are_read_with_the_share_of_attention_that_they_had(self, medrat, words):
        memory = medrat.recall(medrat.read_report(words), LABELS)
        expected = [0.0, *[math.log(0.1)] * 2, *[-math.inf] * 3]
        assert memory.bias[1].tolist() == pytest.approx(expected, abs=1e-6)

    def test_without_the_global_state_something_is_always_left(self, medrat, words):
        model = variant(medrat, use_global=False).train()
        memory = model.recall(model.read_report(words.repeat(50, 1)), LABELS.repeat(50, 1))
        assert memory.prefix == 0
        assert (memory.bias == 0).any(1).all()
        assert model.teach(memory, words.repeat(50, 1)).isfinite().all()

    def test_gaussian_noise_is_added_in_training_alone(self, medrat, words):
        model = variant(medrat, augmentation="gaussian", noise=5.0)
        source = model.read_report(words)
        calm = model.recall(source, LABELS)
        assert calm.bias[2].abs().max() == 0
        noisy = model.train().recall(source, LABELS)
        torch.testing.assert_close(noisy.states[:, 0], calm.states[:, 0])
        assert (noisy.states - calm.states)[:, 1:].std() == pytest.approx(5, rel=0.2)

    def test_no_augmentation_leaves_training_as_it_is_afterwards(self, medrat, words):
        model = variant(medrat, augmentation="none")
        source = model.read_report(words)
        calm, training = model.recall(source, LABELS), model.train().recall(source, LABELS)
        torch.testing.assert_close(calm.states, training.states)
        torch.testing.assert_close(calm.bias, training.bias)

    def test_without_local_states_only_the_global_one_is_left(self, medrat, words):
        memory = variant(medrat, use_local=False).recall(medrat.read_report(words), LABELS)
        assert memory.states.shape == (STUDIES, 1, 16)

    def test_nothing_to_read_is_refused(self, medrat_config):
        with pytest.raises(ValueError, match="something to read"):
            replace(medrat_config, use_global=False, use_local=False)


@pytest.mark.parametrize(("part", "weights"), [("use_memory", "memory"), ("classify", "classifier")])
def test_a_part_that_is_switched_off_has_no_weights(medrat, part, weights):
    model = variant(medrat, **{part: False})
    assert not [name for name, _ in model.named_parameters() if name.startswith(weights)]
    assert [name for name, _ in medrat.named_parameters() if name.startswith(weights)]


def test_every_parameter_learns(medrat_config, batch, words):
    torch.manual_seed(0)
    model = MedRAT(replace(medrat_config, observe=True, local_dropout=0.5)).train()
    images = Images(model.grids(batch[0]), batch[1], LABELS, words[:2])
    output = model(images, Reports(words, words[:3], LABELS))
    assert output.words.shape == (3, 4, 13)
    assert output.image_words.shape == (2, 4, 13)
    parts = (output.words, output.image_words, output.images, output.image_labels, output.report_labels)
    sum((part * torch.randn(part.shape)).sum() for part in parts).backward()
    assert [name for name, each in model.named_parameters() if each.grad is None] == []


def test_unpaired_images_teach_the_decoder_nothing(medrat, batch, grids, words):
    model = variant(medrat).requires_grad_(True)
    images = Images(grids, batch[1], LABELS, torch.zeros(0, 0, dtype=torch.long))
    output = model(images, Reports(words, words, LABELS))
    assert output.image_words is None
    output.words.sum().backward()
    assert model.patch_embedding[0].weight.grad is None


def test_the_papers_sizes():
    with torch.device("meta"):
        model = MedRAT(PAPER)
    assert model.memory.matrix.shape == (2048, 512)
    assert (model.memory.config.read, model.memory.config.heads) == (32, 8)
    assert model.patch_embedding[0].weight.shape == (512, 2048)
    assert (len(model.image_encoder.layers), len(model.report_encoder.layers)) == (2, 2)
    assert (len(model.shared_encoder.layers), len(model.decoder.layers)) == (1, 2)
    assert (PAPER.local_dropout, PAPER.noise, PAPER.decoding.max_length) == (0.9, 5.0, 100)

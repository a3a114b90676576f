import pytest
import torch

from radui.nn.transformer import Decoder, Encoder, TransformerConfig, sinusoidal_positions

CONFIG = TransformerConfig(width=12, heads=3, feedforward=20, encoder_layers=2, decoder_layers=3)
WORDS, PATCHES = 6, 8


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return Decoder(CONFIG).eval()


@pytest.fixture
def study():
    """Words (2, 6, 12), memory (2, 8, 12) and its mask, the second study with three patches."""
    random = torch.Generator().manual_seed(1)
    mask = torch.ones(2, PATCHES, dtype=torch.bool)
    mask[1, 3:] = False
    words = torch.randn(2, WORDS, 12, generator=random)
    return words, torch.randn(2, PATCHES, 12, generator=random), mask


def step_through(decoder, words, cache, weights=False):
    found = [decoder.step(words[:, t], cache, weights) for t in range(words.shape[1])]
    return torch.stack([state for state, _ in found], 1), [attention for _, attention in found]


@pytest.mark.parametrize("weights", [False, True])
def test_step_by_step_equals_the_whole_sequence(decoder, study, weights):
    words, memory, mask = study
    states, _ = step_through(decoder, words, decoder.start(memory, mask), weights)
    torch.testing.assert_close(states, decoder(words, memory, mask), rtol=1e-5, atol=1e-5)


def test_cross_attention_of_each_layer_and_head_sums_to_one_over_what_is_there(decoder, study):
    words, memory, mask = study
    _, maps = step_through(decoder, words, decoder.start(memory, mask), weights=True)
    for attention in maps:
        assert attention.shape == (2, 3, 3, PATCHES)
        torch.testing.assert_close(attention.sum(-1), torch.ones(2, 3, 3))
        assert attention[1, ..., 3:].max() == 0
    assert not torch.allclose(maps[0][:, 0], maps[0][:, 1])
    assert step_through(decoder, words, decoder.start(memory, mask))[1] == [None] * WORDS


def test_a_word_sees_none_after_it(decoder, study):
    words, memory, mask = study
    changed = words.clone()
    changed[:, 4:] *= -1
    before, after = decoder(words, memory, mask), decoder(changed, memory, mask)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_reordered_beams_go_on_from_their_parents(decoder, study):
    """Two studies of three beams each; words (6, 6, 12) begin and end differently in every beam."""
    _, memory, mask = study
    words = torch.randn(6, WORDS, 12, generator=torch.Generator().manual_seed(2))
    parents = torch.tensor([2, 0, 2, 3, 5, 4])
    cache = decoder.start(memory, mask, beams=3, room=2)  # grows twice on the way
    step_through(decoder, words[:, :3], cache)
    cache.reorder(parents)
    step_through(decoder, words[:, 3:4], cache)
    cache.reorder(parents)
    states, _ = step_through(decoder, words[:, 4:], cache)
    joined = torch.cat([torch.cat([words[parents, :3], words[:, 3:4]], 1)[parents], words[:, 4:]], 1)
    memory, mask = memory.repeat_interleave(3, 0), mask.repeat_interleave(3, 0)
    torch.testing.assert_close(states, decoder(joined, memory, mask)[:, 4:], rtol=1e-5, atol=1e-5)


def test_two_caches_of_one_decoder_do_not_meet(decoder, study):
    words, memory, mask = study
    first, second = decoder.start(memory, mask), decoder.start(memory, mask)
    for t in range(WORDS):
        mixed, _ = decoder.step(words[:, t], first)
        decoder.step(-words[:, t], second)
    torch.testing.assert_close(mixed, decoder(words, memory, mask)[:, -1], rtol=1e-5, atol=1e-5)


def test_encoder_ignores_masked_patches(study):
    torch.manual_seed(0)
    encoder = Encoder(CONFIG).eval()
    _, memory, mask = study
    changed = memory.clone()
    changed[1, 3:] = 50.0
    before, after = encoder(memory, mask), encoder(changed, mask)
    assert before.shape == memory.shape
    torch.testing.assert_close(before[0], after[0])
    torch.testing.assert_close(before[1, :3], after[1, :3])


def test_positions_are_those_of_the_transformer_paper():
    table = sinusoidal_positions(5, 6)
    assert table.shape == (5, 6)
    assert table[0].tolist() == [0, 1, 0, 1, 0, 1]
    angle = torch.tensor(3 / 10_000 ** (2 / 6))
    torch.testing.assert_close(table[3, 2:4], torch.stack([angle.sin(), angle.cos()]))


def test_an_encoder_that_is_traced_gives_the_same_and_its_maps(study):
    torch.manual_seed(0)
    encoder = Encoder(CONFIG).eval()
    _, memory, mask = study
    states, maps = encoder.trace(memory, mask)
    torch.testing.assert_close(states, encoder(memory, mask), rtol=1e-5, atol=1e-5)
    assert maps.shape == (2, CONFIG.encoder_layers, PATCHES, PATCHES)
    torch.testing.assert_close(maps.sum(-1), torch.ones(2, 2, PATCHES))
    assert maps[1, ..., 3:].abs().max() == 0

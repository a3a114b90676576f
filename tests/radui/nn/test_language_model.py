from dataclasses import replace

import pytest
import torch

from radui.nn.decoding import BeamConfig, BeamSearch
from radui.nn.language_model import DecodingCache, LanguageModel, LanguageModelConfig

SMALL = LanguageModelConfig(vocabulary=40, width=32, layers=2, heads=2, key_value_heads=1, feedforward=48)
STUDIES, LENGTH = 3, 7


@pytest.fixture(scope="module")
def model():
    """An adapted model whose adapters do something."""
    torch.manual_seed(4)
    model = LanguageModel(replace(SMALL, lora_rank=2)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_B" in name or "embed" in name or "head" in name:
                parameter.normal_(std=0.5)
    return model.requires_grad_(False)


@pytest.fixture(scope="module")
def prompt():
    """Prompts of seven places; the second has a hole in its middle, the third misses its end."""
    states = torch.randn(STUDIES, LENGTH, 32, generator=torch.Generator().manual_seed(5))
    mask = torch.ones(STUDIES, LENGTH, dtype=torch.bool)
    mask[1, 2:4] = False
    mask[2, 5:] = False
    return states, mask


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """A folder as Hugging Face writes one, with an end token that is not 0 and tied embeddings."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(6)
    sizes = LlamaConfig(
        vocab_size=30,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=True,
    )
    folder = tmp_path_factory.mktemp("foreign")
    LlamaForCausalLM(sizes).save_pretrained(folder)
    return folder


class PrefixStepper:
    """Decoding without any cache."""

    def __init__(self, model, prompt, mask, beams):
        self.model = model
        self.prompt, self.mask = (each.repeat_interleave(beams, 0) for each in (prompt, mask))
        self.read = torch.zeros(len(self.mask), 0, dtype=torch.long)

    def step(self, tokens):
        self.read = torch.cat([self.read, tokens[:, None]], 1)
        states = torch.cat([self.prompt, self.model.embed(self.read)], 1)
        mask = torch.cat([self.mask, torch.ones_like(self.read, dtype=torch.bool)], 1)
        return self.model(states, mask, 1)[:, 0].log_softmax(-1), {}

    def reorder(self, rows):
        self.read, self.prompt, self.mask = self.read[rows], self.prompt[rows], self.mask[rows]


class CachedStepper:
    def __init__(self, model, prompt, mask, beams):
        self.cache = DecodingCache(model, prompt, mask, beams)

    def step(self, tokens):
        return self.cache.step(tokens), {}

    def reorder(self, rows):
        self.cache.reorder(rows)


def search(stepper, studies=STUDIES):
    return BeamSearch(stepper, studies, BeamConfig(3, 12), torch.device("cpu")).run()


def test_the_same_tokens_with_and_without_the_cache(model, prompt):
    cached = search(CachedStepper(model, *prompt, 3))
    plain = search(PrefixStepper(model, *prompt, 3))
    for quick, slow in zip(cached, plain, strict=True):
        assert quick.tokens == slow.tokens
        assert quick.log_probabilities == pytest.approx(slow.log_probabilities, abs=1e-4)
    assert len({tuple(each.tokens) for each in cached}) == STUDIES


def test_holes_in_a_prompt_are_as_if_they_were_not_there(model, prompt):
    states, mask = prompt
    words = model.embed(torch.tensor([[0, 3, 5]])).expand(STUDIES, -1, -1)
    whole = torch.cat([states, words], 1), torch.cat([mask, mask.new_ones(STUDIES, 3)], 1)
    together = model(*whole, 3)
    for row in range(STUDIES):
        kept = whole[1][row]
        alone = model(whole[0][row : row + 1, kept], kept[kept][None], 3)
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-4, atol=1e-4)


def test_only_adapters_learn(prompt):
    model = LanguageModel(replace(SMALL, lora_rank=2))
    model(prompt[0], prompt[1], 2).sum().backward()
    learned = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert learned
    assert all(".lora_" in name and ("q_proj" in name or "v_proj" in name) for name in learned)
    assert all(p.requires_grad for p in LanguageModel(SMALL).parameters())


def test_a_new_adapter_changes_nothing_and_the_base_fits_under_it(prompt):
    torch.manual_seed(1)
    base = LanguageModel(SMALL).eval()
    adapted = LanguageModel(replace(SMALL, lora_rank=2)).eval()
    adapted.load_base(base.state_dict())
    torch.testing.assert_close(adapted(*prompt, 1), base(*prompt, 1))
    assert adapted.fingerprint() == base.fingerprint()
    assert adapted.fingerprint() != LanguageModel(SMALL).fingerprint()


def test_mean_state_of_a_text_ignores_what_follows_its_end(model):
    short, long = torch.tensor([[4, 9, 2]]), torch.tensor([[4, 9, 2, 0, 0]])
    torch.testing.assert_close(model.hidden(short), model.hidden(long), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(model.hidden(short), model.hidden(torch.tensor([[4, 9, 3]])), atol=1e-3)


class TestForeignBase:
    @pytest.fixture
    def config(self, foreign):
        return LanguageModelConfig(base=str(foreign), end=2, lora_rank=2)

    def test_the_end_and_zero_change_places(self, config):
        model = LanguageModel(config).eval()
        own = model.base.get_input_embeddings()
        torch.testing.assert_close(model.embed(torch.tensor([[0, 2, 5]])), own(torch.tensor([[2, 0, 5]])))
        states, mask = own(torch.tensor([[2, 7, 9]])), torch.ones(1, 3, dtype=torch.bool)
        given = model.base(inputs_embeds=states).logits[:, -1]
        found = model(states, mask, 1)[:, 0]
        torch.testing.assert_close(found[:, [0, 2, 9]], given[:, [2, 0, 9]])

    def test_its_weights_are_not_saved_and_come_back_from_the_folder(self, config):
        torch.manual_seed(1)
        model = LanguageModel(config)
        saved = model.state_dict()
        assert saved
        assert all(".lora_" in name for name in saved)
        again = LanguageModel(config)
        again.load_state_dict(saved)
        states, mask = torch.randn(1, 3, 16), torch.ones(1, 3, dtype=torch.bool)
        torch.testing.assert_close(again.eval()(states, mask, 1), model.eval()(states, mask, 1))

    def test_other_weights_under_the_same_name_are_refused(self, config):
        signed = replace(config, base_hash=LanguageModel(config).fingerprint())
        assert LanguageModel(signed).fingerprint() == signed.base_hash
        with pytest.raises(ValueError, match="not those the adapters were trained on"):
            LanguageModel(replace(config, base_hash="0" * 16))

    def test_a_name_that_is_nowhere_is_an_oserror(self):
        with pytest.raises(OSError, match="nowhere"):
            LanguageModel(LanguageModelConfig(base="/nowhere/at/all"))


def test_padding_at_the_end_alone_needs_no_mask(model):
    """The same states as with a mask, which a hole in another row of the batch asks for."""
    states = torch.randn(2, LENGTH, 32, generator=torch.Generator().manual_seed(5))
    padded = torch.ones(2, LENGTH, dtype=torch.bool)
    padded[1, 4:] = False
    hole = padded.clone()
    hole[0, 2] = False
    masked, free = model.states(states, hole), model.states(states, padded)
    torch.testing.assert_close(free[1, :4], masked[1, :4], rtol=1e-4, atol=1e-5)
    logits = model(states, hole, LENGTH), model(states, padded, LENGTH)
    torch.testing.assert_close(logits[1][1, :4], logits[0][1, :4], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(free[0, 2:], masked[0, 2:], atol=1e-3), "a hole is not overlooked"

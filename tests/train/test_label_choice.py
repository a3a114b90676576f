import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from radui.observations import OBSERVATIONS, State
from radui.processing.prompts import STATE_WORDS, prompt_texts
from train.label_choice import StateChooser
from train.label_extraction import answer_text, make_prompt, parse_answer


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    words.train_from_iterator([*prompt_texts(), make_prompt("Clear.")], trainers.BpeTrainer(vocab_size=300))
    return PreTrainedTokenizerFast(tokenizer_object=words)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(2)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), num_key_value_heads=1, **sizes)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 4  # else all states are nearly alike
    return model


def line_score(model, tokenizer, before, line):
    """Log-probability of a line after a text, by one pass over both, without any cache."""
    read, written = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (before, line))
    logs = model(torch.tensor([read + written])).logits[0].log_softmax(-1)
    return sum(float(logs[len(read) + k - 1, token]) for k, token in enumerate(written))


@torch.inference_mode()
def test_each_line_is_the_likeliest_of_the_four_after_those_before(model, tokenizer):
    prompt = make_prompt("The heart is large.")
    states = parse_answer(StateChooser(model, tokenizer).answer(prompt))
    read = prompt
    for name in OBSERVATIONS:
        read += f"{name.lower()}:"
        scores = {s: line_score(model, tokenizer, read, f" {STATE_WORDS[s]}\n") for s in State}
        assert states[name] == max(scores, key=scores.get)
        read += f" {STATE_WORDS[states[name]]}\n"


def test_a_model_that_learned_the_answer_gives_it(model, tokenizer):
    import copy

    prompt = make_prompt("The heart is large.")
    wanted = {name: State(k % 4) for k, name in enumerate(OBSERVATIONS)}
    ids = torch.tensor([tokenizer(prompt + answer_text(wanted) + "\n")["input_ids"]])
    taught = copy.deepcopy(model)
    optimizer = torch.optim.Adam(taught.parameters(), lr=3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        taught(ids, labels=ids).loss.backward()
        optimizer.step()
    assert parse_answer(StateChooser(taught, tokenizer).answer(prompt)) == wanted

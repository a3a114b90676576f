import pytest

from radui.observations import OBSERVATIONS, State
from radui.processing.prompts import INSTRUCTION, PromptTokens, label_text, prompt_texts
from radui.processing.tokenizer import ReportTokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return ReportTokenizer.build(prompt_texts() * 2, 400)


def test_a_label_is_disease_and_state():
    assert label_text("Pleural Effusion", State.UNMENTIONED) == "pleural effusion: not mentioned"
    assert label_text("Edema", State.UNCERTAIN) == "edema: unclear"


def test_each_label_reads_back(tokenizer):
    tokens = PromptTokens.of(tokenizer)
    assert tokenizer.decode(tokens.instruction) == INSTRUCTION
    for k, name in enumerate(OBSERVATIONS):
        for state in State:
            assert tokenizer.decode(tokens.labels[k][state]) == label_text(name, state)
    assert tokens.longest == max(len(ids) for row in tokens.labels for ids in row)


def test_what_is_not_mentioned_is_left_out_unless_asked_for(tokenizer):
    tokens = PromptTokens.of(tokenizer)
    states = [State.UNMENTIONED] * 14
    assert tokens.text(states) == list(tokens.instruction)
    states[1], states[9] = State.POSITIVE, State.NEGATIVE
    assert tokenizer.decode(tokens.text(states)) == (
        INSTRUCTION + " cardiomegaly: positive pleural effusion: negative"
    )
    everything = tokenizer.decode(tokens.text(states, everything=True))
    assert everything.count(": not mentioned") == 12

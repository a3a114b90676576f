from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from radui.nn.language_model import LanguageModel, LanguageModelConfig
from radui.processing.prompts import PromptTokens
from train.corpus import Corpus
from train.data.study import StudyRow
from train.language import LanguageTask, ReportTexts, build_tokenizer, read_base, save_base, text_features
from train.loop import save_weights
from train.state_conditions import StateConditions

REPORTS = ("The lungs are clear.", "Large effusion. The heart is large.", "Clear.", "The heart is normal.")


@pytest.fixture(scope="module")
def corpus():
    rows = [StudyRow(str(k), ("train", "val")[k // 8], (Path("0.png"),), REPORTS[k % 4]) for k in range(12)]
    states = np.random.default_rng(0).integers(4, size=(12, 14))
    return Corpus(rows, np.zeros((12, 1, 1), np.uint8), [(k,) for k in range(12)], states)


@pytest.fixture(scope="module")
def tokenizer(corpus):
    return build_tokenizer(corpus, 300)


@pytest.fixture(scope="module")
def conditions(corpus):
    rates = np.broadcast_to(np.eye(4), (14, 4, 4))
    return StateConditions(corpus.states, (corpus.states + 1) % 4, rates, noise=0.0, seed=1)


@pytest.fixture
def model(tokenizer):
    torch.manual_seed(0)
    sizes = {"width": 32, "layers": 2, "heads": 2, "key_value_heads": 1, "feedforward": 48}
    return LanguageModel(LanguageModelConfig(vocabulary=len(tokenizer), **sizes))


def test_training_prompts_with_the_reports_states_or_not_at_all(corpus, tokenizer, conditions):
    train, tokens = ReportTexts(corpus, "train", tokenizer, conditions), PromptTokens.of(tokenizer)
    prompted = []
    for epoch in range(10):
        train.set_epoch(epoch)
        for item in range(8):
            prompt, report = train[item]
            assert report == tokenizer.encode(REPORTS[item % 4])
            assert prompt in ([], tokens.text(corpus.states[item].tolist()))
            prompted.append(bool(prompt))
    assert 0.6 < np.mean(prompted) < 0.9


def test_val_is_prompted_with_the_apps_states(corpus, tokenizer, conditions):
    val, tokens = ReportTexts(corpus, "val", tokenizer, conditions), PromptTokens.of(tokenizer)
    assert val[1][0] == tokens.text(conditions.predicted[9].tolist())


def test_the_loss_is_of_the_reports_alone_and_padding_changes_nothing(model, corpus, tokenizer, conditions):
    val = ReportTexts(corpus, "val", tokenizer, conditions)
    task = LanguageTask(model.eval(), val)
    samples = [val[0], ([], val[1][1]), val[2]]
    together = task.loss(model, task.collate(samples))["loss"].item()
    alone = [task.loss(model, task.collate([sample]))["loss"].item() for sample in samples]
    lengths = [len(report) - 1 for _, report in samples]
    assert together == pytest.approx(np.average(alone, weights=lengths), rel=1e-4)
    ids = torch.tensor([[*samples[1][1]]])
    mask = torch.ones(1, ids.shape[1] - 1, dtype=torch.bool)
    begin = torch.tensor([[0]])
    whole = torch.cat([begin, ids[:, :-1]], 1)
    logits = model(model.embed(whole), torch.cat([mask[:, :1], mask], 1), ids.shape[1] - 1)
    expected = torch.nn.functional.cross_entropy(logits[0], ids[0, 1:])
    assert alone[1] == pytest.approx(expected.item(), rel=1e-4)


def test_a_few_steps_lower_the_loss(model, corpus, tokenizer, conditions):
    task = LanguageTask(model, ReportTexts(corpus, "val", tokenizer, conditions))
    optimizer = torch.optim.AdamW(task.parameter_groups(), lr=1e-2)
    with torch.no_grad():
        before = task.evaluate(model, torch.device("cpu"))["score"]
    for _ in range(8):
        task.loss(model, task.collate([task.val[i] for i in range(4)]))["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        assert task.evaluate(model, torch.device("cpu"))["score"] > before + 0.5


def test_a_base_reads_back(model, tokenizer, tmp_path):
    save_base(tmp_path, model.config, tokenizer)
    (tmp_path / "best").mkdir()
    save_weights(model, tmp_path / "best" / "model.safetensors")
    config, again, weights = read_base(tmp_path)
    assert config == model.config
    assert again.encode(REPORTS[1]) == tokenizer.encode(REPORTS[1])
    adapted = LanguageModel(replace(config, lora_rank=2))
    adapted.load_base(weights)
    assert adapted.fingerprint() == model.fingerprint()


def test_text_features_are_one_row_a_report(model, tokenizer):
    rows = text_features(model, [tokenizer.encode(report) for report in REPORTS])
    assert rows.shape == (4, 32)
    np.testing.assert_allclose(
        rows[2], text_features(model, [tokenizer.encode(REPORTS[2])])[0], rtol=1e-3, atol=1e-5
    )

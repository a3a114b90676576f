import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from radui.models.registry import load, save
from radui.nn.language_model import LanguageModel, LanguageModelConfig
from radui.observations import State
from radui.processing.prompts import PromptTokens
from train.corpus import Corpus
from train.data.study import StudyRow
from train.language import build_tokenizer, save_base
from train.loop import LoopConfig, Trainer, load_weights, save_weights
from train.otdrg import encoder_objective, parse
from train.otdrg_pixels import FromPixels, PixelVersion
from train.otdrg_sft import (
    Objective,
    ReportTask,
    _states,
    build_config,
    build_model,
)
from train.report_data import ReportStudies, decode
from train.state_conditions import StateConditions
from train.transport_losses import Alignment

REPORTS = ("The lungs are clear.", "Large effusion. The heart is large.")


@pytest.fixture(scope="module")
def corpus():
    """Eight train studies and four of val; the two reports go with two states of the effusion."""
    rows, states = [], np.zeros((12, 14), np.int64)
    for k in range(12):
        rows.append(StudyRow(str(k), ("train", "val")[k // 8], (Path("0.png"),), REPORTS[k % 2]))
        states[k, 9 if k % 2 else 13] = State.POSITIVE
    return Corpus(rows, np.zeros((12, 64, 64), np.uint8), [(k,) for k in range(12)], states)


@pytest.fixture(scope="module")
def language_run(corpus, tmp_path_factory):
    """A run folder of stage lm with a tiny base."""
    folder = tmp_path_factory.mktemp("lm")
    tokenizer = build_tokenizer(corpus, 300)
    sizes = {"width": 32, "layers": 1, "heads": 2, "key_value_heads": 1, "feedforward": 48}
    torch.manual_seed(0)
    model = LanguageModel(LanguageModelConfig(vocabulary=len(tokenizer), **sizes))
    save_base(folder, model.config, tokenizer)
    (folder / "best").mkdir()
    save_weights(model, folder / "best" / "model.safetensors")
    return folder


@pytest.fixture
def options(language_run, tmp_path):
    def options(*flags):
        common = ["--data", "D", "--out", str(tmp_path / "run"), "--language-run", str(language_run)]
        return parse(["--stage", "sft", *common, "--encoder", "efficientnet", *flags])

    return options


def studies(corpus, tokenizer):
    grids = [np.random.default_rng(k).normal(size=(12, 1280, 2, 2)).astype(np.float16) for k in range(2)]
    rates = np.broadcast_to(np.eye(4), (14, 4, 4))
    conditions = StateConditions(corpus.states, corpus.states, rates, 0.0, 1)
    return [ReportStudies(corpus, grids, split, tokenizer, conditions) for split in ("train", "val")]


def test_each_stage_has_its_own_defaults():
    def settings(stage, *flags):
        found = parse(["--stage", stage, "--data", "D", "--out", "O", *flags])
        return found.epochs, found.batch_size, found.learning_rate

    assert settings("distill") != settings("lm") != settings("sft")
    assert settings("lm", "--epochs", "3", "--learning-rate", "0.5")[::2] == (3, 0.5)


def test_ircp_is_eq_2_as_printed_unless_told():
    found = parse(["--stage", "ircp", "--data", "D", "--out", "O", "--distill-weight", "0"])
    objective = encoder_objective(found)
    assert (objective.ircp, objective.distill, objective.ircp_level) == (1.0, 0.0, "image")
    assert (objective.similarity, objective.noise, objective.temperature) == ("euclidean", 0.1, 0.5)
    other = encoder_objective(parse(["--stage", "distill", "--data", "D", "--out", "O"]))
    assert (other.ircp, other.distill) == (0.0, 1.0)


def test_each_part_is_a_flag(options, language_run):
    base = LanguageModelConfig()
    prompts = PromptTokens((1, 2), (((3,),) * 4,) * 14)

    def config(*flags):
        return build_config(options(*flags), base, prompts)

    usual = config()
    assert (usual.use_labels, usual.use_transport, usual.transport.epsilon) == (True, True, 0.1)
    assert not config("--no-labels").use_labels
    assert not config("--no-labels").use_transport
    assert config("--no-transport").use_labels
    assert not config("--no-transport").use_transport
    changed = config("--epsilon", "0.01", "--iterations", "7", "--raw-cost").transport
    assert (changed.epsilon, changed.iterations, changed.unit) == (0.01, 7, False)
    assert config("--features", "barycentric").transport.gradient == "autodiff"
    assert config("--lora-targets", "qv").language_model.lora_targets == ("q_proj", "v_proj")


def test_the_model_has_the_base_and_only_projections_and_adapters_learn(options, language_run):
    model, tokenizer = build_model(options())
    base = LanguageModel(dataclasses.replace(model.config.language_model, lora_rank=0))
    load_weights(base, language_run / "best" / "model.safetensors")
    assert model.language_model.fingerprint() == base.fingerprint()
    learned = {name for name, p in model.named_parameters() if p.requires_grad}
    assert learned == {
        name
        for name, _ in model.named_parameters()
        if ".lora_" in name or name.startswith(("project", "view"))
    }
    instruction = PromptTokens.of(tokenizer).instruction
    assert model.instruction.tolist() == list(instruction)
    free, _ = build_model(options("--train-encoder"))
    assert free.backbone.stem[0].weight.requires_grad


def test_training_lowers_the_loss_and_the_checkpoint_writes_the_same(options, corpus, tmp_path):
    model, tokenizer = build_model(options("--max-tokens", "9", "--beams", "2"))
    train, val = studies(corpus, tokenizer)
    task = ReportTask(model, Objective(Alignment(transport_weight=0.3)), val, tokenizer)
    loop = LoopConfig(epochs=6, batch_size=4, learning_rate=1e-2, precision="no", evaluate_every=6)
    Trainer(task, train, loop, tmp_path / "run").fit()
    rows = (tmp_path / "run" / "log.csv").read_text().splitlines()
    first, *_, last = (dict(zip(rows[0].split(","), row.split(","), strict=True)) for row in rows[1:])
    assert float(last["words"]) < float(first["words"]) - 0.1
    total = float(first["words"]) + 0.3 * float(first["transport"])
    assert float(first["loss"]) == pytest.approx(total, rel=1e-4)
    assert last["score"]
    save(tmp_path / "otdrg", "otdrg", model, {}, half=False)
    reports = decode(model, val, tokenizer, torch.device("cpu"))
    assert decode(load(tmp_path / "otdrg").model, val, tokenizer, torch.device("cpu")) == reports


def test_with_the_encoder_in_the_loop_pixels_give_what_their_grids_give(options, corpus):
    model, _ = build_model(options("--train-encoder"))
    model.eval()
    prep = dataclasses.replace(model.config.preprocessing, size=64)
    picture = PixelVersion(np.random.default_rng(0).integers(255, size=(3, 64, 64), dtype=np.uint8), prep, 0)
    pixels = torch.from_numpy(np.stack([picture[1], picture[2]]))[None]
    mask, states = torch.ones(1, 2, dtype=torch.bool), torch.zeros(1, 14, dtype=torch.long)
    tokens = torch.tensor([[0, 5]])
    direct = model(model.grids(pixels), mask, states, tokens).logits
    torch.testing.assert_close(FromPixels(model)(pixels, mask, states, tokens).logits, direct)
    assert not np.array_equal(PixelVersion(picture.pictures, prep, 2)[1], picture[1])


def test_states_of_a_language_model_replace_the_labelers_where_it_answered(corpus, tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"3": [2] * 14}))
    states = _states(path, corpus)
    np.testing.assert_array_equal(states[3], np.full(14, 2))
    np.testing.assert_array_equal(np.delete(states, 3, 0), np.delete(corpus.states, 3, 0))
    assert _states(None, corpus) is None

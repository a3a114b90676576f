"""Self-critical training pushes towards reports that score better, whichever system writes them."""

import copy
from dataclasses import replace

import pytest
import torch

from radui.models.registry import load, save
from radui.models.xpronet import Memory
from radui.observations import NO_FINDING, OBSERVATION_INDEX
from train import self_critical
from train.data.synthetic import write_synthetic
from train.report_data import Batch
from train.self_critical import SAMPLES, ClinicalReward, Judge, advantages, as_taught, policy_loss, repeated

REPORTS = ["the heart is large .", "no effusion .", "lungs clear .", "the left effusion ."]
LEARNED = {
    "xpronet": ("prototypes.", "decoder.", "output."),
    "medrat": ("decoder.", "output."),
    "otdrg": (".lora_",),
}


@pytest.fixture(params=LEARNED)
def system(request, vocabulary, tokenizer):
    """A tiny model that learns, and its words."""
    model = copy.deepcopy(request.getfixturevalue(request.param))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(any(part in name for part in LEARNED[request.param]))
    return model, tokenizer if request.param == "otdrg" else vocabulary


@pytest.fixture
def batch(system):
    model, words = system
    tokens = torch.zeros(len(REPORTS), 14, dtype=torch.long)
    for row, report in enumerate(REPORTS):
        ids = words.encode(report)
        tokens[row, : len(ids)] = torch.tensor(ids)
    labels = torch.zeros(len(REPORTS), 14, dtype=torch.bool)
    labels[:, OBSERVATION_INDEX[NO_FINDING]] = True
    grids = torch.randn(len(REPORTS), 2, model.backbone.channels, 1, 1)
    return Batch(grids, torch.ones(len(REPORTS), 2, dtype=torch.bool), labels, tokens)


def judge_of(
    words,
    batch,
):
    return Judge(words, [words.words(row) for row in batch.tokens.tolist()], ClinicalReward())


def test_the_reward_rises(system, batch):
    torch.manual_seed(0)
    model, words = system
    judge = judge_of(words, batch)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    rewards = []
    for _ in range(40):
        losses = policy_loss(model, judge, batch)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        rewards.append(float(losses["reward"]))
    assert sum(rewards[-5:]) > 1.5 * sum(rewards[:5])


def test_guidance_and_repeats_are_put_back(system, batch):
    model, words = system
    decoding = replace(model.config.decoding, no_repeat=3)
    guidance = 1.0 if getattr(model.config, "observe", True) else 0.0
    model.config = shipped = replace(model.config, guidance=guidance, decoding=decoding)
    with as_taught(model):
        assert (model.config.guidance, model.config.decoding.no_repeat) == (0.0, 0)
    policy_loss(model, judge_of(words, batch), batch)
    assert model.config == shipped


def test_the_reports_own_words_earn_most(vocabulary):
    batch_tokens = torch.tensor(
        [vocabulary.encode(report)[:9] + [0] * (9 - len(vocabulary.encode(report)[:9])) for report in REPORTS]
    )
    judge = Judge(vocabulary, [vocabulary.words(row) for row in batch_tokens.tolist()], ClinicalReward())
    references = judge.references(batch_tokens)
    own = judge.rewards(batch_tokens.repeat_interleave(SAMPLES, 0), references)
    other = judge.rewards(batch_tokens.roll(1, 0).repeat_interleave(SAMPLES, 0), references)
    assert (own > other).all()


def test_a_sample_is_measured_by_the_others_of_its_study():
    found = advantages(torch.tensor([1.0, 0, 0, 0, 5, 5, 5, 5]))
    assert found[0] > 0 > found[1]
    assert found[1:4].unique().numel() == 1
    assert found[4:].abs().max() == 0


def test_memories_are_repeated_study_by_study_and_what_is_absent_stays_absent():
    inner = Memory(torch.arange(2.0)[:, None, None], torch.ones(2, 1, dtype=torch.bool), None, None, None)
    found = repeated(replace(inner, normal=inner), 3)
    assert found.states.flatten().tolist() == [0, 0, 0, 1, 1, 1]
    assert found.normal.states.flatten().tolist() == [0, 0, 0, 1, 1, 1]
    assert found.visible is None


class TestCommand:
    @pytest.fixture
    def data(self, tmp_path):
        write_synthetic(tmp_path / "drawn", 20)
        return tmp_path / "drawn"

    @pytest.fixture
    def start(self, medrat, vocabulary, tmp_path):
        """A MedRAT that was trained on two halves, as far as its checkpoint says."""
        facts = {"training": {"data": "IU X-Ray, …", "pairing": 0.0, "seed": 3}}
        save(tmp_path / "start" / "checkpoint", "medrat", medrat, facts)
        vocabulary.save(tmp_path / "start" / "checkpoint" / "vocab.json")
        return tmp_path / "start"

    def arguments(self, data, start, trained, out):
        classifier = str(trained / "observation_classifier")
        options = {"--data": data, "--start": start, "--classifier": classifier, "--out": out}
        given = [str(part) for option in options.items() for part in option]
        return [*given, "--epochs", "1", "--batch-size", "2"]

    def test_a_run_leaves_a_checkpoint_that_says_what_was_done(
        self, data, start, trained, monkeypatch, medrat, tmp_path
    ):
        monkeypatch.setattr("train.self_critical_data.PREPROCESSING", medrat.config.preprocessing)
        self_critical.main(self.arguments(data, start, trained, tmp_path / "run"))
        found = load(tmp_path / "run" / "checkpoint")
        assert found.facts["training"]["seed"] == 3
        assert [run["epochs"] for run in found.facts["self_critical"]] == [1]
        assert (tmp_path / "run" / "checkpoint" / "vocab.json").exists()
        assert (tmp_path / "run" / "log.csv").exists()

    def test_another_network_is_refused(self, data, trained, tmp_path):
        (tmp_path / "start").mkdir()
        (tmp_path / "start" / "checkpoint").symlink_to(trained / "observation_classifier")
        with pytest.raises(ValueError, match="no XProNet, MedRAT or OTDRG"):
            self_critical.main(self.arguments(data, tmp_path / "start", trained, tmp_path / "run"))

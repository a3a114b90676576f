"""AdaMatch learns which report belongs to which picture, through the real loop."""

import pytest
import torch

from tests.train.matching_toys import make_corpus, make_model, make_tokens
from train.adamatch import AdaMatchTask, build_config, parse
from train.loop import LoopConfig, Trainer
from train.matching_data import MatchingStudies, PictureSource, collate


@pytest.fixture(scope="module")
def corpus():
    return make_corpus(48)


@pytest.fixture
def task(corpus):
    tokens = make_tokens(corpus)
    model = make_model(tokens)
    source = PictureSource(corpus, model.config.preprocessing)
    train, val = (MatchingStudies(corpus, source, "train", tokens, 0, each) for each in (True, False))
    task = AdaMatchTask(model, val, text_rate=1.0, rate=3e-3, same_text_negatives=False)
    task.train = train
    return task


def test_it_learns_to_match(task, tmp_path):
    config = LoopConfig(8, 8, 3e-3, 0.01, seed=0, precision="no", evaluate_every=8)
    before = task.evaluate(task.model.eval(), torch.device("cpu"))["score"]
    trainer = Trainer(task, task.train, config, tmp_path / "run")
    trainer.fit()
    after = task.evaluate(task.model.eval(), torch.device("cpu"))["score"]
    assert after > 1.5 * before
    assert (tmp_path / "run" / "best" / "model.safetensors").exists()


def test_boxes_move_when_they_learn(task):
    batch = collate([task.train[item] for item in range(8)])
    optimizer = torch.optim.AdamW(task.parameter_groups())
    first = task.loss(task.model, batch)
    first["loss"].backward()
    optimizer.step()
    assert first["moved"] < 1e-6
    assert task.loss(task.model, batch)["moved"] > 1e-6


def test_the_text_encoder_learns_at_its_own_rate(corpus):
    task = AdaMatchTask(
        make_model(make_tokens(corpus)), None, text_rate=0.1, rate=1.0, same_text_negatives=True
    )
    rates = {id(p): group["lr"] for group in task.parameter_groups() for p in group["params"]}
    for name, parameter in task.model.named_parameters():
        assert rates[id(parameter)] == pytest.approx(0.1 if name.startswith("text_encoder.") else 1.0)


def options(*extra):
    return parse(["--data", "x", "--out", "y", *extra])


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), {"adaptive": True, "match_stage": 3}),
        (("--no-adapatch",), {"adaptive": False}),
        (("--match-stage", "2"), {"match_stage": 2}),
        (("--no-backbone",), {"backbone": None}),
    ],
)
def test_each_part_has_its_flag(corpus, flags, expected):
    config, _, weights = build_config(options(*flags), corpus)
    assert {name: getattr(config, name) for name in expected} == expected
    assert weights is None


def test_the_papers_sizes_can_be_asked_for(corpus):
    config = build_config(options("--paper"), corpus)[0]
    assert [stage.grid for stage in config.stages] == [64, 32, 16, 8]

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from train.loop import Progress, load_weights, save_weights

SCRIPT = Path(__file__).with_name("toy_run.py")
ROOT = Path(__file__).parents[2]


def load_toy():
    spec = importlib.util.spec_from_file_location("toy_run", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


toy = load_toy()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, one_thread):
    """A run that nothing interrupts: its folder, log and final weights."""
    out = tmp_path_factory.mktemp("whole")
    trainer = toy.make(out)
    trainer.fit()
    return out, read_log(out), weights(trainer)


@pytest.fixture(autouse=True)
def without_curves(whole, monkeypatch):
    """One drawing of the curves is enough: the whole run's."""
    monkeypatch.setattr("train.loop.plot_curves", lambda log, out: None)


def read_log(out):
    with (out / "log.csv").open() as file:
        return list(csv.DictReader(file))


def weights(trainer):
    return {name: value.clone() for name, value in trainer.task.model.state_dict().items()}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def run(*arguments):
    """Run Python in a group of processes of its own; a group that hangs is ended as a whole."""
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, errors = process.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)
        raise
    return process.returncode, errors


class TestWholeRun:
    def test_learns(self, whole):
        losses = [float(row["loss"]) for row in whole[1]]
        assert losses[-1] < 0.7 * losses[0]

    def test_logs_each_epoch_once_with_means_and_scores(self, whole):
        rows = whole[1]
        assert [row["epoch"] for row in rows] == ["1", "2", "3"]
        for row in rows:
            assert float(row["double"]) == pytest.approx(2 * float(row["loss"]))
            assert float(row["score"]) < 0

    def test_rate_warms_up_and_falls_to_zero(self, whole):
        rates = [float(row["learning_rate"]) for row in whole[1]]
        assert rates[0] > rates[1] > rates[2] == pytest.approx(0, abs=1e-9)

    def test_keeps_the_best_epoch(self, whole, tmp_path):
        out, rows, _ = whole
        task = toy.LineTask(dropout=0.5)
        load_weights(task.model, out / "best" / "model.safetensors")
        score = task.evaluate(task.model.eval(), torch.device("cpu"))["score"]
        assert score == pytest.approx(max(float(row["score"]) for row in rows), rel=1e-4)

    def test_leaves_settings_curves_and_one_state(self, whole):
        out = whole[0]
        assert json.loads((out / "loop.json").read_text())["batch_size"] == toy.BATCH
        assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")
        assert {path.name for path in out.iterdir()} == {
            "best",
            "curves.png",
            "log.csv",
            "loop.json",
            "state",
        }

    def test_the_same_seed_gives_the_same_weights(self, whole, tmp_path):
        trainer = toy.make(tmp_path)
        trainer.fit()
        assert_same(weights(trainer), whole[2])

    def test_another_seed_gives_others(self, whole, tmp_path):
        trainer = toy.make(tmp_path, seed=3)
        trainer.fit()
        assert not torch.equal(weights(trainer)["0.weight"], whole[2]["0.weight"])


class TestResume:
    def test_after_a_kill_in_the_middle_of_an_epoch(self, whole, tmp_path):
        code, errors = run(SCRIPT, tmp_path, "--kill-at", 14)
        assert code == -signal.SIGKILL, errors
        assert [row["epoch"] for row in read_log(tmp_path)] == ["1"]
        trainer = toy.make(tmp_path)
        trainer.fit(resume=True)
        assert trainer.task.steps == 30 - 14
        assert_same(weights(trainer), whole[2])
        assert read_log(tmp_path) == whole[1]
        best = Path("best") / "model.safetensors"
        assert_same(load_file(tmp_path / best), load_file(whole[0] / best))

    def test_after_an_end_while_it_evaluates(self, whole, tmp_path):
        with pytest.raises(InterruptedError):
            toy.make(tmp_path, toy.LineTask(dropout=0.5, fail_at=2)).fit()
        trainer = toy.make(tmp_path)
        trainer.fit(resume=True)
        assert_same(weights(trainer), whole[2])
        assert read_log(tmp_path) == whole[1]

    def test_after_an_end_between_the_log_and_the_state(self, whole, tmp_path, monkeypatch):
        first = toy.make(tmp_path)
        save = first._save_state

        def interrupted():
            if first.progress.epoch == 2:
                raise InterruptedError("stopped before the state was saved")
            save()

        monkeypatch.setattr(first, "_save_state", interrupted)
        with pytest.raises(InterruptedError):
            first.fit()
        assert len(read_log(tmp_path)) == 2
        trainer = toy.make(tmp_path)
        trainer.fit(resume=True)
        assert_same(weights(trainer), whole[2])
        assert read_log(tmp_path) == whole[1]

    @pytest.mark.parametrize("fresh", [True, False])
    def test_after_a_kill_between_the_renames_of_a_save(self, whole, tmp_path, fresh):
        with pytest.raises(InterruptedError):
            toy.make(tmp_path, toy.LineTask(dropout=0.5, fail_at=2)).fit()
        (tmp_path / "state").rename(tmp_path / "state.old")
        if fresh:
            (tmp_path / "state.new").mkdir()
        trainer = toy.make(tmp_path)
        trainer.fit(resume=True)
        assert trainer.task.steps == 10
        assert_same(weights(trainer), whole[2])
        assert read_log(tmp_path) == whole[1]

    def test_a_finished_run_does_nothing_more(self, whole, tmp_path):
        toy.make(tmp_path).fit()
        trainer = toy.make(tmp_path)
        trainer.fit(resume=True)
        assert trainer.task.steps == 0
        assert read_log(tmp_path) == whole[1]

    def test_without_a_state_it_starts(self, whole, tmp_path):
        trainer = toy.make(tmp_path)
        trainer.fit(resume=True)
        assert_same(weights(trainer), whole[2])

    def test_a_fresh_start_forgets_what_an_older_run_left(self, tmp_path):
        for name in ("state", "state.old", "state.new", "best"):
            (tmp_path / name).mkdir(parents=True)
        (tmp_path / "log.csv").write_text("epoch,loss\n1,5\n2,4\n")
        with pytest.raises(InterruptedError):
            toy.make(tmp_path, toy.LineTask(dropout=0.5, fail_at=1), save_minutes=9.0).fit()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["loop.json"]


def test_patience_stops_a_run_that_no_longer_improves(tmp_path, monkeypatch):
    trainer = toy.make(tmp_path, epochs=6, patience=2)
    scores = iter([1.0, 3.0, 2.0, 2.5, 9.0, 9.0])
    monkeypatch.setattr(trainer.task, "evaluate", lambda model, device: {"score": next(scores)})
    trainer.fit()
    assert [float(row["score"]) for row in read_log(tmp_path)] == [1, 3, 2, 2.5]
    assert trainer.progress == Progress(4, 0, 3.0, 1)


def test_evaluates_every_second_epoch_and_the_last(tmp_path):
    trainer = toy.make(tmp_path, evaluate_every=2)
    trainer.fit()
    assert [bool(row["score"]) for row in read_log(tmp_path)] == [False, True, True]


def test_gradients_are_clipped(tmp_path, monkeypatch):
    trainer = toy.make(tmp_path, clip_norm=1e-3)
    norms = []
    step = trainer.optimizer.step

    def watched():
        parameters = trainer.task.model.parameters()
        norms.append(float(torch.stack([p.grad.norm() for p in parameters]).norm()))
        step()

    monkeypatch.setattr(trainer.optimizer, "step", watched)
    trainer.fit()
    assert max(norms) <= 1.001e-3


def test_load_weights_refuses_another_shape(tmp_path):
    save_weights(torch.nn.Linear(2, 3), tmp_path / "w.safetensors")
    with pytest.raises(RuntimeError, match="size mismatch"):
        load_weights(torch.nn.Linear(2, 4), tmp_path / "w.safetensors")


def test_two_processes_do_what_one_does_with_batches_twice_as_large(tmp_path):
    """Both end with the same weights and one log, although their clocks call for a state at other steps."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", 2]
    code, errors = run(*launch, SCRIPT, tmp_path / "two", "--dropout", 0)
    assert code == 0, errors[-3000:]
    first, second = (load_file(tmp_path / "two" / f"rank{rank}.safetensors") for rank in (0, 1))
    assert_same(first, second)
    assert [row["epoch"] for row in read_log(tmp_path / "two")] == ["1", "2", "3"]
    one = toy.make(tmp_path / "one", toy.LineTask(dropout=0.0), batch_size=2 * toy.BATCH)
    one.fit()
    for name, value in weights(one).items():
        torch.testing.assert_close(first[name], value, rtol=1e-4, atol=1e-5)

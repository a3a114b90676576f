"""One system fails, for its checkpoint or for want of memory: it says so by name, and the others answer."""

import json
import shutil
from functools import partial
from threading import Event

import pytest
import torch
from safetensors.torch import load_file, save_file

from radui.__main__ import main
from radui.engine import Engine, EngineError
from radui.models import registry
from radui.models.registry import CheckpointError
from radui.records import Study
from radui.ui.streams import merge


@pytest.fixture(scope="module")
def two(trained, medrat, vocabulary, tmp_path_factory):
    """Checkpoints of XProNet and MedRAT, and what both need."""
    root = tmp_path_factory.mktemp("two") / "all"
    shutil.copytree(trained, root)
    registry.save(root / "medrat", "medrat", medrat, {})
    vocabulary.save(root / "medrat" / "vocab.json")
    return root


@pytest.fixture
def folder(two, tmp_path):
    """A copy of them to spoil."""
    return shutil.copytree(two, tmp_path / "all")


@pytest.fixture(scope="module")
def study(draw):
    return Study((draw(1),))


def everybody(engine, study, systems=("xpronet", "medrat")):
    """The last update of each system, as the page has it."""
    streams = {name: partial(engine.predict, name, study) for name in systems}
    found = {}
    for updates in merge(streams, Event()):
        found.update(updates)
    return found


def config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def unknown_kind(folder):
    config(folder, model="xpronet2")


def newer_format(folder):
    config(folder, format=2)


def unknown_field(folder):
    fields = json.loads((folder / "config.json").read_text())["config"]
    config(folder, config=fields | {"mixture_of_experts": 8})


def missing_field(folder):
    """Without its size the model takes the default, which the weights do not fit."""
    fields = json.loads((folder / "config.json").read_text())["config"]
    del fields["transformer"]
    config(folder, config=fields)


def no_fields(folder):
    document = json.loads((folder / "config.json").read_text())
    del document["config"]
    (folder / "config.json").write_text(json.dumps(document))


def another_shape(folder):
    weights = load_file(folder / "model.safetensors")
    name = next(key for key in weights if weights[key].ndim == 2)
    save_file(weights | {name: torch.zeros(3, 5)}, folder / "model.safetensors")


def a_weight_less(folder):
    weights = load_file(folder / "model.safetensors")
    del weights[next(key for key in weights if weights[key].ndim == 2)]
    save_file(weights, folder / "model.safetensors")


def another_model(folder):
    for file in ("config.json", "model.safetensors"):
        shutil.copy(folder.parent / "gate" / file, folder / file)


@pytest.mark.parametrize(
    "spoil",
    [
        unknown_kind,
        newer_format,
        unknown_field,
        missing_field,
        no_fields,
        another_shape,
        a_weight_less,
        another_model,
    ],
)
def test_a_checkpoint_of_another_version_is_named_and_the_other_system_writes(folder, study, spoil):
    expected = everybody(Engine(folder), study)["medrat"].prediction.report
    spoil(folder / "xpronet")
    engine = Engine(folder)
    engine.warm_up()
    found = everybody(engine, study)
    assert found["xpronet"].problem.startswith("The checkpoint xpronet is ")
    assert found["xpronet"].problem.endswith(".")
    assert found["medrat"].prediction.complete
    assert found["medrat"].prediction.report == expected


@pytest.mark.parametrize("needed", ["gate", "observation_classifier"])
def test_another_model_in_place_of_what_all_need_is_named(folder, study, needed):
    another = folder / ("observation_classifier" if needed == "gate" else "gate")
    for file in ("config.json", "model.safetensors"):
        shutil.copy(another / file, folder / needed / file)
    for update in everybody(Engine(folder), study).values():
        assert update.problem.startswith(f"The checkpoint {needed} is of another model ({another.name});")


OUT_OF_MEMORY = (
    MemoryError(),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
)


def exhausted(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_want_of_memory_while_a_checkpoint_loads_does_not_blame_the_checkpoint(
    two, study, monkeypatch, error
):
    with monkeypatch.context() as patch:
        patch.setattr("radui.models.xpronet.XProNet.__init__", exhausted(error))
        engine = Engine(two)
        engine.warm_up()
        found = everybody(engine, study)
    assert found["xpronet"].problem.startswith("There was not enough memory for this; ")
    assert found["medrat"].prediction.complete
    assert everybody(engine, study)["xpronet"].prediction.complete  # once there is room again


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_want_of_memory_while_a_system_writes_leaves_the_others_alone(two, study, monkeypatch, error):
    engine = Engine(two)
    with monkeypatch.context() as patch:
        patch.setattr(engine._models.system("xpronet"), "begin", exhausted(error))
        found = everybody(engine, study)
        with pytest.raises(EngineError, match="There was not enough memory for XProNet"):
            engine.reports("xpronet", [study])
    assert found["xpronet"].problem.startswith("There was not enough memory for this; ")
    assert found["medrat"].prediction.complete
    assert everybody(engine, study)["xpronet"].prediction.complete


def test_the_batch_command_writes_the_others_lines_and_names_the_one_that_failed(
    folder, tmp_path, pictures_of, capsys
):
    unknown_field(folder / "xpronet")
    out = tmp_path / "reports.jsonl"
    command = ["report", str(pictures_of(3)), "--checkpoints", str(folder), "--out", str(out), "--batch", "2"]
    assert main(command) == 2
    assert "error: The checkpoint xpronet is damaged or does not fit" in capsys.readouterr().err
    assert [json.loads(line)["system"] for line in out.read_text().splitlines()] == ["medrat"] * 3


@pytest.fixture
def pictures_of(draw, tmp_path):
    """pictures_of(count): a folder of so many radiographs."""
    import cv2

    def make(count):
        folder = tmp_path / "pictures"
        folder.mkdir()
        for seed in range(count):
            cv2.imwrite(str(folder / f"{seed}.png"), draw(seed).display)
        return folder

    return make


def test_a_damaged_system_alone_is_still_an_engine_error_in_a_batch(folder, study):
    another_shape(folder / "xpronet")
    with pytest.raises(CheckpointError):
        next(Engine(folder).predict("xpronet", study))
    with pytest.raises(EngineError, match="The checkpoint xpronet is damaged"):
        Engine(folder).reports("xpronet", [study])

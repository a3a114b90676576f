import json
from dataclasses import dataclass, field, replace

import pytest
import torch

from radui.models import registry
from radui.models.gate import Gate, GateConfig
from radui.models.registry import CheckpointError, load
from radui.models.xpronet import XProNet
from radui.nn.backbones import BackboneConfig
from radui.records import Preprocessing

CONFIG = GateConfig(BackboneConfig("efficientnet_lite0"), Preprocessing(size=96, mode="pad", std=0.5), 0.875)


@pytest.fixture(scope="module")
def gate():
    torch.manual_seed(0)
    return Gate(CONFIG).eval()


@pytest.fixture
def folder(tmp_path, gate):
    registry.save(tmp_path / "gate", "gate", gate, {"held_out": {"auc": 0.99}})
    return tmp_path / "gate"


def rewrite(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


class TestRoundTrip:
    def test_weights_come_back_within_half_precision(self, folder, gate):
        found = load(folder)
        assert not found.model.training
        for name, value in gate.state_dict().items():
            back = found.model.state_dict()[name]
            assert back.dtype == value.dtype
            torch.testing.assert_close(back, value, rtol=1e-3, atol=1e-6)

    def test_config_and_facts_come_back_whole(self, folder):
        found = load(folder)
        assert found.model.config == CONFIG
        assert (found.name, found.folder) == ("gate", folder)
        assert found.facts["held_out"] == {"auc": 0.99}

    def test_full_precision_is_exact_and_twice_as_large(self, tmp_path, folder, gate):
        registry.save(tmp_path / "full", "gate", gate, {}, half=False)
        found = load(tmp_path / "full").model.state_dict()
        assert all(torch.equal(found[name], value) for name, value in gate.state_dict().items())
        half, full = ((each / "model.safetensors").stat().st_size for each in (folder, tmp_path / "full"))
        assert 1.8 < full / half < 2

    def test_xpronet_and_classifier(self, trained, xpronet, xpronet_config):
        found = load(trained / "xpronet")
        assert isinstance(found.model, XProNet)
        assert found.model.config == xpronet_config
        matrix = found.model.prototypes.matrix
        torch.testing.assert_close(matrix, xpronet.prototypes.matrix, rtol=1e-3, atol=1e-5)
        classifier = load(trained / "observation_classifier").model
        assert classifier.config.thresholds == (0.6,) * 14

    def test_equal_backbones_have_one_fingerprint(self, trained):
        models = [load(trained / name).model for name in ("xpronet", "observation_classifier", "gate")]
        prints = [registry.backbone_fingerprint(model) for model in models]
        assert prints[0] == prints[1] != prints[2]
        assert len(prints[0]) == 16


class TestRefused:
    def test_missing(self, folder):
        (folder.parent / "half" / "config.json").parent.mkdir()
        (folder.parent / "half" / "config.json").write_text("{}")
        with pytest.raises(CheckpointError, match=r"There is no checkpoint other; .*exist: gate\.$"):
            load(folder.parent / "other")
        with pytest.raises(CheckpointError, match=r"no checkpoint half; .*exist: gate\.$"):
            load(folder.parent / "half")
        with pytest.raises(CheckpointError, match="exist: none"):
            load(folder.parent / "nowhere" / "gate")

    @pytest.mark.parametrize("kept", [0, 7, 5000])
    def test_truncated_weights(self, folder, kept):
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(CheckpointError, match="checkpoint gate is damaged"):
            load(folder)

    def test_folders_in_place_of_files_and_names_too_long(self, tmp_path, folder):
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors").mkdir()
        with pytest.raises(CheckpointError, match="no checkpoint gate"):
            load(folder)
        with pytest.raises(CheckpointError, match="no checkpoint xxx"):
            load(tmp_path / ("x" * 4096))

    @pytest.mark.parametrize("text", ["", '{"format": 1', "\x00", "[" * 100_000])
    def test_unreadable_config(self, folder, text):
        (folder / "config.json").write_text(text)
        with pytest.raises(CheckpointError, match=r"config\.json of the checkpoint gate cannot be read"):
            load(folder)

    @pytest.mark.parametrize(
        "changes",
        [{"format": 2}, {"format": None}, {"model": "unheard_of"}, {"model": ["gate"]}, {"model": None}],
    )
    def test_of_another_version(self, folder, changes):
        rewrite(folder, **changes)
        with pytest.raises(CheckpointError, match="checkpoint gate is of another version"):
            load(folder)

    @pytest.mark.parametrize("text", ["[]", "3", '"gate"', "null"])
    def test_a_config_that_is_no_object(self, folder, text):
        (folder / "config.json").write_text(text)
        with pytest.raises(CheckpointError, match="checkpoint gate is of another version"):
            load(folder)

    @pytest.mark.parametrize(
        "config",
        [
            {"colour": "red"},
            {"backbone": {"name": "efficientnet_lite0", "depth": 4}},
            {"backbone": {"name": "vgg"}},
            {"backbone": {"name": "efficientnet_lite2"}},
            {"backbone": []},
            {"backbone": {"name": 5}},
            {"backbone": {"trainable_from": "x"}},
            {"preprocessing": {"size": 224.5}},
            {"preprocessing": {"size": True}},
            {"preprocessing": {"mode": "stretch"}},
            {"preprocessing": {"std": float("nan")}},
            {"threshold": "0.5"},
            {"threshold": None},
            [],
            None,
        ],
    )
    def test_a_config_that_does_not_fit(self, folder, config):
        rewrite(folder, config=config)
        with pytest.raises(CheckpointError, match="checkpoint gate is damaged or does not fit"):
            load(folder)

    def test_a_missing_package_is_no_damage(self, folder, monkeypatch):
        def build(config):
            raise ModuleNotFoundError("No module named 'peft'", name="peft")

        monkeypatch.setitem(registry.MODELS, "gate", (GateConfig, build))
        with pytest.raises(CheckpointError, match=r"gate needs a package that is missing or broken \(peft\)"):
            load(folder)

    def test_another_models_weights(self, trained, tmp_path):
        (tmp_path / "config.json").write_bytes((trained / "gate" / "config.json").read_bytes())
        weights = (trained / "observation_classifier" / "model.safetensors").read_bytes()
        (tmp_path / "model.safetensors").write_bytes(weights)
        with pytest.raises(CheckpointError, match="damaged or does not fit"):
            load(tmp_path)


@dataclass(frozen=True)
class Inner:
    name: str = ""
    pair: tuple[float, ...] = ()


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    many: tuple[Inner, ...] = ()
    grid: tuple[tuple[int, ...], ...] = ()
    maybe: Inner | None = None
    count: int | None = None


class TestFromJson:
    @pytest.mark.parametrize(
        "record",
        [
            Outer(),
            Outer(Inner("a", (1.0, 2.0)), (Inner("b"), Inner("c", (3.0,))), ((1, 2), (3,)), Inner("d"), 4),
        ],
    )
    def test_nested_records_and_tuples(self, record):
        import dataclasses

        document = json.loads(json.dumps(dataclasses.asdict(record)))
        assert registry.from_json(Outer, document) == record

    def test_what_is_left_out_takes_its_default(self):
        assert registry.from_json(Outer, {"inner": {"name": "a"}}) == replace(Outer(), inner=Inner("a"))

    @pytest.mark.parametrize(
        "document",
        [
            {"count": "4"},
            {"count": 4.0},
            {"count": True},
            {"inner": {"name": 3}},
            {"inner": {"pair": "12"}},
            {"inner": {"pair": [1, None]}},
            {"inner": None},
            {"grid": [[1], 2]},
        ],
    )
    def test_values_of_another_type_are_refused(self, document):
        with pytest.raises(TypeError):
            registry.from_json(Outer, document)

    def test_numbers_that_are_not_finite_are_refused(self):
        with pytest.raises(ValueError, match="not a finite number"):
            registry.from_json(Inner, json.loads('{"pair": [1, NaN]}'))

    def test_whole_numbers_may_stand_for_others(self):
        assert registry.from_json(Inner, {"pair": [1, 2.5]}).pair == (1, 2.5)

    def test_unknown_keys_are_named(self):
        with pytest.raises(TypeError, match="Inner has no colour, size"):
            registry.from_json(Outer, {"inner": {"size": 1, "colour": 2}})


def test_available_names_whole_checkpoints(trained, tmp_path):
    assert registry.available(trained) == ["gate", "observation_classifier", "xpronet"]
    assert registry.available(tmp_path) == []

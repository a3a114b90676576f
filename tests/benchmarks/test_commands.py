"""The benchmarks run on the shipped checkpoints and compare equals; how fast they are is not tested."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import decoding, floor, transport
from radui.models.registry import from_json, read_config
from radui.models.xpronet import XProNetConfig

pytestmark = pytest.mark.skipif(
    not Path("checkpoints/xpronet/model.safetensors").exists(), reason="the shipped checkpoint is absent"
)


def test_decoding_compares_equal_tokens_with_both_rivals(tmp_path, capsys):
    decoding.main(["--rounds", "1", "--studies", "2", "--half", "--json", str(tmp_path / "ratios.json")])
    assert set(json.loads((tmp_path / "ratios.json").read_text())) == {
        "no cache, 2",
        "transformers, no prototypes, 2",
    }
    printed = capsys.readouterr().out
    assert "| 2 | no cache |" in printed
    assert "bf16, 2 studies: " in printed


def test_the_floor_counts_more_bytes_and_work_for_more_studies(tmp_path, capsys):
    floor.main(["--rounds", "1", "--studies", "1", "2", "--json", str(tmp_path / "ratios.json")])
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row[1].strip() for row in rows[2:]] == ["1", "2"]
    assert set(json.loads((tmp_path / "ratios.json").read_text())) == {"floor / step, 1", "floor / step, 2"}
    config = from_json(XProNetConfig, read_config(Path("checkpoints/xpronet"))["config"])
    one, two = (decoding.setting(replace(config, guidance=0.0), studies, True) for studies in (1, 2))
    weights = floor.step_weights(one.model)
    assert 4 * weights < floor.step_bytes(one) < floor.step_bytes(two) < 2 * floor.step_bytes(one)
    assert floor.step_operations(two) == pytest.approx(2 * floor.step_operations(one), rel=0.01)


@pytest.mark.parametrize("size", [(49, 14, 4), (20, 30, 2)])
def test_the_two_solvers_of_the_transport_benchmark_agree(size):
    assert transport.difference(transport.costs(*size)) < transport.TOLERANCE

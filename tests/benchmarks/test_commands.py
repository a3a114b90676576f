"""The benchmarks run on the shipped checkpoints and compare equals; how fast they are is not tested."""

import json
from pathlib import Path

import pytest

from benchmarks import decoding, floor, transport

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
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][2:]
    (one, two) = [[float(cell) for cell in row[1:-1]] for row in rows]
    assert two[1] > one[1], "each study brings keys and values of its own"
    assert two[3] > one[3], "and rows to multiply"
    assert all(0 < share < 1 for share in json.loads((tmp_path / "ratios.json").read_text()).values())


@pytest.mark.parametrize("size", [(49, 14, 4), (20, 30, 2)])
def test_the_two_solvers_of_the_transport_benchmark_agree(size):
    assert transport.difference(transport.costs(*size)) < transport.TOLERANCE

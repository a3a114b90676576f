"""The table of what passes the gate: its kinds of picture and its figures."""

import numpy as np
import pytest
import torch

from radui.models.gate import Gate, GateConfig
from train.gate_pictures import Picture, turned
from train.gate_report import SPOILS, row, shipped_slices


@pytest.fixture
def film():
    return np.arange(64 * 64, dtype=np.uint32).reshape(64, 64).astype(np.uint8)


def test_every_spoil_changes_the_film_and_leaves_a_picture(film):
    for name, change in SPOILS.items():
        made = change(film)
        assert made.dtype == np.uint8, name
        assert made.shape != film.shape or (made != film).any(), name


def test_quarter_turns_are_exact_and_tilts_keep_the_size(film):
    assert (turned(90)(turned(270)(film)) == film).all()
    assert (turned(180)(film) == film[::-1, ::-1]).all()
    assert turned(20)(film).shape == film.shape
    assert turned(45)(film)[0, 0] == 0


@pytest.mark.filterwarnings("ignore")
def test_slices_of_other_modalities_come_once_each():
    slices = [each.pixels for each in shipped_slices()]
    assert len(slices) >= 8
    assert len({each.tobytes() for each in slices}) == len(slices)


@pytest.mark.parametrize(("bias", "passed"), [(50.0, "5 100.0 %"), (-50.0, "0   0.0 %")])
def test_a_row_counts_what_passes_with_its_interval(film, bias, passed):
    torch.manual_seed(0)
    gate = Gate(GateConfig()).eval()
    with torch.no_grad():
        gate.head.bias.copy_(torch.tensor([0.0, bias, bias]))
        gate.head.weight.zero_()
    cells = row(gate, "discs", [Picture(film, "other", "drawn", True)] * 5).split()
    assert cells[:2] == ["discs", "5"]
    assert " ".join(cells[2:]).startswith(" ".join(passed.split()))
    assert cells[-1] == ("(56.6-100.0)" if bias > 0 else "(0.0-43.4)")  # Wilson, n = 5

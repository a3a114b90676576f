import pytest
import torch

from radui.nn.backbones import BackboneConfig, build_backbone
from radui.nn.swin import SWINS


@pytest.fixture(scope="module")
def compact():
    torch.manual_seed(0)
    return build_backbone(BackboneConfig("swin_compact")).eval()


def test_the_compact_swin_gives_the_grid_of_the_other_backbones(compact):
    pixels = torch.randn(2, 1, 224, 224, generator=torch.Generator().manual_seed(1))
    grids = compact(pixels)
    assert grids.shape == (2, compact.channels, 7, 7)
    assert compact.channels == 256
    assert not torch.allclose(grids[0], grids[1], atol=1e-3)


def test_rows_and_columns_keep_their_places(compact):
    """The grid is the library's sequence row by row: cell (row, column) is token 7 * row + column."""
    pixels = torch.randn(1, 1, 224, 224, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(
        compact(pixels)[0, :, 2, 5], compact.body(pixels).last_hidden_state[0, 7 * 2 + 5]
    )


def test_pictures_too_small_for_a_window_are_refused_and_harm_nothing(compact):
    pixels = torch.randn(1, 1, 224, 224, generator=torch.Generator().manual_seed(3))
    before = compact(pixels)
    with pytest.raises(ValueError, match="at least 224 pixels"):
        compact(torch.zeros(1, 1, 64, 64))
    torch.testing.assert_close(compact(pixels), before)


def test_the_papers_swin_has_its_sizes():
    with torch.device("meta"):
        base = build_backbone(BackboneConfig("swin_base"))
    assert base.channels == 1024
    assert 86e6 < sum(p.numel() for p in base.parameters()) < 89e6


def test_grey_pictures_fit_a_model_of_three_colours(monkeypatch):
    from dataclasses import replace

    monkeypatch.setitem(SWINS, "swin_base", replace(SWINS["swin_compact"], colours=3))
    model = build_backbone(BackboneConfig("swin_base")).eval()
    assert model(torch.randn(1, 1, 224, 224)).shape == (1, 256, 7, 7)

import torch

from radui.nn.pvt import PatchEmbedding, Stage, StageConfig, to_map


def test_tokens_and_map_are_the_same_grid_row_by_row():
    tokens = torch.arange(6 * 6 * 2.0).view(1, 36, 2)
    grid = to_map(tokens)
    assert grid.shape == (1, 2, 6, 6)
    torch.testing.assert_close(grid[0, :, 2, 4], tokens[0, 2 * 6 + 4])


def test_a_fixed_patch_sees_its_own_pixels_alone():
    torch.manual_seed(0)
    embedding = PatchEmbedding(4, 16, 6)
    pixels = torch.randn(1, 1, 16, 16)
    changed = pixels.clone()
    changed[0, 0, 4:8, 8:12] += 1  # row 1, column 2
    moved = (embedding(changed) - embedding(pixels)).abs().sum(-1)[0]
    assert moved.nonzero().flatten().tolist() == [1 * 4 + 2]


def test_a_stage_mixes_all_cells_with_and_without_reduction():
    for reduction in (1, 2):
        torch.manual_seed(0)
        stage = Stage(StageConfig(4, 8, depth=2, heads=2, reduction=reduction), 0.0).eval()
        tokens = torch.randn(1, 16, 8)
        changed = tokens.clone()
        changed[0, 3] += torch.randn(8)
        assert ((stage(changed) - stage(tokens)).abs().sum(-1) > 1e-6).all()


def test_cells_know_where_they_are():
    torch.manual_seed(0)
    stage = Stage(StageConfig(4, 8, heads=2), 0.0).eval()
    found = stage(torch.ones(1, 16, 8))[0]
    assert len(found.round(decimals=4).unique(dim=0)) == 16

import pytest
import torch
from torch.nn import functional as F

from radui.nn.adapatch import AdaPatch, AdaPatchConfig, BoxPredictor, place, regular_boxes, sample_boxes


def wild(channels=4, grid=3, config=None, scale=30.0):
    """A predictor with large random weights, so that boxes go as far as they can."""
    torch.manual_seed(1)
    predictor = BoxPredictor(channels, grid, config or AdaPatchConfig())
    torch.nn.init.normal_(predictor.output.weight, std=scale)
    return predictor.requires_grad_(False)


def test_regular_boxes_are_the_cells_row_by_row():
    expected = [[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]]
    torch.testing.assert_close(regular_boxes(2), torch.tensor(expected))


@pytest.mark.parametrize("grid", [1, 3, 7, 14])
def test_boxes_start_as_the_regular_grid(grid):
    boxes = BoxPredictor(4, grid, AdaPatchConfig())(torch.randn(2, 4, 14, 14))
    torch.testing.assert_close(boxes, regular_boxes(grid).expand(2, -1, -1), atol=1e-6, rtol=0)


def test_equations_1_to_4_by_hand():
    """One cell of a 1 x 1 grid with offsets tanh(a), sizes 3 relu(tanh(b)), shift 1 and extent 3."""
    predictor = BoxPredictor(2, 1, AdaPatchConfig(extent=3.0))
    with torch.no_grad():
        predictor.output.bias.copy_(torch.tensor([0.1, -0.2, 0.05, 0.02]))
    dx, dy, width, height = torch.tanh(torch.tensor([0.1, -0.2, 0.05, 0.02])).tolist()
    width, height = 3 * width, 3 * height
    expected = [0.5 + dx - width / 2, 0.5 + dy - height / 2, 0.5 + dx + width / 2, 0.5 + dy + height / 2]
    expected[3] = 0.5 + dy + max(height, 0.1) / 2
    expected[1] = 0.5 + dy - max(height, 0.1) / 2
    found = predictor(torch.randn(1, 2, 4, 4))[0, 0]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_boxes_stay_inside_the_picture_and_are_never_empty():
    for grid in (2, 7):
        boxes = wild(grid=grid)(torch.randn(8, 4, 14, 14))
        assert boxes.min() >= 0
        assert boxes.max() <= 1
        assert (boxes[..., 2:] > boxes[..., :2]).all()
        assert (boxes - regular_boxes(grid)).abs().amax() > 0.2


def test_a_box_is_cut_at_the_border():
    found = place(torch.tensor([[0.0, 1.2]]), torch.tensor([[0.4, 0.2]]))
    torch.testing.assert_close(found, torch.tensor([[0.0, 0.9, 0.2, 1.0]]))


def test_samples_are_bilinear_and_in_rows():
    """A map whose value is x + 10 y of its cell's index; inside, interpolation of that is exact."""
    columns, rows = torch.arange(8.0), torch.arange(6.0)
    x = (columns + 10 * rows[:, None])[None, None]
    boxes = torch.tensor([[[0.25, 0.25, 0.75, 0.75]]])
    found = sample_boxes(x, boxes, 2)[0, 0]
    places = [(u * 8 - 0.5) + 10 * (v * 6 - 0.5) for v in (0.375, 0.625) for u in (0.375, 0.625)]
    torch.testing.assert_close(found, torch.tensor(places))


def test_channels_of_a_point_stay_together():
    x = torch.stack([torch.zeros(4, 4), torch.ones(4, 4), torch.full((4, 4), 2.0)])[None]
    found = sample_boxes(x, regular_boxes(2)[None], 2)
    torch.testing.assert_close(found, torch.tensor([0.0, 1.0, 2.0]).repeat(4).expand(1, 4, 12))


def test_it_starts_as_the_patch_embedding_of_a_pyramid():
    """Two points a side on a map twice as fine read the very cells that a 2 x 2 convolution reads."""
    torch.manual_seed(0)
    module = AdaPatch(5, 6, 3, AdaPatchConfig(points=2))
    x = torch.randn(2, 5, 6, 6)
    kernel = module.embedding.weight.view(6, 2, 2, 5).permute(0, 3, 1, 2)
    convolved = F.conv2d(x, kernel, module.embedding.bias, stride=2).flatten(2).transpose(1, 2)
    found, _ = module(x)
    torch.testing.assert_close(found, module.norm(convolved), atol=1e-5, rtol=1e-4)


def test_without_adapatch_the_grid_never_moves():
    module = AdaPatch(4, 6, 3, AdaPatchConfig(), adaptive=False)
    boxes = module(torch.randn(2, 4, 6, 6))[1]
    torch.testing.assert_close(boxes, regular_boxes(3).expand(2, -1, -1))
    assert not [name for name, _ in module.named_parameters() if "predictor" in name]


def test_places_learn():
    torch.manual_seed(0)
    module = AdaPatch(4, 6, 3, AdaPatchConfig())
    module(torch.randn(2, 4, 6, 6))[0].square().mean().backward()
    gradient = module.predictor.output.bias.grad
    assert (gradient.abs() > 0).all()


def test_boxes_are_exact_under_autocast():
    module = AdaPatch(4, 6, 14, AdaPatchConfig())
    with torch.autocast("cpu", torch.bfloat16):
        boxes = module(torch.randn(1, 4, 14, 14))[1]
    torch.testing.assert_close(boxes[0], regular_boxes(14), atol=1e-6, rtol=0)


@pytest.mark.parametrize("bad", [{"points": 0}, {"extent": 1.0}, {"smallest": 0.0}])
def test_impossible_settings_are_refused(bad):
    with pytest.raises(ValueError, match="AdaPatch needs"):
        AdaPatchConfig(**bad)

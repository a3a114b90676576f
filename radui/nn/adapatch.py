"""Adaptive patch extraction (AdaMatch 3.1, eq. 1-4): each cell of a grid finds its own box to read.

Boxes are (x0, y0, x1, y1) as shares of the picture's sides, in [0, 1], y down.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class AdaPatchConfig:
    """How far a box may go from its cell; the paper gives none of these numbers.

    points: m, samples along a side of a box; with 2 a cell twice as coarse as the map starts as PVT's own
    patch embedding; deformable patch embeddings take 3.
    shift: largest move of the centre, in cells. extent: largest side, in cells; 3 of 14 cells are a fifth
    of a picture. smallest: least side, in cells, so that a box can always be drawn.
    """

    points: int = 2
    shift: float = 1.0
    extent: float = 3.0
    smallest: float = 0.1

    def __post_init__(self) -> None:
        if self.points < 1 or not 0 < self.smallest < 1 < self.extent:
            raise ValueError("AdaPatch needs points >= 1 and 0 < smallest < 1 < extent.")


class AdaPatch(nn.Module):
    """A map to the patches of a coarser (or equal) grid: (B, C, h, w) -> (B, P, outputs), boxes (B, P, 4).

    adaptive False keeps the regular grid (Table 5, "without AdaPatch"). With zero weights, as it starts,
    an adaptive one gives the same patches.
    """

    anchors: Tensor

    def __init__(
        self, channels: int, outputs: int, grid: int, config: AdaPatchConfig, adaptive: bool = True
    ) -> None:
        super().__init__()
        self.grid, self.config = grid, config
        self.predictor = BoxPredictor(channels, grid, config) if adaptive else None
        self.embedding = nn.Linear(config.points**2 * channels, outputs)  # f5
        self.norm = nn.LayerNorm(outputs)
        self.register_buffer("anchors", regular_boxes(grid), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # Boxes and samples in float32: in bf16 a place on the picture is known to one part in 256 only.
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            boxes = self.anchors.expand(len(x), -1, -1) if self.predictor is None else self.predictor(x)
            points = sample_boxes(x, boxes, self.config.points)
        return self.norm(self.embedding(points)), boxes


class BoxPredictor(nn.Module):
    """Offsets and sizes of each cell's box (eq. 1-2), placed and kept inside the picture (eq. 3-4)."""

    centres: Tensor

    def __init__(self, channels: int, grid: int, config: AdaPatchConfig) -> None:
        super().__init__()
        self.grid, self.config = grid, config
        self.hidden = nn.Linear(channels, channels)
        # f1 to f4 in one layer of four outputs, which is the same.
        self.output = nn.Linear(channels, 4)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        # relu(tanh(0)) would start every size at nothing and without gradient: the bias opens one cell.
        self.output.bias.data[2:] = torch.atanh(torch.tensor(1 / config.extent))
        self.register_buffer("centres", _centres(grid), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        cells = F.adaptive_avg_pool2d(x, self.grid).flatten(2).transpose(1, 2)
        values = torch.tanh(self.output(F.gelu(self.hidden(cells))))
        offsets = values[..., :2] * self.config.shift / self.grid
        sizes = F.relu(values[..., 2:]) * self.config.extent
        return place(self.centres + offsets, sizes.clamp_min(self.config.smallest) / self.grid)


def place(centres: Tensor, sizes: Tensor) -> Tensor:
    """Boxes (..., 4) about centres (..., 2) with sides (..., 2), cut at the picture's border (eq. 3-4).

    A centre that left the picture is brought back to the border, so that no box is empty.
    """
    centres = centres.clamp(0, 1)
    return torch.cat([(centres - sizes / 2).clamp_min(0), (centres + sizes / 2).clamp_max(1)], -1)


def regular_boxes(grid: int) -> Tensor:
    """(grid * grid, 4) boxes of the fixed cells, row by row."""
    return place(_centres(grid), torch.full((grid * grid, 2), 1 / grid))


def _centres(grid: int) -> Tensor:
    ticks = (torch.arange(grid) + 0.5) / grid
    rows, columns = torch.meshgrid(ticks, ticks, indexing="ij")
    return torch.stack([columns, rows], -1).flatten(0, 1)


def sample_boxes(x: Tensor, boxes: Tensor, points: int) -> Tensor:
    """Bilinear samples at points x points places spread evenly in each box.

    x: (B, C, h, w); boxes: (B, P, 4). Returns (B, P, points * points * C), rows of points first.
    """
    steps = (torch.arange(points, device=x.device) + 0.5) / points
    corner, size = boxes[..., :2], boxes[..., 2:] - boxes[..., :2]
    places = corner[:, :, None] + size[:, :, None] * steps[:, None]  # (B, P, points, 2)
    across = places[..., 0][:, :, None, :].expand(-1, -1, points, -1)
    down = places[..., 1][:, :, :, None].expand(-1, -1, -1, points)
    lattice = 2 * torch.stack([across, down], -1).flatten(2, 3) - 1
    found = F.grid_sample(x, lattice, mode="bilinear", padding_mode="border", align_corners=False)
    return found.permute(0, 2, 3, 1).flatten(2)

"""A pre-trained convolutional backbone read at two scales, as the first stage of an image encoder."""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from radui.nn.backbones import EfficientNetLite, InvertedResidual


class LowerBlocks(nn.Module):
    """EfficientNet-Lite up to its last halving: (B, 1, S, S) -> (B, C, S/16, S/16).

    It shares its weights with the backbone that it is taken from.
    """

    def __init__(self, backbone: EfficientNetLite) -> None:
        super().__init__()
        self.stem = backbone.stem
        self.blocks = backbone.blocks[: last_halving(backbone)]
        last = self.blocks[-1]
        assert isinstance(last, InvertedResidual)
        self.channels = last.outputs

    def forward(self, pixels: Tensor) -> Tensor:
        x = F.relu6(self.stem(pixels))
        for block in self.blocks:
            x = block(x)
        return x


def last_halving(backbone: EfficientNetLite) -> int:
    """Index of the last block that halves the map."""
    blocks = cast(list[InvertedResidual], list(backbone.blocks))
    convolutions = (cast(nn.Conv2d, block.depthwise[0]) for block in blocks)
    return max(index for index, each in enumerate(convolutions) if each.stride[0] == 2)


def two_scales(backbone: EfficientNetLite, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Maps at a sixteenth and a thirty-second of the side: (B, C1, h, w) and (B, C2, h/2, w/2)."""
    fine = LowerBlocks(backbone)(pixels)
    x = fine
    for block in backbone.blocks[last_halving(backbone) :]:
        x = block(x)
    return fine, F.relu6(backbone.head(x))


class ScaleFusion(nn.Module):
    """Two maps to one of `width` channels at the finer scale: each normalised and projected, then added."""

    def __init__(self, fine: int, coarse: int, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(fine), nn.LayerNorm(coarse)])
        self.projections = nn.ModuleList([nn.Linear(fine, width), nn.Linear(coarse, width)])

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        low, high = (
            project(norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
            for x, norm, project in zip((fine, coarse), self.norms, self.projections, strict=True)
        )
        spread = F.interpolate(high.float(), low.shape[-2:], mode="bilinear", align_corners=False)
        return low + spread.to(low.dtype)

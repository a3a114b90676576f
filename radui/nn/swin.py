"""Swin Transformer as a backbone: grey pictures in, a grid of patch features out (OTDRG eq. 1)."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class SwinSizes:
    """Patch side in pixels, width of the first stage, blocks and heads of each stage, colour channels."""

    patch: int
    width: int
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    colours: int = 1


SWINS: dict[str, SwinSizes] = {
    # The paper's encoder: three colour channels, so that published weights fit.
    "swin_base": SwinSizes(4, 128, (2, 2, 18, 2), (4, 8, 16, 32), colours=3),
    # For CPUs: three stages on patches of 8 end on the same 7 x 7 grid for a fraction of the work.
    "swin_compact": SwinSizes(8, 64, (2, 2, 4), (2, 4, 8)),
}


class SwinBackbone(nn.Module):
    """transformers' Swin on one grey channel: (batch, 1, S, S) -> (batch, C, S/32, S/32).

    ValueError for pictures under 224 pixels a side: the last grid must hold one window of 7 x 7 cells, or
    the library changes the windows of the layers for good.
    """

    stride = 32
    window = 7

    def __init__(self, name: str) -> None:
        super().__init__()
        from transformers import SwinConfig, SwinModel

        sizes = SWINS[name]
        settings: dict[str, Any] = {
            "patch_size": sizes.patch,
            "embed_dim": sizes.width,
            "depths": list(sizes.depths),
            "num_heads": list(sizes.heads),
            "num_channels": sizes.colours,
        }
        config = SwinConfig(image_size=224, window_size=self.window, **settings)
        self.body = SwinModel(config, add_pooling_layer=False)
        self.colours = sizes.colours
        self.channels = sizes.width * 2 ** (len(sizes.depths) - 1)

    def forward(self, pixels: Tensor) -> Tensor:
        if min(pixels.shape[-2:]) < self.window * self.stride:
            raise ValueError(
                f"Swin needs pictures of at least {self.window * self.stride} pixels a side; "
                "enlarge the preprocessing's size."
            )
        states = self.body(pixels.expand(-1, self.colours, -1, -1)).last_hidden_state
        rows = -(-pixels.shape[-2] // self.stride)
        return states.transpose(1, 2).unflatten(2, (rows, -1))

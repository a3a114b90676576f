"""How alike two pictures look to a trained backbone, in place of LPIPS, whose VGG weights are a download."""

import torch
from torch import Tensor
from torch.nn import functional as F

from radui.nn.backbones import EfficientNetLite
from radui.records import Preprocessing

BLOCKS = (0, 2, 4)  # after these blocks the grid has 1/2, 1/4 and 1/8 of the pixels a side


class PerceptualDistance:
    """Mean squared distance of unit feature vectors at three depths, averaged; 0 for equal pictures.

    It sees one window of `window` pixels a side, anywhere and the same for a whole batch: a third of the
    time of the whole picture, at the scale at which the backbone learned. window 0: the whole picture.
    """

    def __init__(self, backbone: EfficientNetLite, preprocessing: Preprocessing, window: int = 128) -> None:
        self.backbone = backbone.eval().requires_grad_(False)
        self.mean, self.std, self.window = preprocessing.mean, preprocessing.std, window

    def __call__(self, drawn: Tensor, real: Tensor) -> Tensor:
        """Two (B, 1, S, S) tensors of pixels in [0, 1] -> scalar; gradients reach `drawn`."""
        drawn, real = random_window(self.window, drawn, real)
        # Depth-wise gradients are slower in bf16 than in float32 on CPUs (see train.backbone).
        with torch.autocast(drawn.device.type, enabled=False):
            with torch.no_grad():
                wanted = self._features(real.float())
            found = self._features(drawn.float())
            layers = zip(found, wanted, strict=True)
            return torch.stack([(a - b).square().sum(1).mean() for a, b in layers]).mean()

    def _features(self, pixels: Tensor) -> list[Tensor]:
        self.backbone.to(pixels.device)
        x = (pixels - self.mean) / self.std
        x = F.relu6(self.backbone.stem(x.contiguous(memory_format=torch.channels_last)))
        features = []
        for index, block in enumerate(self.backbone.blocks[: BLOCKS[-1] + 1]):
            x = block(x)
            if index in BLOCKS:
                features.append(F.normalize(x, dim=1))
        return features


def random_window(window: int, *pictures: Tensor) -> tuple[Tensor, ...]:
    """The same random square of `window` pixels a side out of each (B, 1, S, S); 0: all of it."""
    size = pictures[0].shape[-1]
    if not 0 < window < size:
        return pictures
    top, left = torch.randint(size - window + 1, (2,)).tolist()
    return tuple(each[..., top : top + window, left : left + window] for each in pictures)

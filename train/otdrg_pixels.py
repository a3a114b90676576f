"""OTDRG with the encoder in the loop (`train.otdrg --train-encoder`): pixels in place of cached grids."""

from dataclasses import dataclass

from torch import Tensor, nn

from radui.models.otdrg import OTDRG, Memory, Output
from radui.nn.decoding import Stepper
from radui.records import ByteArray, FloatArray, Preprocessing
from train.pictures import Augmentation, augment, generator, plain


class FromPixels(nn.Module):
    """OTDRG with the encoder in the loop: pixels where the others take cached grids."""

    def __init__(self, model: OTDRG) -> None:
        super().__init__()
        self.model, self.config = model, model.config

    def encode(self, pixels: Tensor, mask: Tensor, labels: Tensor) -> Memory:
        """As OTDRG.encode."""
        return self.model.encode(self.model.grids(pixels), mask, labels)

    def forward(self, pixels: Tensor, mask: Tensor, labels: Tensor, tokens: Tensor) -> Output:
        """As OTDRG.forward."""
        return self.model(self.model.grids(pixels), mask, labels, tokens)

    def stepper(self, memory: Memory, beams: int, traces: bool = False) -> Stepper:
        """As OTDRG.stepper."""
        return self.model.stepper(memory, beams, traces)


@dataclass(frozen=True)
class PixelVersion:
    """Pictures of one version where others keep cached grids: version[row] is (1, S, S) float32."""

    pictures: ByteArray
    preprocessing: Preprocessing
    version: int

    def __getitem__(self, row: int) -> FloatArray:
        picture = self.pictures[row]
        if self.version == 0:
            return plain(picture, self.preprocessing)[None]
        return augment(picture, self.preprocessing, generator(0, self.version, row), Augmentation())[None]

"""Is this an upright chest radiograph, and is it frontal or lateral? Asked before any report is written."""

from dataclasses import dataclass, field

from torch import Tensor, nn

from radui.nn.backbones import BackboneConfig, build_backbone
from radui.records import Preprocessing

CLASSES = ("other", "frontal", "lateral")


@dataclass(frozen=True)
class GateConfig:
    """threshold: P(frontal) + P(lateral) from which a picture passes.

    hidden: units between the features and the classes; 0: one linear layer.
    """

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    threshold: float = 0.5
    hidden: int = 0


class Gate(nn.Module):
    """General image features and a small head: (B, 1, S, S) -> (B, 3) logits, in order of CLASSES.

    The backbone keeps its ImageNet weights: features tuned on chest radiographs alone forget what
    other pictures look like.
    """

    def __init__(self, config: GateConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = build_backbone(config.backbone)
        self.head = _head(self.backbone.channels, config.hidden)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.backbone(pixels).mean((-2, -1)))


def _head(features: int, hidden: int) -> nn.Module:
    if not hidden:
        return nn.Linear(features, len(CLASSES))
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, len(CLASSES)))

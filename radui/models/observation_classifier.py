"""Image(s) -> 14 observations x 4 states (OTDRG 3.4): the labels that condition the generators.

The last column is calibrated: one temperature an observation, fitted on val, is part of the weights.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from radui.nn.backbones import BackboneConfig, build_backbone
from radui.observations import OBSERVATIONS, State
from radui.records import Preprocessing


@dataclass(frozen=True)
class ObservationClassifierConfig:
    """Everything that a checkpoint needs to be rebuilt.

    thresholds: P(positive or uncertain) from which an observation counts as present, by observation,
    chosen on val for F1; part of the checkpoint like the weights.
    """

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    dropout: float = 0.3
    thresholds: tuple[float, ...] = (0.5,) * len(OBSERVATIONS)


def pool_views(grids: Tensor, view_mask: Tensor) -> Tensor:
    """Mean over cells and over the views that exist: (B, V, C, h, w), (B, V) bool -> (B, C)."""
    weights = view_mask.to(grids.dtype)
    pooled = grids.mean((-2, -1)) * weights[..., None]
    return pooled.sum(1) / weights.sum(1, keepdim=True)


def encode_views(backbone: nn.Module, pixels: Tensor) -> Tensor:
    """(B, V, 1, S, S) -> (B, V, C, h, w): the backbone on each view."""
    batch, views = pixels.shape[:2]
    grids = backbone(pixels.flatten(0, 1).contiguous(memory_format=torch.channels_last))
    return grids.unflatten(0, (batch, views))


class ObservationClassifier(nn.Module):
    """Backbone on each view, mean over views, one linear layer to 14 x 4 logits."""

    temperatures: Tensor

    def __init__(self, config: ObservationClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = build_backbone(config.backbone)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(self.backbone.channels, len(OBSERVATIONS) * len(State))
        self.register_buffer("temperatures", torch.ones(len(OBSERVATIONS)))

    def grids(self, pixels: Tensor) -> Tensor:
        """Patch features, (B, V, 1, S, S) -> (B, V, C, h, w); other systems share them."""
        return encode_views(self.backbone, pixels)

    def classify(self, pooled: Tensor) -> Tensor:
        """(B, C) pooled features -> (B, 14, 4) uncalibrated logits."""
        return self.head(self.dropout(pooled)).unflatten(-1, (len(OBSERVATIONS), len(State)))

    def forward(self, pixels: Tensor, view_mask: Tensor) -> Tensor:
        return self.classify(pool_views(self.grids(pixels), view_mask))

    def probabilities(self, logits: Tensor) -> Tensor:
        """(B, 14, 4) logits -> calibrated probabilities, each observation's four sum to 1."""
        return (logits.float() / self.temperatures[:, None]).softmax(-1)


def present(probabilities: Tensor) -> Tensor:
    """P(positive or uncertain): (B, 14, 4) -> (B, 14)."""
    return probabilities[..., State.POSITIVE] + probabilities[..., State.UNCERTAIN]


def condition_labels(probabilities: Tensor, thresholds: Tensor) -> Tensor:
    """Multi-hot labels that condition a generator: (B, 14, 4) -> (B, 14) bool, never an empty row.

    "No Finding" is what is left when no other observation but support devices passes, so that the two
    never contradict each other; XProNet's query needs at least one visible label.
    """
    labels = present(probabilities) >= thresholds
    no_finding, devices = OBSERVATIONS.index("No Finding"), OBSERVATIONS.index("Support Devices")
    others = labels.clone()
    others[..., no_finding] = False
    others[..., devices] = False
    labels[..., no_finding] = ~others.any(-1)
    return labels


def condition_states(probabilities: Tensor, labels: Tensor) -> Tensor:
    """The state of each observation once it is decided which are present (OTDRG 3.4): (B, 14) int64.

    probabilities: (B, 14, 4); labels: (B, 14) bool, from `condition_labels` or ticked by hand. The likelier
    of positive and uncertain where present, of unmentioned and negative elsewhere. The paper takes the
    likeliest of all four; then a rare observation would never be present.
    """
    present_states = torch.zeros_like(probabilities, dtype=torch.bool)
    present_states[..., [State.POSITIVE, State.UNCERTAIN]] = True
    return probabilities.masked_fill(present_states != labels[..., None], -1.0).argmax(-1)

"""AdaMatch (Chen et al. 2024, section 3.1): adaptive patches of a radiograph matched to words of a report."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radui.nn.adapatch import AdaPatch, AdaPatchConfig
from radui.nn.alignment import Similarities, align
from radui.nn.backbones import BackboneConfig, EfficientNetLite, build_backbone
from radui.nn.pvt import PatchEmbedding, Stage, StageConfig, to_map
from radui.nn.pyramid import LowerBlocks, ScaleFusion, two_scales
from radui.nn.text_encoder import CLINICAL_BERT, TextConfig, TextEncoder
from radui.records import Preprocessing


@dataclass(frozen=True)
class AdaMatchConfig:
    """Architecture and preprocessing of a checkpoint.

    backbone: a frozen, pre-trained EfficientNet-Lite in place of stage 1, None for the paper's patch
    embedding and transformer. The paper starts from a PVT that was trained to classify diseases on a large
    set; with two thousand studies a backbone trained so is what can be had (deviation).
    stages: stage 1 and those after it. adaptive: AdaPatch in stages 2 to 4 (Table 5). match_stage: 2, 3
    or 4, whose embeddings are matched (Table 6); later stages are not built.
    width: d, of the shared space; temperature: tau at the start of training, learned from there. The
    paper prints neither; 128 is enough for two thousand reports, and 0.07 is customary.
    """

    backbone: BackboneConfig | None = field(default_factory=BackboneConfig)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    stages: tuple[StageConfig, ...] = (
        StageConfig(14, 96),
        StageConfig(14, 96, reduction=2, expansion=2),
        StageConfig(7, 192),
        StageConfig(4, 256),
    )
    adapatch: AdaPatchConfig = field(default_factory=AdaPatchConfig)
    adaptive: bool = True
    match_stage: int = 3
    width: int = 128
    text: TextConfig = field(default_factory=TextConfig)
    temperature: float = 0.07
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if not 2 <= self.match_stage <= len(self.stages):
            raise ValueError(f"match_stage must be between 2 and {len(self.stages)}.")


PAPER = AdaMatchConfig(
    backbone=None,
    preprocessing=Preprocessing(size=256),
    stages=(
        StageConfig(64, 64, depth=3, heads=1, reduction=8, expansion=8),
        StageConfig(32, 128, depth=4, heads=2, reduction=4, expansion=8),
        StageConfig(16, 320, depth=18, heads=5, reduction=2),
        StageConfig(8, 512, depth=3, heads=8),
    ),
    adapatch=AdaPatchConfig(points=3),
    width=256,
    text=CLINICAL_BERT,
)
"""PVT-medium at 256 pixels with AdaPatch, BioClinicalBERT, stage 3 matched (section 4.1, Table 6)."""


@dataclass(frozen=True)
class ImagePatches:
    """Adaptive patches. With several views their patches stand one view after the other.

    features: (B, P, d) of unit length. boxes, anchors: (B, P, 4), the adaptive patch and the fixed cell
    that it started from, (x0, y0, x1, y1) as shares of the model's picture. mask: (B, P) bool, False
    where a view is missing.
    """

    features: Tensor
    boxes: Tensor
    anchors: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Matching:
    """Training output: similarities (B, B), the patches they come from, and 1 / tau, a scalar."""

    similarities: Similarities
    patches: ImagePatches
    scale: Tensor


class AdaMatch(nn.Module):
    """Radiographs and reports in one space, patch by patch and word by word."""

    def __init__(self, config: AdaMatchConfig) -> None:
        super().__init__()
        self.config = config
        first, *later = config.stages[: config.match_stage]
        if config.backbone is not None:
            self.backbone = cast(EfficientNetLite, build_backbone(config.backbone))
            fine = LowerBlocks(self.backbone).channels
            self.fusion = ScaleFusion(fine, self.backbone.channels, first.width)
            self.backbone.requires_grad_(False)
        else:
            self.embedding = PatchEmbedding(first.grid, config.preprocessing.size, first.width)
            self.first_stage = Stage(first, config.dropout)
        widths = [stage.width for stage in config.stages]
        self.adapatches = nn.ModuleList(
            AdaPatch(widths[i], stage.width, stage.grid, config.adapatch, config.adaptive)
            for i, stage in enumerate(later)
        )
        self.stages = nn.ModuleList(Stage(stage, config.dropout) for stage in later)
        self.project_image = nn.Linear(widths[config.match_stage - 1], config.width)
        self.text_encoder = TextEncoder(config.text)
        self.project_text = nn.Linear(config.text.width, config.width)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(config.temperature)))

    def train(self, mode: bool = True) -> "AdaMatch":
        """Training mode; a pre-trained backbone stays as it is, batch statistics included."""
        super().train(mode)
        if self.config.backbone is not None:
            self.backbone.eval()
        return self

    def features(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """What the learning part reads of (B, 1, S, S): the backbone's two maps, or the pixels themselves."""
        if self.config.backbone is None:
            return (pixels,)
        with torch.no_grad():
            return two_scales(self.backbone, pixels.contiguous(memory_format=torch.channels_last))

    def patches(self, features: Sequence[Tensor]) -> ImagePatches:
        """Adaptive patches of one view each, from what `features` gave."""
        if self.config.backbone is None:
            x = to_map(self.first_stage(self.embedding(*features)))
        else:
            x = self.fusion(*features)
        boxes = anchors = x.new_zeros(0)
        for adapatch, stage in zip(self._adapatches(), self.stages, strict=True):
            tokens, boxes = adapatch(x)
            anchors = adapatch.anchors.expand_as(boxes)
            tokens = stage(tokens)
            x = to_map(tokens)
        embedded = F.normalize(self.project_image(tokens).float(), dim=-1)
        mask = torch.ones(boxes.shape[:2], dtype=torch.bool, device=boxes.device)
        return ImagePatches(embedded, boxes, anchors, mask)

    def _adapatches(self) -> list[AdaPatch]:
        return cast(list[AdaPatch], list(self.adapatches))

    def image(self, pixels: Tensor) -> ImagePatches:
        """(B, 1, S, S) -> the patches of each picture."""
        return self.patches(self.features(pixels))

    def study(self, features: Sequence[Tensor], view_mask: Tensor) -> ImagePatches:
        """Patches of all views of a study together; features: (B, V, ...) each, view_mask: (B, V) bool.

        The paper matches one picture to a report. Here a study has two and its report speaks of both: a
        word finds its best patch in either (deviation).
        """
        each = self.patches([part[view_mask] for part in features])
        embedded, boxes, anchors = (
            _by_study(x, view_mask) for x in (each.features, each.boxes, each.anchors)
        )
        mask = view_mask[:, :, None].expand(-1, -1, each.mask.shape[1]).flatten(1)
        return ImagePatches(embedded, boxes, anchors, mask)

    def text(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(B, T) ids, (B, T) bool -> (B, T, d) of unit length; what stands under False means nothing."""
        return F.normalize(self.project_text(self.text_encoder(tokens, mask)).float(), dim=-1)

    def match(self, patches: ImagePatches, words: Tensor, word_mask: Tensor) -> Similarities:
        """Similarities (A, B) of A studies to B reports (eq. 5-6)."""
        return align(patches.features, patches.mask, words, word_mask)

    def forward(
        self, features: Sequence[Tensor], view_mask: Tensor, tokens: Tensor, word_mask: Tensor
    ) -> Matching:
        """A batch of studies with their reports, each with each; see `study` and `text`."""
        patches = self.study(features, view_mask)
        found = self.match(patches, self.text(tokens, word_mask), word_mask)
        return Matching(found, patches, self.scale())

    def scale(self) -> Tensor:
        """1 / tau, at most 100."""
        return self.log_scale.exp().clamp_max(100)


def _by_study(views: Tensor, view_mask: Tensor) -> Tensor:
    """Patches of the views that exist, (views, P, ...), side by side: (B, V * P, ...), zero elsewhere."""
    joined = views.new_zeros(*view_mask.shape, *views.shape[1:])
    joined[view_mask] = views
    return joined.flatten(1, 2)

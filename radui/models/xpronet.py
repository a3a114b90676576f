"""XProNet (Wang, Bhalerao, He 2022): cross-modal prototypes between image patches and words.

Patches and words both query a shared prototype matrix, limited to the study's labels; the response is
concatenated with the feature, fused by a linear layer, and fed to a Transformer encoder-decoder.
"""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radui.models.observation_classifier import encode_views
from radui.nn.backbones import BackboneConfig, build_backbone
from radui.nn.decoding import BeamConfig, Stepper
from radui.nn.guidance import no_finding_labels, stacked, steered
from radui.nn.prototypes import PrototypeConfig, PrototypeMemory
from radui.nn.transformer import Decoder, Encoder, TransformerConfig, sinusoidal_positions
from radui.records import Preprocessing


@dataclass(frozen=True)
class XProNetConfig:
    """Architecture, preprocessing and decoding of a checkpoint.

    use_prototypes False is the paper's "w/o CMPNet" (Table 2). "w/o PI" and "w/o IMLCS" are settings of
    the training (train.xpronet), since they change no shape.
    patch_dropout: after the patch embedding, as in the authors' code.
    guidance: how far decoding moves away from a report with the prototypes of No Finding alone
    (radui.nn.guidance); 0 is plain decoding. Not in the paper.
    """

    vocabulary: int = 761
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    prototypes: PrototypeConfig = field(default_factory=PrototypeConfig)
    decoding: BeamConfig = field(default_factory=BeamConfig)
    use_prototypes: bool = True
    views: int = 2
    patch_dropout: float = 0.5
    guidance: float = 0.0

    def __post_init__(self) -> None:
        if self.guidance and not self.use_prototypes:
            raise ValueError("Guidance needs prototypes to choose by label; leave them in, or guidance 0.")


PAPER = XProNetConfig(backbone=BackboneConfig("resnet101"))
"""Appendix A.1 with the numbers of the authors' code: d 512, 3 + 3 layers, 8 heads, 14 x 20 prototypes."""


@dataclass(frozen=True)
class Memory:
    """What the encoder made of a study.

    states: (B, S, width) with S = views * rows * columns; mask: (B, S) bool.
    visible: (B, prototype rows) bool. response: (B, S, width) and weights (B, heads, S, rows) of the
    prototypes, None without them. normal: the study as if it had no finding, where guidance needs it.
    """

    states: Tensor
    mask: Tensor
    visible: Tensor | None
    response: Tensor | None
    weights: Tensor | None
    normal: "Memory | None" = None


@dataclass(frozen=True)
class Output:
    """Training output: logits (B, T, vocabulary) and the mean responses (B, width) of both sides."""

    logits: Tensor
    image_response: Tensor | None
    text_response: Tensor | None


class XProNet(nn.Module):
    """Grids of patch features and labels in, a report out."""

    positions: Tensor

    def __init__(self, config: XProNetConfig) -> None:
        super().__init__()
        self.config = config
        width, dropout = config.transformer.width, config.transformer.dropout
        self.backbone = build_backbone(config.backbone)
        self.patch_embedding = nn.Sequential(
            nn.Linear(self.backbone.channels, width), nn.ReLU(), nn.Dropout(config.patch_dropout)
        )
        # The paper concatenates the views' patches without telling them apart; frontal and lateral
        # grids are different places, so each view has its own learned vector (deviation).
        self.view_embedding = nn.Embedding(config.views, width)
        self.word_embedding = nn.Embedding(config.vocabulary, width)
        # Scaled by sqrt(width) in `embed`, so that a word enters with numbers around 1: with torch's
        # default they are around 16, and what attention and prototypes add to them is hardly heard.
        nn.init.normal_(self.word_embedding.weight, std=width**-0.5)
        self.dropout = nn.Dropout(dropout)
        if config.use_prototypes:
            self.prototypes = PrototypeMemory(config.prototypes, width, dropout)
            self.fuse_image = nn.Linear(2 * width, width)  # eq. 14
            self.fuse_text = nn.Linear(2 * width, width)
        self.encoder = Encoder(config.transformer)
        self.decoder = Decoder(config.transformer)
        self.output = nn.Linear(width, config.vocabulary)
        self.register_buffer("positions", sinusoidal_positions(512, width), persistent=False)

    def grids(self, pixels: Tensor) -> Tensor:
        """Patch features, (B, V, 1, S, S) -> (B, V, C, h, w)."""
        return encode_views(self.backbone, pixels)

    def encode(self, grids: Tensor, view_mask: Tensor, labels: Tensor) -> Memory:
        """(B, V, C, h, w), (B, V) bool, (B, 14) bool -> memory (eq. 1, 8-14 and the encoder of eq. 15)."""
        memory = self._encode(grids, view_mask, labels)
        if not self.config.guidance:
            return memory
        nothing = no_finding_labels(len(grids), grids.device)
        return replace(memory, normal=self._encode(grids, view_mask, nothing))

    def _encode(self, grids: Tensor, view_mask: Tensor, labels: Tensor) -> Memory:
        batch, views, _, rows, columns = grids.shape
        patches = (
            self.patch_embedding(grids.flatten(3).transpose(2, 3)) + self.view_embedding.weight[:views, None]
        )
        patches = patches.flatten(1, 2)  # (B, V * h * w, width)
        mask = view_mask[:, :, None].expand(batch, views, rows * columns).flatten(1)
        visible = response = weights = None
        if self.config.use_prototypes:
            visible = self.prototypes.visible(labels)
            answer = self.prototypes(patches, visible)
            response, weights = answer.response, answer.weights
            patches = self.fuse_image(torch.cat([patches, response], -1))
        states = self.encoder(self.dropout(patches + self.positions[: patches.shape[1]]), mask)
        return Memory(states, mask, visible, response, weights)

    def embed(self, tokens: Tensor) -> Tensor:
        """(B, T) ids -> (B, T, width), scaled as in the Transformer paper."""
        return self.word_embedding(tokens) * self.config.transformer.width**0.5

    def forward(self, grids: Tensor, view_mask: Tensor, labels: Tensor, tokens: Tensor) -> Output:
        """Teacher forcing; tokens (B, T) begin with id 0, the logits at t are for token t + 1."""
        return self.teach(self._encode(grids, view_mask, labels), tokens)

    def teach(self, memory: Memory, tokens: Tensor) -> Output:
        """The decoder's half of `forward`, for several reports over one memory."""
        words, text_response = self.embed(tokens), None
        if memory.visible is not None:
            text_response = self.prototypes(words, memory.visible).response
            words = self.fuse_text(torch.cat([words, text_response], -1))
        words = self.dropout(words + self.positions[: tokens.shape[1]])
        logits = self.output(self.decoder(words, memory.states, memory.mask))
        if memory.response is None or text_response is None:
            return Output(logits, None, None)
        # Position 0 is the begin mark and always counts; after it 0 is padding.
        written = tokens != 0
        written[:, 0] = True
        return Output(logits, _mean(memory.response, memory.mask), _mean(text_response, written))

    def stepper(self, memory: Memory, beams: int, traces: bool = False) -> Stepper:
        """A decoder over this memory with `beams` hypotheses a study, for `radui.nn.decoding`."""
        guidance, read = (0.0, memory) if memory.normal is None else (self.config.guidance, _twins(memory))
        return steered(XProNetStepper(self, read, beams, traces), guidance, self.config.decoding.no_repeat)


def _twins(memory: Memory) -> Memory:
    """The studies, then the same ones as if they had no finding; what a decoder reads of them."""
    normal = memory.normal
    assert normal is not None
    assert memory.visible is not None
    assert normal.visible is not None
    return Memory(
        stacked(memory.states, normal.states),
        stacked(memory.mask, normal.mask),
        stacked(memory.visible, normal.visible),
        None,
        None,
    )


def _mean(x: Tensor, mask: Tensor) -> Tensor:
    weights = mask[..., None].to(x.dtype)
    return (x * weights).sum(1) / weights.sum(1)


class XProNetStepper:
    """One token at a time with a key/value cache; prototypes' keys and values are projected once.

    Traces: "attention" (N, layers, heads, S); "prototype_index", "prototype_weight" (N, heads, gamma) of
    the word just read.
    """

    def __init__(self, model: XProNet, memory: Memory, beams: int, traces: bool) -> None:
        self.model, self.beams, self.traces = model, beams, traces
        self.cache = model.decoder.start(memory.states, memory.mask, beams)
        self.visible, self.keys_values = memory.visible, None
        if memory.visible is not None:
            # Most rows belong to labels that no study has: what nobody may read is left out.
            self.prototypes = memory.visible.any(0).nonzero()[:, 0]
            keys, values = model.prototypes.keys_values()
            self.keys_values = keys[:, self.prototypes], values[:, self.prototypes]
            self.visible = memory.visible[:, self.prototypes]

    def step(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Stepper`."""
        model, found = self.model, {}
        word = model.embed(tokens.view(-1, self.beams))  # (studies, beams, width)
        if self.visible is not None:
            answer = model.prototypes(word, self.visible, self.keys_values)
            word = model.fuse_text(torch.cat([word, answer.response], -1))
            if self.traces:
                rows = answer.weights.transpose(1, 2).flatten(0, 1)  # (N, heads, prototype rows)
                weight, index = rows.topk(model.config.prototypes.gamma)
                found = {"prototype_index": self.prototypes[index], "prototype_weight": weight}
        word = word.flatten(0, 1) + model.positions[self.cache.time]
        state, attention = model.decoder.step(word, self.cache, weights=self.traces)
        if attention is not None:
            found["attention"] = attention
        return F.log_softmax(model.output(state).float(), -1), found

    def reorder(self, rows: Tensor) -> None:
        """See `Stepper`."""
        self.cache.reorder(rows)
        if self.visible is not None:
            self.visible = self.visible[rows[:: self.beams] // self.beams]

"""MedRAT (Hirsch, Dawidowicz, Tal 2024): reports from images that no report belongs to.

Patches and words query one memory, pass an encoder of their own and a shared one, and are pooled to a
global representation. The decoder learns to write a report from the report's own representation and,
since images and reports with the same observations lie close together, writes from an image's as well.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radui.models.observation_classifier import encode_views
from radui.nn.backbones import BackboneConfig, build_backbone
from radui.nn.decoding import BeamConfig, Stepper
from radui.nn.guidance import no_finding_labels, stacked, steered
from radui.nn.memory import AttentionPooling, MemoryConfig, SharedMemory
from radui.nn.transformer import Decoder, Encoder, TransformerConfig, sinusoidal_positions
from radui.observations import OBSERVATIONS
from radui.records import Preprocessing


@dataclass(frozen=True)
class MedRATConfig:
    """Architecture, preprocessing and decoding of a checkpoint.

    transformer.encoder_layers: of each modality's own encoder; shared_layers: of the one after them.
    use_memory, use_global, use_local, classify: False takes the part out (Table 4). The contrastive
    loss changes no shape and is a setting of the training (train.medrat).
    augmentation: of the local representations while training (Table 5); local_dropout: the share that
    the decoder may not read under "dropout"; noise: standard deviation under "gaussian".
    observe: the observations are added to every word that the decoder reads, those of the report while it
    trains and the classifier's or the user's afterwards. Not in the paper.
    guidance: how far decoding moves away from a normal report (radui.nn.guidance); 0 is plain decoding.
    """

    vocabulary: int = 761
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    transformer: TransformerConfig = field(default_factory=lambda: TransformerConfig(encoder_layers=2))
    shared_layers: int = 1
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    decoding: BeamConfig = field(default_factory=BeamConfig)
    use_memory: bool = True
    use_global: bool = True
    use_local: bool = True
    classify: bool = True
    augmentation: Literal["dropout", "gaussian", "none"] = "dropout"
    local_dropout: float = 0.9
    noise: float = 5.0
    observe: bool = False
    guidance: float = 0.0
    views: int = 2
    patch_dropout: float = 0.5

    def __post_init__(self) -> None:
        if not (self.use_global or self.use_local):
            raise ValueError("The decoder needs something to read: leave the global or the local part in.")
        if self.guidance and not self.observe:
            raise ValueError("Guidance needs a decoder that observes: set `observe`, or guidance to 0.")


PAPER = MedRATConfig(
    backbone=BackboneConfig("resnet101"),
    transformer=TransformerConfig(encoder_layers=2, decoder_layers=2),
    decoding=BeamConfig(3, 100),
)
"""The sizes of the authors' code: d 512, 2 own and 1 shared encoder layers, 2 decoder layers, 2,048 slots."""


@dataclass(frozen=True)
class Representation:
    """An image or a report in the shared space.

    local: (B, S, width); mask: (B, S) bool. pooled: (B, width), of length 1.
    pooling: (B, S), the weights of eq. 2. maps: (B, layers, S, S) self-attention of the own and the
    shared encoder, heads averaged; None unless asked for.
    """

    local: Tensor
    mask: Tensor
    pooled: Tensor
    pooling: Tensor
    maps: Tensor | None = None


@dataclass(frozen=True)
class Memory:
    """What the decoder reads: states (B, P + S, width) and what is added to their attention scores.

    prefix: P, 1 where the global state comes before the local ones, else 0.
    observed: (B, width), added to each word that the decoder reads; None where it does not observe.
    source: the representation that the states were made of.
    """

    states: Tensor
    bias: Tensor
    prefix: int
    observed: Tensor | None
    source: Representation


@dataclass(frozen=True)
class Images:
    """grids (B, V, C, h, w), view mask (B, V) bool, labels (B, 14) bool.

    tokens: (P, T) reports of the first P images, the only ones whose report is known; P may be 0.
    """

    grids: Tensor
    mask: Tensor
    labels: Tensor
    tokens: Tensor


@dataclass(frozen=True)
class Reports:
    """read: (B, T) ids as the encoder reads them; written: (N, T), what is written of the first N.

    labels: (B, 14) bool. Ids begin with 0, which also pads.
    """

    read: Tensor
    written: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Output:
    """Training output.

    words: (N, T, vocabulary) logits of reports from reports; image_words: likewise of the paired images.
    images, reports: (B, width) global representations of length 1.
    image_labels, report_labels: (B, 14) logits, None without the classification head.
    """

    words: Tensor
    image_words: Tensor | None
    images: Tensor
    reports: Tensor
    image_labels: Tensor | None
    report_labels: Tensor | None


class MedRAT(nn.Module):
    """Grids of patch features or a report's words in, a report out."""

    positions: Tensor

    def __init__(self, config: MedRATConfig) -> None:
        super().__init__()
        self.config = config
        sizes, width = config.transformer, config.transformer.width
        self.backbone = build_backbone(config.backbone)
        # The norm is not in the paper: without it positions and views, of size one, drown the patches.
        self.patch_embedding = nn.Sequential(
            nn.Linear(self.backbone.channels, width),
            nn.ReLU(),
            nn.LayerNorm(width),
            nn.Dropout(config.patch_dropout),
        )
        self.view_embedding = nn.Embedding(config.views, width)
        self.word_embedding = nn.Embedding(config.vocabulary, width)
        # `embed` multiplies by sqrt(width): words of size one, or nothing that is added to them is heard.
        nn.init.normal_(self.word_embedding.weight, std=width**-0.5)
        self.dropout = nn.Dropout(sizes.dropout)
        if config.use_memory:
            self.memory = SharedMemory(config.memory, width)
        self.image_encoder, self.report_encoder = Encoder(sizes), Encoder(sizes)
        self.shared_encoder = Encoder(replace(sizes, encoder_layers=config.shared_layers))
        self.pooling = AttentionPooling(width)
        if config.classify:
            self.classifier = nn.Sequential(
                nn.Linear(width, width), nn.ReLU(), nn.Linear(width, len(OBSERVATIONS))
            )
        if config.observe:
            self.observations = nn.Sequential(nn.Linear(len(OBSERVATIONS), width), nn.LayerNorm(width))
        self.kinds = nn.Embedding(2, width)  # global, local
        self.decoder = Decoder(sizes)
        self.output = nn.Linear(width, config.vocabulary)
        self.register_buffer("positions", sinusoidal_positions(512, width), persistent=False)

    def grids(self, pixels: Tensor) -> Tensor:
        """Patch features, (B, V, 1, S, S) -> (B, V, C, h, w)."""
        return encode_views(self.backbone, pixels)

    def encode(self, grids: Tensor, view_mask: Tensor, labels: Tensor, maps: bool = False) -> Memory:
        """(B, V, C, h, w), (B, V) bool -> what the decoder reads; labels (B, 14) only where it observes."""
        return self.recall(self.read_image(grids, view_mask, maps), labels)

    def read_image(self, grids: Tensor, view_mask: Tensor, maps: bool = False) -> Representation:
        """(B, V, C, h, w), (B, V) bool -> representation of V * h * w patches."""
        batch, views, _, rows, columns = grids.shape
        patches = (
            self.patch_embedding(grids.flatten(3).transpose(2, 3)) + self.view_embedding.weight[:views, None]
        )
        mask = view_mask[:, :, None].expand(batch, views, rows * columns).flatten(1)
        return self._represent(patches.flatten(1, 2), mask, self.image_encoder, maps)

    def read_report(self, tokens: Tensor, maps: bool = False) -> Representation:
        """(B, T) ids, 0 first -> representation; the begin mark stays, so that no report is empty."""
        mask = tokens != 0
        mask[:, 0] = True
        return self._represent(self.embed(tokens), mask, self.report_encoder, maps)

    def _represent(self, x: Tensor, mask: Tensor, own: Encoder, maps: bool) -> Representation:
        if self.config.use_memory:
            x = x + self.memory(x)
        x = self.dropout(x + self.positions[: x.shape[1]])
        attention = None
        if maps:
            x, first = own.trace(x, mask)
            local, second = self.shared_encoder.trace(x, mask)
            attention = torch.cat([first, second], 1)
        else:
            local = self.shared_encoder(own(x, mask), mask)
        pooled, weights = self.pooling(local, mask)
        return Representation(local, mask, F.normalize(pooled.float(), dim=-1), weights, attention)

    def recall(self, source: Representation, labels: Tensor) -> Memory:
        """What the decoder may read of a representation; in training mode the local part is augmented."""
        config, local = self.config, source.local
        # A unit vector would be lost beside local ones of length sqrt(width).
        first = source.pooled.to(local.dtype) * config.transformer.width**0.5 + self.kinds.weight[0]
        states = [first[:, None]] if config.use_global else []
        bias = local.new_zeros(len(local), len(states))
        observed = self.observations(labels.to(local.dtype)) if config.observe else None
        prefix = len(states)
        if config.use_local:
            if self.training and config.augmentation == "gaussian":
                local = local + config.noise * torch.randn_like(local)
            states.append(local + self.kinds.weight[1])
            bias = torch.cat([bias, self._local_bias(source.mask).to(local.dtype)], 1)
        return Memory(torch.cat(states, 1), bias, prefix, observed, source)

    def _local_bias(self, mask: Tensor) -> Tensor:
        """(B, S): what is added to the attention scores of the local representations.

        Under "dropout" the decoder learns with a tenth of them and then meets all, a hundred patches
        beside one global representation. log(1 - p) keeps their share of the attention what it was in
        training, as dropout's scaling does for activations; the paper does not say.
        """
        bias = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, float("-inf"))
        dropout = self.config.local_dropout if self.config.augmentation == "dropout" else 0.0
        if not self.training:
            return bias + (math.log1p(-dropout) if dropout < 1 else float("-inf"))
        dropped = torch.rand(mask.shape, device=mask.device) < dropout
        if not self.config.use_global:
            dropped &= (mask & ~dropped).any(1, keepdim=True)  # never all that there is to read
        return bias.masked_fill(dropped, float("-inf"))

    def embed(self, tokens: Tensor) -> Tensor:
        """Ids (...) -> (..., width), scaled as in the Transformer paper."""
        return self.word_embedding(tokens) * self.config.transformer.width**0.5

    def forward(self, images: Images, reports: Reports) -> Output:
        """Reports from reports, from paired images where there are any, and both sides' alignment."""
        seen, read = self.read_image(images.grids, images.mask), self.read_report(reports.read)
        rows, pairs = len(reports.written), len(images.tokens)
        words = self.teach(self.recall(_first(read, rows), reports.labels[:rows]), reports.written[:, :-1])
        image_words = None
        if pairs:
            memory = self.recall(_first(seen, pairs), images.labels[:pairs])
            image_words = self.teach(memory, images.tokens[:, :-1])
        classified = (
            (self.classifier(seen.pooled), self.classifier(read.pooled)) if self.config.classify else ()
        )
        return Output(words, image_words, seen.pooled, read.pooled, *(classified or (None, None)))

    def teach(self, memory: Memory, tokens: Tensor) -> Tensor:
        """(B, T, vocabulary) logits; tokens (B, T) begin with id 0, the logits at t are for token t + 1."""
        words = self.embed(tokens) + self.positions[: tokens.shape[1]]
        if memory.observed is not None:
            words = words + memory.observed[:, None]
        words = self.dropout(words)
        return self.output(self.decoder(words, memory.states, memory.bias))

    def stepper(self, memory: Memory, beams: int, traces: bool = False) -> Stepper:
        """A decoder over this memory with `beams` hypotheses a study, for `radui.nn.decoding`."""
        guidance = self.config.guidance
        stepper = MedRATStepper(self, self._twins(memory) if guidance else memory, beams, traces)
        return steered(stepper, guidance, self.config.decoding.no_repeat)

    def _twins(self, memory: Memory) -> Memory:
        """The studies, then the same ones with No Finding observed."""
        states, observed = memory.states, memory.observed
        assert observed is not None
        nothing = self.observations(no_finding_labels(len(states), states.device).to(states.dtype))
        return replace(
            memory,
            states=stacked(states, states),
            bias=stacked(memory.bias, memory.bias),
            observed=stacked(observed, nothing),
        )


def _first(source: Representation, rows: int) -> Representation:
    return Representation(
        source.local[:rows], source.mask[:rows], source.pooled[:rows], source.pooling[:rows]
    )


class MedRATStepper:
    """One token at a time with a key/value cache. Traces: "attention" (N, layers, heads, P + S)."""

    def __init__(self, model: MedRAT, memory: Memory, beams: int, traces: bool) -> None:
        self.model, self.traces = model, traces
        self.cache = model.decoder.start(memory.states, memory.bias, beams)
        self.observed = _each_beam(memory.observed, beams)

    def step(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Stepper`."""
        model = self.model
        word = model.embed(tokens) + model.positions[self.cache.time]
        if self.observed is not None:
            word = word + self.observed
        state, attention = model.decoder.step(word, self.cache, weights=self.traces)
        likely = F.log_softmax(model.output(state).float(), -1)
        return likely, {} if attention is None else {"attention": attention}

    def reorder(self, rows: Tensor) -> None:
        """See `Stepper`."""
        self.cache.reorder(rows)
        if self.observed is not None:
            self.observed = self.observed[rows]


def _each_beam(x: Tensor | None, beams: int) -> Tensor | None:
    return None if x is None else x.repeat_interleave(beams, 0)

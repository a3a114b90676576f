"""OTDRG (Zhao et al. 2025): patches are moved onto disease labels by optimal transport; a language model
that reads both writes the report.

The prompt of a study is: begin, image tokens, label tokens, the paper's instruction, the labels in words.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor, nn

from radui.models.observation_classifier import encode_views
from radui.nn.backbones import BackboneConfig, build_backbone
from radui.nn.decoding import BeamConfig, Stepper
from radui.nn.guidance import stacked, steered
from radui.nn.language_model import DecodingCache, LanguageModel, LanguageModelConfig
from radui.nn.transport import Transport, TransportConfig, barycentric, transport, transport_cost
from radui.observations import NO_FINDING, OBSERVATIONS, State
from radui.processing.prompts import PromptTokens
from radui.records import Preprocessing

Features = Literal["plain", "barycentric", "residual"]
LabelText = Literal["none", "stated", "all"]


@dataclass(frozen=True)
class OTDRGConfig:
    """Architecture, preprocessing and decoding of a checkpoint, and what Table 3 switches.

    use_labels False is "w/o DLE": image and instruction alone, hence no transport either.
    use_transport False is "w/o FIOT". IRCP is a stage of the training (train.otdrg).
    features: image tokens after the alignment. "plain", the projections that L_OT has drawn towards the
    labels, as section 3.3.3 reads; "barycentric", each patch as the labels it is moved to; "residual", both.
    label_text: the labels in words after the instruction: none, those that are mentioned, or all 14.
    guidance: how far decoding moves away from the report of the same image without its findings
    (radui.nn.guidance); 0 is plain decoding. Not in the paper.
    instruction_length, label_length: sizes of the stored token ids.
    """

    backbone: BackboneConfig = field(default_factory=lambda: BackboneConfig("swin_compact"))
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    language_model: LanguageModelConfig = field(default_factory=LanguageModelConfig)
    transport: TransportConfig = field(default_factory=TransportConfig)
    decoding: BeamConfig = field(default_factory=lambda: BeamConfig(max_length=80))
    use_labels: bool = True
    use_transport: bool = True
    features: Features = "plain"
    label_text: LabelText = "stated"
    views: int = 2
    patch_dropout: float = 0.3
    guidance: float = 0.0
    instruction_length: int = 1
    label_length: int = 1

    def __post_init__(self) -> None:
        if self.guidance and not self.use_labels:
            raise ValueError("Guidance needs labels to compare with; leave them in, or guidance 0.")


PAPER = OTDRGConfig(
    backbone=BackboneConfig("swin_base"),
    language_model=LanguageModelConfig("meta-llama/Llama-2-7b-hf", end=2, dtype="float16", lora_rank=16),
    label_text="all",
)
"""Swin-B and Llama-2-7B with LoRA; the paper prints no rank, 16 is its baseline's (R2GenGPT)."""


@dataclass(frozen=True)
class Memory:
    """What a study says to the language model.

    prompt: (B, P, width); mask: (B, P) bool. image_tokens: (B, M, width) and label_tokens: (B, 14, width)
    as the transport saw them. transport: plan (B, M, 14) with M = views * rows * columns, None without FIOT.
    normal: the study as if it had no finding, where guidance needs it.
    """

    prompt: Tensor
    mask: Tensor
    image_tokens: Tensor
    label_tokens: Tensor | None
    transport: Transport | None
    normal: "Memory | None" = None


@dataclass(frozen=True)
class Output:
    """Training output: logits (B, T, vocabulary), and the memory that they were read from."""

    logits: Tensor
    memory: Memory


class OTDRG(nn.Module):
    """Grids of patch features and label states in, a report out."""

    instruction: Tensor
    label_ids: Tensor

    def __init__(self, config: OTDRGConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = build_backbone(config.backbone)
        self.language_model = LanguageModel(config.language_model)
        width = self.language_model.width
        self.dropout = nn.Dropout(config.patch_dropout)
        self.project_image = nn.Linear(self.backbone.channels, width)  # eq. 4
        # The paper has one view; frontal and lateral grids are different places, so each has its own vector.
        self.view_embedding = nn.Embedding(config.views, width)
        nn.init.zeros_(self.view_embedding.weight)
        self.project_label = nn.Linear(width, width)  # eq. 5
        kinds = (len(OBSERVATIONS), len(State), config.label_length)
        self.register_buffer("instruction", torch.zeros(config.instruction_length, dtype=torch.long))
        self.register_buffer("label_ids", torch.full(kinds, -1))

    def write_prompts(self, tokens: PromptTokens) -> None:
        """Store the token ids of the instruction and the labels; they are part of the checkpoint."""
        self.instruction.copy_(torch.tensor(tokens.instruction))
        self.label_ids.fill_(-1)
        for k, row in enumerate(tokens.labels):
            for state, ids in enumerate(row):
                self.label_ids[k, state, : len(ids)] = torch.tensor(ids)

    def grids(self, pixels: Tensor) -> Tensor:
        """Patch features, (B, V, 1, S, S) -> (B, V, C, h, w)."""
        return encode_views(self.backbone, pixels)

    def encode(self, grids: Tensor, view_mask: Tensor, labels: Tensor) -> Memory:
        """(B, V, C, h, w), (B, V) bool, labels (B, 14) -> prompt (eq. 1-8 and section 3.3.3).

        labels: classes of `State`; bool stands for positive and unmentioned.
        """
        states = _states(labels)
        memory = self._encode(grids, view_mask, states)
        if not self.config.guidance:
            return memory
        return replace(memory, normal=self._encode(grids, view_mask, without_findings(states)))

    def _encode(self, grids: Tensor, view_mask: Tensor, states: Tensor) -> Memory:
        image, mask = self._image_tokens(grids, view_mask)
        if not self.config.use_labels:
            return self._memory(image, mask, None, None, states)
        label = self.project_label(self._label_features(states))
        found = None
        if self.config.use_transport:
            cost = transport_cost(image, label, self.config.transport.unit)
            found = transport(cost, mask, self.config.transport)
        return self._memory(image, mask, label, found, states)

    def _image_tokens(self, grids: Tensor, view_mask: Tensor) -> tuple[Tensor, Tensor]:
        batch, views, _, rows, columns = grids.shape
        patches = self.project_image(self.dropout(grids.flatten(3).transpose(2, 3)))
        patches = (patches + self.view_embedding.weight[:views, None]).flatten(1, 2)
        return patches, view_mask[:, :, None].expand(batch, views, rows * columns).flatten(1)

    def _label_features(self, states: Tensor) -> Tensor:
        """f_e(L) of eq. 3: a label is the mean of its words in the base's input space, (B, 14, width)."""
        ids = self._stated_ids(states)
        words = self.language_model.embed(ids.clamp_min(0))
        present = (ids >= 0)[..., None].to(words.dtype)
        return ((words * present).sum(2) / present.sum(2).clamp_min(1)).to(self.project_label.weight.dtype)

    def _stated_ids(self, states: Tensor) -> Tensor:
        """(B, 14) states -> (B, 14, label_length) token ids, -1 where a label is shorter."""
        observations = torch.arange(states.shape[1], device=states.device)
        return self.label_ids[observations, states]

    def _memory(
        self, image: Tensor, mask: Tensor, label: Tensor | None, found: Transport | None, states: Tensor
    ) -> Memory:
        text, text_mask = self._text(states)
        shown = self._aligned(image, label, found)
        parts, masks = [shown], [mask]
        if label is not None:
            parts.append(label)
            masks.append(mask.new_ones(label.shape[:2]))
        begin = text.new_zeros(len(text), 1)
        embed = self.language_model.embed
        prompt = torch.cat([embed(begin).to(shown.dtype), *parts, embed(text).to(shown.dtype)], 1)
        return Memory(
            prompt, torch.cat([mask.new_ones(len(mask), 1), *masks, text_mask], 1), image, label, found
        )

    def _aligned(self, image: Tensor, label: Tensor | None, found: Transport | None) -> Tensor:
        if found is None or label is None or self.config.features == "plain":
            return image
        moved = barycentric(found.plan, label).to(image.dtype)
        return moved if self.config.features == "barycentric" else image + moved

    def _text(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Ids (B, L) of the instruction and the labels in words, and which of them exist (B, L)."""
        instruction = self.instruction.expand(len(states), -1)
        mask = torch.ones_like(instruction, dtype=torch.bool)
        if not self.config.use_labels or self.config.label_text == "none":
            return instruction, mask
        ids = self._stated_ids(states)
        exists = ids >= 0
        if self.config.label_text == "stated":
            exists &= (states != State.UNMENTIONED)[..., None]
        ids, exists = _left(ids.flatten(1), exists.flatten(1))
        return torch.cat([instruction, ids], 1), torch.cat([mask, exists], 1)

    def forward(self, grids: Tensor, view_mask: Tensor, labels: Tensor, tokens: Tensor) -> Output:
        """Teacher forcing; tokens (B, T) begin with id 0, the logits at t are for token t + 1."""
        return self.teach(self._encode(grids, view_mask, _states(labels)), tokens)

    def teach(self, memory: Memory, tokens: Tensor) -> Output:
        """The language model's half of `forward`, for several reports over one memory."""
        words = self.language_model.embed(tokens).to(memory.prompt.dtype)
        mask = torch.cat([memory.mask, memory.mask.new_ones(tokens.shape)], 1)
        logits = self.language_model(torch.cat([memory.prompt, words], 1), mask, tokens.shape[1])
        return Output(logits, memory)

    def stepper(self, memory: Memory, beams: int, traces: bool = False) -> Stepper:
        """A decoder over this memory with `beams` hypotheses a study, for `radui.nn.decoding`."""
        prompt, mask, normal = memory.prompt, memory.mask, memory.normal
        if normal is not None:
            prompt, mask = stacked(prompt, normal.prompt), stacked(mask, normal.mask)
        stepper = OTDRGStepper(DecodingCache(self.language_model, prompt, mask, beams))
        guidance = 0.0 if normal is None else self.config.guidance
        return steered(stepper, guidance, self.config.decoding.no_repeat)


class OTDRGStepper:
    """One token at a time with a key/value cache; it shows no traces: the plan belongs to the study."""

    def __init__(self, cache: DecodingCache) -> None:
        self.cache = cache

    def step(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Stepper`."""
        return self.cache.step(tokens), {}

    def reorder(self, rows: Tensor) -> None:
        """See `Stepper`."""
        self.cache.reorder(rows)


def _states(labels: Tensor) -> Tensor:
    return torch.where(labels, State.POSITIVE, State.UNMENTIONED) if labels.dtype == torch.bool else labels


def without_findings(states: Tensor) -> Tensor:
    """(..., 14) classes of `State` with nothing present: No Finding, and what is denied stays denied."""
    present = (states == State.POSITIVE) | (states == State.UNCERTAIN)
    normal = states.masked_fill(present, State.UNMENTIONED)
    normal[..., OBSERVATIONS.index(NO_FINDING)] = State.POSITIVE
    return normal


def _left(ids: Tensor, exists: Tensor) -> tuple[Tensor, Tensor]:
    """Move what exists to the front of each row, in order, and cut what no row needs; holes become 0."""
    order = exists.to(torch.int8).argsort(dim=1, descending=True, stable=True)
    longest = int(exists.sum(1).max())
    exists = exists.gather(1, order)[:, :longest]
    return ids.gather(1, order)[:, :longest].where(exists, 0), exists

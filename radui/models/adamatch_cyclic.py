"""AdaMatch-Cyclic (Chen et al. 2024, section 3.2): one language model from radiograph to report and back.

A radiograph is 256 codes of a frozen VQ-GAN; the model reads and writes them as words of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from radui.models.vqgan import VQGAN, VQGANConfig, paper_config
from radui.nn.decoding import BeamConfig, Stepper
from radui.nn.guidance import stacked, steered
from radui.nn.language_model import LanguageModel, LanguageModelConfig, reorder_cache
from radui.nn.sampling import draw
from radui.processing.instructions import NO_PLACE, Instruction
from radui.records import Preprocessing, SamplingConfig


@dataclass(frozen=True)
class AdaMatchCyclicConfig:
    """Architecture, decoding and what the hints are; the preprocessing is the VQ-GAN's.

    use_keywords, use_keypatches: lines of the instruction that AdaMatch fills (3.2.1, 3.2.2).
    places: a code of a picture also says where it stands. The paper's 3 B parameters count for themselves;
    a model of eight million that has read two thousand pictures is told (deviation).
    longest: ids of the longest report. sampling: of pictures; decoding: of reports.
    guidance: how far a report's decoding moves away from the report of no picture at all
    (radui.nn.guidance); 0 is plain decoding. Not in the paper.
    """

    vqgan: VQGANConfig = field(default_factory=VQGANConfig)
    language_model: LanguageModelConfig = field(
        default_factory=lambda: LanguageModelConfig(layers=8, feedforward=896)
    )
    use_keywords: bool = True
    use_keypatches: bool = True
    places: bool = True
    longest: int = 96
    decoding: BeamConfig = field(default_factory=lambda: BeamConfig(max_length=96, length_penalty=1.0))
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    guidance: float = 0.0

    @property
    def preprocessing(self) -> Preprocessing:
        """How the VQ-GAN wants its pictures."""
        return self.vqgan.preprocessing


PAPER = AdaMatchCyclicConfig(
    vqgan=paper_config(),
    language_model=LanguageModelConfig(
        "databricks/dolly-v2-3b", dtype="bfloat16", lora_rank=16, lora_targets=("query_key_value",)
    ),
    places=False,
    longest=256,
)
"""The paper's sizes. It tunes all of dolly-v2-3b on eight A100; adapters do it on one GPU (deviation)."""


@dataclass(frozen=True)
class Instructions:
    """A batch: ids and places (B, T) int64, mask (B, T) bool, True where there is a token, from the left."""

    ids: Tensor
    places: Tensor
    mask: Tensor

    @classmethod
    def of(cls, rows: Sequence[Instruction], device: torch.device | str = "cpu") -> "Instructions":
        """Pad to the longest."""
        longest = max(len(row.ids) for row in rows)
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        places = torch.full_like(ids, NO_PLACE)
        mask = torch.zeros_like(ids, dtype=torch.bool)
        for i, row in enumerate(rows):
            ids[i, : len(row.ids)] = torch.tensor(row.ids)
            places[i, : len(row.ids)] = torch.tensor(row.places)
            mask[i, : len(row.ids)] = True
        return cls(ids.to(device), places.to(device), mask.to(device))

    def with_twins(self, twins: "Instructions") -> "Instructions":
        """These, then as many others: one batch of both."""
        places = stacked(self.places + 1, twins.places + 1) - 1  # NO_PLACE is -1, and zeros fill up
        return Instructions(stacked(self.ids, twins.ids), places, stacked(self.mask, twins.mask))


class AdaMatchCyclic(nn.Module):
    """The language model with 1,024 more words, beside the frozen VQ-GAN whose codes they are.

    The rows of the codes are kept apart from the base's own, so that any Hugging Face model can be the base.
    """

    def __init__(self, config: AdaMatchCyclicConfig) -> None:
        super().__init__()
        self.config = config
        self.vqgan = VQGAN(config.vqgan).requires_grad_(False)
        self.language_model = LanguageModel(config.language_model)
        width, codes = self.language_model.width, config.vqgan.quantizer.codes
        self.code_embedding = nn.Embedding(codes, width)
        self.code_output = nn.Linear(width, codes, bias=False)
        self.place_embedding = nn.Embedding(self.picture_length, width)
        # Beside embeddings of the base's own scale; the places begin as nothing.
        nn.init.normal_(self.code_embedding.weight, std=0.02)
        nn.init.zeros_(self.place_embedding.weight)

    def train(self, mode: bool = True) -> "AdaMatchCyclic":
        """Training mode; the VQ-GAN stays as it is, its codebook included."""
        super().train(mode)
        self.vqgan.eval()
        return self

    @property
    def backbone(self) -> VQGAN:
        """What turns pictures into grids, under the name that all systems have for it."""
        return self.vqgan

    @property
    def texts(self) -> int:
        """Ids of text; those of codes follow."""
        return int(self.language_model.base.get_input_embeddings().num_embeddings)

    @property
    def picture_length(self) -> int:
        """Codes of a picture."""
        return self.config.vqgan.grid**2

    def grids(self, pixels: Tensor) -> Tensor:
        """(B, V, 1, S, S) pixels in [0, 1] -> (B, V, h, w) int64 codes."""
        return self.vqgan.encode(pixels.flatten(0, 1)).unflatten(0, pixels.shape[:2])

    def embed(self, ids: Tensor, places: Tensor) -> Tensor:
        """(B, T) ids of both kinds and their places -> (B, T, width)."""
        coded = ids >= self.texts
        words = self.language_model.embed(ids.masked_fill(coded, 0))
        codes = self.code_embedding((ids - self.texts).clamp_min(0))
        if self.config.places:
            placed = (places != NO_PLACE)[..., None]
            codes = codes + self.place_embedding(places.clamp_min(0)) * placed
        return torch.where(coded[..., None], codes.to(words.dtype), words)

    def logits(self, states: Tensor) -> Tensor:
        """(..., width) -> (..., texts + codes): both kinds compete for each place of a response."""
        texts = self.language_model.logits(states)[..., : self.texts]
        return torch.cat([texts, self.code_output(states.to(self.code_output.weight.dtype))], -1)

    def forward(self, batch: Instructions, answers: Tensor) -> Tensor:
        """Teacher forcing: logits (N, texts + codes) for the N tokens where `answers` (B, T) is True."""
        embeddings = self.embed(batch.ids[:, :-1], batch.places[:, :-1])
        states = self.language_model.states(embeddings, batch.mask[:, :-1])
        return self.logits(states[answers[:, 1:]])

    def stepper(self, instructions: Instructions, beams: int, unseen: Instructions | None = None) -> Stepper:
        """A decoder of text alone after these instructions, for `radui.nn.decoding`; it has no traces.

        unseen: as many instructions without a picture, from which guidance leads away; without it plain.
        """
        guidance = 0.0 if unseen is None else self.config.guidance
        read = instructions.with_twins(unseen) if unseen is not None and guidance else instructions
        return steered(ReportStepper(self, read, beams), guidance, self.config.decoding.no_repeat)

    def draw(
        self,
        instructions: Instructions,
        sampling: SamplingConfig | None = None,
        generator: torch.Generator | None = None,
        unconditional: Instructions | None = None,
    ) -> Iterator[Tensor]:
        """Draw a picture's codes one by one: yields (B, n) int64 for n = 1 … picture_length.

        Only codes can be drawn, and exactly as many as a picture has. sampling: the config's by default;
        unconditional: the same instructions without a report, needed where guidance is not 1.
        """
        sampling = sampling or self.config.sampling
        guided = sampling.guidance != 1
        if guided and unconditional is None:
            raise ValueError("Guidance needs the instructions without a report; give them, or guidance 1.")
        twins = unconditional if guided else None
        run = _Run(self, instructions if twins is None else instructions.with_twins(twins), 1)
        codes = instructions.ids.new_zeros(len(instructions.ids), 0)
        while codes.shape[1] < self.picture_length:
            logits = self._code_logits(run.state, None if twins is None else sampling.guidance)
            codes = torch.cat([codes, draw(logits, sampling, generator)[:, None]], 1)
            yield codes
            read = codes[:, -1] + self.texts
            run.read(read if twins is None else read.repeat(2), codes.shape[1] - 1)

    @torch.inference_mode()
    def _code_logits(self, state: Tensor, guidance: float | None) -> Tensor:
        logits: Tensor = self.code_output(state.float())
        if guidance is None:
            return logits
        own, free = logits.chunk(2)
        return free + guidance * (own - free)


class _Run:
    """A batch of instructions read once, with the keys and values for what is written after them."""

    def __init__(self, model: AdaMatchCyclic, instructions: Instructions, copies: int) -> None:
        from transformers import DynamicCache

        self.model = model
        self.cache: Any = DynamicCache()
        self.length = instructions.ids.shape[1]
        self.mask = instructions.mask
        self.state = self._first(instructions)
        if copies > 1:
            self.cache.batch_repeat_interleave(copies)
            self.mask = self.mask.repeat_interleave(copies, 0)

    @torch.inference_mode()
    def _first(self, instructions: Instructions) -> Tensor:
        embeddings = self.model.embed(instructions.ids, instructions.places)
        states = self.model.language_model.states(embeddings, self.mask, self.cache)
        last = self.mask.sum(1) - 1
        return states[torch.arange(len(last), device=last.device), last]

    @torch.inference_mode()
    def read(self, ids: Tensor, place: int = NO_PLACE) -> None:
        """(N,) ids -> `state` (N, width), after which the next token is drawn."""
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], 1)
        embeddings = self.model.embed(ids[:, None], torch.full_like(ids, place)[:, None])
        self.state = self.model.language_model.states(embeddings, self.mask, self.cache)[:, 0]

    def reorder(self, rows: Tensor) -> None:
        """Row i goes on from rows[i] of the same instruction."""
        reorder_cache(self.cache, rows, self.length)
        self.mask = self.mask[rows]


class ReportStepper:
    """Writes text after instructions whose last id, which begins the response, the search gives again."""

    def __init__(self, model: AdaMatchCyclic, instructions: Instructions, beams: int) -> None:
        self.model = model
        self.run = _Run(model, _without_last(instructions), beams)

    def step(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Stepper`: log-probabilities over the text alone, (N, texts)."""
        self.run.read(tokens)
        logits: Any = self.model.language_model.logits(self.run.state)[..., : self.model.texts]
        return logits.float().log_softmax(-1), {}

    def reorder(self, rows: Tensor) -> None:
        """See `Stepper`."""
        self.run.reorder(rows)


def _without_last(instructions: Instructions) -> Instructions:
    last = instructions.mask.sum(1, keepdim=True) - 1
    return replace(instructions, mask=instructions.mask.scatter(1, last, False))

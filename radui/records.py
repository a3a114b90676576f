"""The records that one stage hands to the next. Frozen; arrays in them are never written to.

Coordinates are (x, y) with x to the right and y down; boxes are (x0, y0, x1, y1) with x1 and y1
exclusive; pixel (0, 0) covers the square from (0, 0) to (1, 1).
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from radui.observations import State

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]
Box = tuple[float, float, float, float]
View = Literal["frontal", "lateral"]


@dataclass(frozen=True)
class Radiograph:
    """One picture as read: upright, one channel, bright bone on a dark ground, no identity.

    display: (height, width) uint8, what the viewer shows.
    pixels: (height, width) float32 in [0, 1], full depth, what models are fed from.
    view: what the DICOM header says, None where it says nothing usable.
    """

    display: ByteArray
    pixels: FloatArray
    view: View | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in original pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


@dataclass(frozen=True)
class Study:
    """One or two radiographs of one examination and the indication, if one was typed."""

    views: tuple[Radiograph, ...]
    indication: str = ""


@dataclass(frozen=True)
class Frame:
    """How original pixels became model pixels: model = original * scale + offset, per axis.

    original_size, model_size: (width, height) in pixels.
    scale: model pixels per original pixel, (x, y).
    offset: where the original's corner lies in model pixels, (x, y); negative where it was cropped.
    """

    original_size: tuple[int, int]
    model_size: tuple[int, int]
    scale: tuple[float, float]
    offset: tuple[float, float]


@dataclass(frozen=True)
class Preprocessing:
    """How a checkpoint wants its pictures; part of the checkpoint, not of the code.

    mode: "squash" ignores the aspect ratio; "crop" resizes the short side to `resize` and takes
    the centre; "pad" fits the long side and pads with black.
    mean, std: of pixels in [0, 1], applied to the one grey channel (repeated to three where the
    backbone wants three).
    """

    size: int = 224
    mode: Literal["squash", "crop", "pad"] = "squash"
    resize: int = 256
    mean: float = 0.449
    std: float = 0.226


@dataclass(frozen=True)
class Token:
    """A generated word: report[start:end] == text; probability is the model's own, in [0, 1]."""

    text: str
    start: int
    end: int
    probability: float


@dataclass(frozen=True)
class Finding:
    """An observation with the probability of each state, in the order of `State`; they sum to 1."""

    observation: str
    state: State
    probabilities: tuple[float, float, float, float]

    @property
    def positive(self) -> float:
        """Probability that the observation is present (positive or uncertain), as CheXbert's U-ones."""
        return self.probabilities[State.POSITIVE] + self.probabilities[State.UNCERTAIN]


@dataclass(frozen=True)
class WordMaps:
    """For each emitted token its attention over the patches of each view.

    weights: (tokens, layers, heads, views, rows, columns) float32, each (token, layer, head) sums
    to 1 over all views' patches.
    frames: one a view; cell (row, column) maps to original pixels through it.
    """

    weights: FloatArray
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class PoolingMap:
    """Weights by which patches were pooled to one global representation (MedRAT eq. 2-3).

    weights: (views, rows, columns) float32, the sum over all views is 1; frames: one a view.
    """

    weights: FloatArray
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class Prototypes:
    """The cross-modal prototypes that answered (XProNet eq. 10-13), heads kept apart.

    labels: names of the observations that were visible to the query.
    word_indices, word_weights: (tokens, heads, gamma); the index counts rows of the whole
    prototype matrix (observation * prototypes_per_label + k).
    patch_indices, patch_weights: (views, rows, columns, heads, gamma), likewise.
    """

    labels: tuple[str, ...]
    prototypes_per_label: int
    word_indices: NDArray[np.int64]
    word_weights: FloatArray
    patch_indices: NDArray[np.int64]
    patch_weights: FloatArray


@dataclass(frozen=True)
class TransportPlan:
    """How the patches were moved onto the disease labels (OTDRG eq. 6-8).

    weights, cost: (views, rows, columns, labels) float32. weights is the plan, 1 in all over the views that
    were given; cost the Euclidean distance that it was solved from. labels, states: what each column stands
    for. epsilon, iterations: of the Sinkhorn algorithm. frames: one a view.
    """

    weights: FloatArray
    cost: FloatArray
    labels: tuple[str, ...]
    states: tuple[State, ...]
    epsilon: float
    iterations: int
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class ObservationLink:
    """A sentence, report[start:end], that states an observation, as the labeler reads it."""

    start: int
    end: int
    observation: str
    state: State


@dataclass(frozen=True)
class PatchKeyword:
    """A keyword of the textual codebook and the patches that chose it, the most similar first."""

    text: str
    group: str
    patches: tuple[int, ...]
    similarities: tuple[float, ...]


@dataclass(frozen=True)
class AdaptivePatches:
    """Adaptive patches and how they fit the words of the report (AdaMatch eq. 1-6).

    boxes: (patches, 4) float32 in original pixels, inside the picture; empty where the model saw padding
    only. centres: (patches, 2) float32, of the fixed cell that each started from. views: (patches,) int64,
    the picture that each lies in. words: report[start:end] of each token. similarities: (tokens, patches)
    float32, cosines. keywords: of the pictures, the best first.
    """

    boxes: FloatArray
    centres: FloatArray
    views: NDArray[np.int64]
    words: tuple[tuple[int, int], ...]
    similarities: FloatArray
    keywords: tuple[PatchKeyword, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What a system can show of how it came to its report; a part it has not is None."""

    word_maps: WordMaps | None = None
    pooling: PoolingMap | None = None
    prototypes: Prototypes | None = None
    transport: TransportPlan | None = None
    links: tuple[ObservationLink, ...] = ()
    patches: AdaptivePatches | None = None


@dataclass(frozen=True)
class Prediction:
    """One system's answer to one study. While it streams, `complete` is False and evidence is absent."""

    system: str
    report: str
    tokens: tuple[Token, ...]
    findings: tuple[Finding, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    seconds: float = 0.0
    complete: bool = False


@dataclass(frozen=True)
class SamplingConfig:
    """How a token is drawn.

    top_p: only the likeliest tokens that together reach this probability can be drawn (Holtzman et al.
    2020), in (0, 1]. temperature divides the logits; 0 takes the likeliest token always.
    guidance: how far the logits go from those without a condition to those with it, and beyond; 1 is
    the model's own distribution (Ho and Salimans 2022).
    """

    top_p: float = 0.92
    temperature: float = 1.0
    guidance: float = 1.0

    def __post_init__(self) -> None:
        if not (0 < self.top_p <= 1 and self.temperature >= 0 and self.guidance >= 0):
            raise ValueError("top_p must be in (0, 1], temperature and guidance must not be negative.")


@dataclass(frozen=True)
class Keypatch:
    """A patch of the visual codebook that words of a report chose (AdaMatch-Cyclic 3.2.2).

    fitted: the word of the training reports that it was best for. box: where it lay there, as shares of
    its picture. codes: what the VQ-GAN made of it, row by row. spans: report[start:end] of the words that
    chose it, the most similar first; similarities: their cosines. texture: (s, s) uint8, the codes decoded
    on their own, None without a VQ-GAN.
    """

    fitted: str
    box: Box
    codes: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    similarities: tuple[float, ...]
    texture: ByteArray | None = None


@dataclass(frozen=True)
class Synthesis:
    """A radiograph that a model draws to a report; no patient has it (render.synthesis marks it so).

    pixels: (S, S) uint8, rows from `rows_drawn` on are black while it is drawn. codes: those drawn so far,
    row by row. keypatches: the hints that AdaMatch gave. seed, sampling: they draw it again.
    """

    report: str
    view: View
    pixels: ByteArray
    rows_drawn: int
    codes: tuple[int, ...]
    keypatches: tuple[Keypatch, ...]
    seed: int
    sampling: SamplingConfig
    complete: bool = False


@dataclass(frozen=True)
class GateVerdict:
    """Whether a picture looks like a chest radiograph, and from which side.

    chest: probability in [0, 1]; passed: chest >= the checkpoint's threshold.
    view: the likelier of the two views, with its probability given that it is a chest radiograph.
    """

    chest: float
    passed: bool
    view: View
    view_probability: float


@dataclass(frozen=True)
class SystemStatus:
    """A system on the page: `problem` is None when it can run, else one sentence that says what to do."""

    name: str
    title: str
    problem: str | None = None

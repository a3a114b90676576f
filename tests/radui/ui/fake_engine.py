"""An engine with the real one's surface and records, without models: reports by rote, evidence by lot."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np

from radui.engine import EngineError
from radui.observations import OBSERVATIONS, State
from radui.processing.frame import to_model
from radui.records import (
    AdaptivePatches,
    Evidence,
    Finding,
    GateVerdict,
    Keypatch,
    PatchKeyword,
    PoolingMap,
    Prediction,
    Preprocessing,
    Prototypes,
    SamplingConfig,
    Study,
    Synthesis,
    SystemStatus,
    Token,
    TransportPlan,
    WordMaps,
)

SENTENCES = {
    "xpronet": "The heart is enlarged. A small effusion blunts the left costophrenic angle.",
    "medrat": "Heart size is at the upper limit of normal. No pneumothorax is seen.",
    "otdrg": "The lungs are clear.",
    "adamatch_cyclic": "The heart is mildly enlarged. There is a small left pleural effusion.",
}
TITLES = {"xpronet": "XProNet", "medrat": "MedRAT", "otdrg": "OTDRG", "adamatch_cyclic": "AdaMatch-Cyclic"}
PRESENT = ("Cardiomegaly", "Pleural Effusion")


class FakeEngine:
    """XProNet and MedRAT write, OTDRG fails, AdaMatch-Cyclic is not trained.

    XProNet has maps of its words and prototypes, MedRAT maps and a pooling map; with `failing` empty OTDRG
    writes too and has a transport plan alone, and with `untrained` empty AdaMatch-Cyclic with its patches.

    Pictures whose mean grey is over 0.9 do not pass the gate. With `hold`, a report waits after three
    words until `go` is set or it is cancelled.
    """

    checkpoints = Path("no-checkpoints")

    def __init__(
        self,
        hold: bool = False,
        failing: Sequence[str] = ("otdrg",),
        untrained: Sequence[str] = ("adamatch_cyclic",),
    ) -> None:
        self.failing, self.untrained = failing, untrained
        self.go = Event()
        if not hold:
            self.go.set()
        self.calls: list[tuple[str, str, tuple[str, ...] | None]] = []
        self.orders: list[tuple[str, int, str, SamplingConfig | None]] = []
        self.stopped: list[str] = []
        self.forgotten: list[Study] = []

    def systems(self) -> list[SystemStatus]:
        problem = "Not trained yet; train it with `python -m train.adamatch_cyclic --data DATA --out RUN`."
        return [
            SystemStatus(name, title, problem if name in self.untrained else None)
            for name, title in TITLES.items()
        ]

    def warm_up(self) -> None:
        pass

    def forget(self, study: Study) -> None:
        self.forgotten.append(study)

    def gate(self, study: Study) -> list[GateVerdict]:
        chances = [0.03 if view.pixels.mean() > 0.9 else 0.98 for view in study.views]
        return [GateVerdict(chance, chance > 0.5, "frontal", 0.97) for chance in chances]

    def findings(self, study: Study) -> tuple[Finding, ...]:
        return tuple(_finding(name, name in PRESENT) for name in OBSERVATIONS)

    def predict(
        self,
        system: str,
        study: Study,
        labels: Sequence[str] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Prediction]:
        self.calls.append((system, study.indication, None if labels is None else tuple(labels)))
        if system in self.failing:
            raise EngineError("The checkpoint otdrg is damaged; copy it again.")
        report = SENTENCES[system] if labels is None else f"Written from {len(labels)} labels."
        tokens = _tokens(report)
        for count in range(1, len(tokens) + 1):
            if self._stopped(cancelled, count):
                self.stopped.append(system)
                return
            written = tokens[:count]
            yield Prediction(system, report[: written[-1].end], tuple(written), seconds=0.1 * count)
        yield Prediction(
            system,
            report,
            tuple(tokens),
            self.findings(study),
            evidence_of(system, study, len(tokens)),
            seconds=0.1 * len(tokens),
            complete=True,
        )

    def drawing(self) -> tuple[str, ...]:
        return ("adamatch_cyclic",)

    def synthesis_problem(self) -> str | None:
        names = {status.name: status.problem for status in self.systems()}
        return names["adamatch_cyclic"]

    def sampling(self) -> SamplingConfig:
        return SamplingConfig(top_p=0.9, temperature=0.8, guidance=2.0)

    def synthesise(
        self,
        report: str,
        seed: int = 0,
        view: str = "frontal",
        sampling: SamplingConfig | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Synthesis]:
        """Noise about each word's own grey stripe, 16 rows of 16 codes; with `hold` it waits in row 4."""
        self.orders.append((report, seed, view, sampling))
        if not report.strip():
            raise EngineError("The report is empty; write what the radiograph shall show.")
        pixels, codes = drawing_of(report, seed)
        last = None
        for row in range(1, 17):
            if self._stopped(cancelled, row):
                return
            shown = pixels.copy()
            shown[16 * row :] = 0
            drawn = codes[: 16 * row]
            last = Synthesis(report, view, shown, 16 * row, drawn, keypatches_of(report), seed, sampling)
            yield last
        yield replace(last, complete=True)

    def _stopped(self, cancelled: Callable[[], bool], count: int) -> bool:
        while count > 3 and not cancelled() and not self.go.wait(0.02):
            pass
        return cancelled()


def drawing_of(report: str, seed: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """A picture (256, 256) and its 256 codes, both by the report's words and the seed."""
    noise = np.random.default_rng(seed).normal(90, 20, (32, 32)).repeat(8, 0).repeat(8, 1)
    codes = np.random.default_rng(seed).integers(0, 1024, 256)
    for place, word in enumerate(report.split()):
        row = (hash_of(word) + place) % 15
        noise[16 * row : 16 * row + 16, 40:200] += 60
        codes[16 * row] = hash_of(word)
    return noise.clip(0, 255).astype(np.uint8), tuple(codes.tolist())


def hash_of(word: str) -> int:
    return sum(map(ord, word)) % 1024


def keypatches_of(report: str) -> tuple[Keypatch, ...]:
    """The longest two words of the report, each with a texture."""
    words = sorted(_tokens(report), key=lambda token: -len(token.text))[:2]
    texture = np.random.default_rng(9).integers(40, 200, (32, 32)).astype(np.uint8)
    return tuple(
        Keypatch(
            "opacity",
            (0.1 + 0.3 * number, 0.4, 0.4 + 0.3 * number, 0.7),
            (number, 2, 3, 4),
            ((token.start, token.end),),
            (0.8 - 0.2 * number,),
            texture,
        )
        for number, token in enumerate(words)
    )


def _tokens(report: str) -> list[Token]:
    tokens, start = [], 0
    for word in report.split():
        start = report.index(word, start)
        text = word.rstrip(".")
        tokens.append(Token(text, start, start + len(text), 0.3 if text == "small" else 0.9))
        start += len(word)
    return tokens


def _finding(name: str, present: bool) -> Finding:
    if present:
        return Finding(name, State.POSITIVE, (0.1, 0.8, 0.05, 0.05))
    return Finding(name, State.NEGATIVE, (0.2, 0.08, 0.7, 0.02))


def evidence_of(system: str, study: Study, tokens: int) -> Evidence:
    """What each of the systems keeps."""
    maps = _maps(study, tokens)
    if system == "otdrg":
        return Evidence(transport=_plan(maps))
    if system == "adamatch_cyclic":
        return Evidence(patches=_patches(study, _tokens(SENTENCES[system])))
    if system == "medrat":
        return Evidence(word_maps=maps, pooling=PoolingMap(maps.weights.mean((0, 1, 2)), maps.frames))
    return Evidence(word_maps=maps, prototypes=_prototypes(len(study.views), tokens))


def _patches(study: Study, tokens: Sequence[Token]) -> AdaptivePatches:
    rng = np.random.default_rng(4)
    rows, columns = np.mgrid[:7, :7]
    centres, boxes = [], []
    for view in study.views:
        width, height = view.size
        start = np.stack([(columns + 0.5) / 7 * width, (rows + 0.5) / 7 * height], -1).reshape(-1, 2)
        moved = start + rng.normal(0, width / 30, start.shape)
        half = rng.uniform(width / 20, width / 9, start.shape)
        centres.append(start)
        boxes.append(np.clip(np.concatenate([moved - half, moved + half], 1), 0, [width, height] * 2))
    return AdaptivePatches(
        np.concatenate(boxes).astype(np.float32),
        np.concatenate(centres).astype(np.float32),
        np.repeat(np.arange(len(study.views)), 49),
        tuple((token.start, token.end) for token in tokens),
        rng.uniform(-0.3, 0.8, (len(tokens), 49 * len(study.views))).astype(np.float32),
        (
            PatchKeyword("heart", "biological structure", (24, 25), (0.7, 0.6)),
            PatchKeyword("effusion", "disease disorder", (43,), (0.5,)),
        ),
    )


def _plan(maps: WordMaps, epsilon: float = 0.1) -> TransportPlan:
    cost = np.random.default_rng(1).uniform(1, 2, (*maps.weights.shape[3:], 14)).astype(np.float32)
    weights = np.exp(-cost / epsilon)
    states = tuple(State.POSITIVE if name in PRESENT else State.NEGATIVE for name in OBSERVATIONS)
    return TransportPlan(weights / weights.sum(), cost, OBSERVATIONS, states, epsilon, 50, maps.frames)


def _prototypes(views: int, tokens: int, per_label: int = 20, heads: int = 4, gamma: int = 5) -> Prototypes:
    rng = np.random.default_rng(2)
    rows = np.concatenate([np.arange(per_label) + per_label * OBSERVATIONS.index(name) for name in PRESENT])
    words, patches = (tokens, heads, gamma), (views, 7, 7, heads, gamma)
    return Prototypes(
        PRESENT,
        per_label,
        rng.choice(rows, words),
        rng.dirichlet(np.ones(gamma), words[:-1]).astype(np.float32),
        rng.choice(rows, patches),
        rng.dirichlet(np.ones(gamma), patches[:-1]).astype(np.float32),
    )


def _maps(study: Study, tokens: int, layers: int = 3, heads: int = 8, cells: int = 7) -> WordMaps:
    frames = tuple(to_model(view, Preprocessing(mode="crop"))[1] for view in study.views)
    rng = np.random.default_rng(0)
    scores = rng.gamma(0.4, size=(tokens, layers, heads, len(frames), cells, cells)).astype(np.float32)
    scores += (
        3 * np.abs(np.sin(np.arange(tokens)))[:, None, None, None, None, None] * _spots(rng, tokens, cells)
    )
    return WordMaps(scores / scores.sum(axis=(-3, -2, -1), keepdims=True), frames)


def _spots(rng: np.random.Generator, tokens: int, cells: int) -> np.ndarray:
    """A bright spot a token: (tokens, 1, 1, 1, cells, cells)."""
    rows, columns = np.mgrid[:cells, :cells]
    centres = rng.uniform(1, cells - 2, size=(tokens, 2))
    distance = (rows - centres[:, :1, None]) ** 2 + (columns - centres[:, 1:, None]) ** 2
    return np.exp(-distance / 2)[:, None, None, None]

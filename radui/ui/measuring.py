"""Measuring a chosen map: which score is asked, and the three maps that are compared."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any, Protocol, runtime_checkable

import numpy as np

from radui.engine import Engine
from radui.explain.chosen import ChosenMap, chosen_map
from radui.explain.faithfulness import (
    STEPS,
    Agreement,
    Curve,
    Treatment,
    agreement,
    centre_grid,
    random_grid,
)
from radui.observations import OBSERVATIONS
from radui.records import Prediction, Study
from radui.render.curves import curves_html
from radui.ui.sessions import Session
from radui.ui.viewer import DrawnBox

SEED = 0


@runtime_checkable
class WordScorer(Protocol):
    """An engine that can say how probable a system finds given words."""

    def word_probabilities(
        self, system: str, study: Study, labels: Sequence[str], prediction: Prediction
    ) -> list[float]:
        """Return the probability of each token of a prediction, each given those before it."""
        ...


@dataclass(frozen=True)
class MapRequest:
    """The map that a reader chose, and the words and observations for which they chose it."""

    map: ChosenMap
    label: str
    tokens: tuple[int, ...]
    observations: tuple[str, ...]


def map_request(data: Any, prediction: Prediction) -> MapRequest | None:
    """Return what a browser asks for; None where it is no map of this prediction."""
    if not isinstance(data, dict):
        return None
    chosen = chosen_map(
        prediction.evidence,
        str(data.get("key")),
        _indices(data.get("items")),
        _index(data.get("layer")),
        _index(data.get("head")),
    )
    if chosen is None:
        return None
    tokens = tuple(index for index in _indices(data.get("tokens")) if index < len(prediction.tokens))
    known = [index for index in _indices(data.get("observations")) if index < len(OBSERVATIONS)]
    return MapRequest(
        chosen, str(data.get("label"))[:80], tokens, tuple(OBSERVATIONS[index] for index in known)
    )


def baselines(chosen: ChosenMap) -> dict[str, ChosenMap]:
    """Return the map and, over the same patches, a Gaussian in the centre and a random map."""
    seen = np.isfinite(chosen.grid)
    shape = (chosen.grid.shape[0], chosen.grid.shape[1], chosen.grid.shape[2])
    others = {"centre Gaussian": centre_grid(shape), "random": random_grid(shape, SEED)}
    nowhere = np.float32(np.nan)
    return {
        "this map": chosen,
        **{name: ChosenMap(np.where(seen, grid, nowhere), chosen.frames) for name, grid in others.items()},
    }


def agreements(chosen: ChosenMap, drawn: DrawnBox) -> dict[str, Agreement]:
    """Compare the map and its baselines with a box that was drawn on one view."""
    view = drawn.view
    return {
        name: agreement(one.grid[view], one.frames[view], drawn.box)
        for name, one in baselines(chosen).items()
        if view < len(one.frames)
    }


def measure(engine: Engine, session: Session, system: str, asked: MapRequest) -> Iterator[str]:
    """Yield the growing panel of both curves of the three maps, one step after the other."""
    score, meaning = _score(engine, session, system, asked)
    note = f"<p>Score: {meaning}. Hidden patches are blurred. Areas: lower is better left, higher right.</p>"
    study = session.loaded.study if session.loaded else None
    if study is None:
        return
    treatment = Treatment(study, asked.map.frames, np.isfinite(asked.map.grid), score)
    titles = {"Deletion": treatment.deletion, "Insertion": treatment.insertion}
    drawn: dict[str, dict[str, Curve]] = {title: {} for title in titles}
    for title, treat in titles.items():
        for name, one in baselines(asked.map).items():
            for curve in treat(one.grid):
                drawn[title][name] = curve
                yield note + _plots(drawn)


def _plots(drawn: Mapping[str, Mapping[str, Curve]]) -> str:
    return "".join(curves_html(title, curves, STEPS) for title, curves in drawn.items())


def _score(
    engine: Engine, session: Session, system: str, asked: MapRequest
) -> tuple[Callable[[Study], float], str]:
    """The system's own probability of the chosen words where the engine can tell, else the classifier's."""
    prediction = session.run.reports[system]
    if isinstance(engine, WordScorer) and asked.tokens:
        scorer, labels = engine, _labels(engine, session)

        def words(study: Study) -> float:
            found = scorer.word_probabilities(system, study, labels, prediction)
            return _forgetting(
                engine, session, study, exp(_mean([log(max(found[i], 1e-12)) for i in asked.tokens]))
            )

        return words, "the system's own probability of the chosen words, their geometric mean"
    name = asked.observations[0] if asked.observations else "No Finding"

    def observation(study: Study) -> float:
        found = {finding.observation: finding.positive for finding in engine.findings(study)}
        return _forgetting(engine, session, study, found[name])

    return observation, f"the observation classifier's probability of {name}, not the system's own"


def _labels(engine: Engine, session: Session) -> tuple[str, ...]:
    """The labels that the report was written from; they stay the same while patches go."""
    if session.run.labels is not None or session.loaded is None:
        return session.run.labels or ()
    return engine.labels(session.loaded.study)


def _forgetting(engine: Engine, session: Session, study: Study, value: float) -> float:
    """The value, after what the engine keeps of a treated study is dropped: each is looked at once."""
    if session.loaded is None or study is not session.loaded.study:
        engine.forget(study)
    return value


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _indices(values: Any) -> list[int]:
    return [value for value in values if _index(value) is not None] if isinstance(values, list) else []


def _index(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

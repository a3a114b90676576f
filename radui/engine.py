"""The only conductor: a study and a system in, streamed predictions with evidence out.

Loads checkpoints when they are first needed, once for all threads. Models keep no state between calls,
so several threads may predict at the same time.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from radui.observations import OBSERVATIONS, State
from radui.records import Finding, GateVerdict, Prediction, Study, SystemStatus, View
from radui.systems.memo import Memo

if TYPE_CHECKING:
    from torch import Tensor

    from radui.models.registry import Checkpoint

TITLES = {
    "xpronet": "XProNet",
    "medrat": "MedRAT",
    "otdrg": "OTDRG",
    "adamatch_cyclic": "AdaMatch-Cyclic",
}
BUILT = ("xpronet",)
NEEDED = ("gate", "observation_classifier")
REMEMBERED = 80  # features, verdicts and labels kept for the next system or the next run; about 16 studies

T = TypeVar("T")


class EngineError(Exception):
    """A request that cannot be served; the text says why and what to do."""


class Engine:
    """Checkpoints under a folder, ready to read studies; cheap to build, heavy parts load on first use."""

    def __init__(self, checkpoints: Path, device: str = "cpu") -> None:
        self.checkpoints, self.device = checkpoints, device
        self._loaded: Memo[str] = Memo()
        # Keyed by the pictures themselves, which the value keeps alive, so that no id is reused; a study
        # with another indication has the same pictures.
        self._seen: Memo[tuple[str, tuple[int, ...]]] = Memo(REMEMBERED)

    def systems(self) -> list[SystemStatus]:
        """The four systems of the project; those without a checkpoint say which command trains them."""
        return [SystemStatus(name, title, self._problem(name)) for name, title in TITLES.items()]

    def _problem(self, name: str) -> str | None:
        # Looks at files only, so that the page can open before torch is imported.
        if name not in BUILT:
            return f"{TITLES[name]} is not part of this version of radui yet."
        for needed in (name, *NEEDED):
            if not (self.checkpoints / needed / "model.safetensors").exists():
                return (
                    f"Not trained yet: there is no checkpoint {needed}; train it with "
                    f"`python -m train.{needed}` (README, Training) and copy it into the checkpoints folder."
                )
        return None

    def warm_up(self) -> None:
        """Load everything that exists, so that the first study does not wait for it."""
        for status in self.systems():
            if status.problem is None:
                self._system(status.name)
                self._model("gate")
                self._model("observation_classifier")

    def gate(self, study: Study) -> list[GateVerdict]:
        """Whether each picture is a chest radiograph, and its view; one verdict a picture."""
        return self._remember("gate", study, self._judge)

    def findings(self, study: Study) -> tuple[Finding, ...]:
        """The observation classifier's 14 findings in canonical order."""
        return self._remember("findings", study, self._classify)

    def labels(self, study: Study) -> tuple[str, ...]:
        """Observations that condition the report unless the user ticks others."""
        return self._remember("labels", study, self._condition)

    def predict(
        self,
        system: str,
        study: Study,
        labels: Sequence[str] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Prediction]:
        """Stream a system's report: texts that only grow, then one complete prediction with evidence.

        labels: observations to condition on instead of the classifier's; ends early when cancelled.
        Raises EngineError for an unknown or untrained system or label, CheckpointError for a damaged one.
        Seconds count from the request: gate, features and all.
        """
        import torch

        started = time.perf_counter()
        self._check(system, labels)
        chosen = labels if labels is not None else self.labels(study)
        multi_hot = torch.tensor([[name in chosen for name in OBSERVATIONS]], device=self.device)
        if cancelled():
            return
        inputs, grids = self._grids(study, system)
        findings = self.findings(study)
        for prediction in self._system(system).predict(inputs, grids, multi_hot, findings, cancelled):
            yield replace(prediction, seconds=time.perf_counter() - started)

    def _check(self, system: str, labels: Sequence[str] | None) -> None:
        if system not in TITLES:
            raise EngineError(f"There is no system {system!r}; choose from {', '.join(TITLES)}.")
        if problem := self._problem(system):
            raise EngineError(problem)
        if labels is not None and (not labels or not set(labels) <= set(OBSERVATIONS)):
            raise EngineError(
                "Tick at least one of the 14 observations; without a finding that is No Finding."
            )

    def _judge(self, study: Study) -> list[GateVerdict]:
        import numpy as np
        import torch

        from radui.processing.frame import to_model

        gate: Any = self._model("gate").model
        pixels = [to_model(each, gate.config.preprocessing)[0] for each in study.views]
        batch = torch.from_numpy(np.stack(pixels))[:, None].to(self.device)
        with torch.inference_mode():
            rows = gate(batch).softmax(-1).tolist()
        return [_verdict(row, gate.config.threshold) for row in rows]

    def _probabilities(self, study: Study) -> "Tensor":
        import torch

        from radui.models.observation_classifier import pool_views

        classifier: Any = self._model("observation_classifier").model
        inputs, grids = self._grids(study, "observation_classifier")
        with torch.inference_mode():
            return classifier.probabilities(classifier.classify(pool_views(grids, inputs.mask)))

    def _condition(self, study: Study) -> tuple[str, ...]:
        import torch

        from radui.models.observation_classifier import condition_labels

        classifier: Any = self._model("observation_classifier").model
        probabilities = self._remember("probabilities", study, self._probabilities)
        thresholds = torch.tensor(classifier.config.thresholds, device=probabilities.device)
        present = condition_labels(probabilities, thresholds)[0].tolist()
        return tuple(name for name, stated in zip(OBSERVATIONS, present, strict=True) if stated)

    def _classify(self, study: Study) -> tuple[Finding, ...]:
        labels = self.labels(study)
        rows = self._remember("probabilities", study, self._probabilities)[0].tolist()
        return tuple(
            Finding(name, _state(row, name in labels), (row[0], row[1], row[2], row[3]))
            for name, row in zip(OBSERVATIONS, rows, strict=True)
        )

    def _views(self, study: Study) -> list[View]:
        verdicts = self.gate(study)
        return [each.view or verdict.view for each, verdict in zip(study.views, verdicts, strict=True)]

    def _grids(self, study: Study, name: str) -> tuple[Any, "Tensor"]:
        """Model input and patch features; checkpoints with equal backbones share them."""
        import torch

        from radui.systems.inputs import model_input

        model: Any = self._model(name).model
        key = f"grids {self._fingerprint(name)} {model.config.preprocessing}"

        def compute(study: Study) -> tuple[Any, "Tensor"]:
            inputs = model_input(study, self._views(study), model.config.preprocessing, self.device)
            with torch.inference_mode():
                return inputs, model.grids(inputs.pixels)

        return self._remember(key, study, compute)

    def _fingerprint(self, name: str) -> str:
        from radui.models.registry import backbone_fingerprint

        return self._once(f"fingerprint {name}", lambda: backbone_fingerprint(self._model(name).model))

    def _model(self, name: str) -> "Checkpoint":
        return self._once(f"model {name}", lambda: self._load(name))

    def _load(self, name: str) -> "Checkpoint":
        from radui.models.registry import load

        checkpoint = load(self.checkpoints / name)
        checkpoint.model.to(self.device)
        return checkpoint

    def _system(self, name: str) -> Any:
        from radui.systems.xpronet import XProNetSystem

        return self._once(f"system {name}", lambda: {"xpronet": XProNetSystem}[name](self._model(name)))

    def _once(self, key: str, build: Callable[[], T]) -> T:
        value: T = self._loaded.get(key, build)
        return value

    def _remember(self, what: str, study: Study, compute: Callable[[Study], T]) -> T:
        kept: tuple[Study, T] = self._seen.get((what, _pictures(study)), lambda: (study, compute(study)))
        return kept[1]

    def forget(self, study: Study) -> None:
        """Drop what is kept of a study, when its browser tab closes."""
        pictures = _pictures(study)
        self._seen.drop(lambda key: key[1] == pictures)


def _pictures(study: Study) -> tuple[int, ...]:
    return tuple(map(id, study.views))


def _verdict(probabilities: Sequence[float], threshold: float) -> GateVerdict:
    _, frontal, lateral = probabilities
    chest = frontal + lateral
    view: View = "frontal" if frontal >= lateral else "lateral"
    return GateVerdict(chest, chest >= threshold, view, max(frontal, lateral) / max(chest, 1e-9))


def _state(probabilities: Sequence[float], present: bool) -> State:
    """Positive or uncertain where the label passes its threshold, else the likelier of the other two."""
    choices = (State.POSITIVE, State.UNCERTAIN) if present else (State.UNMENTIONED, State.NEGATIVE)
    return max(choices, key=lambda state: probabilities[state])

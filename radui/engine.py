"""The only conductor: a study and a system in, streamed predictions with evidence out.

Loads checkpoints when they are first needed, once for all threads. Models keep no state between calls,
so several threads may predict at the same time; what they ask of one system is decoded together.
"""

import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from radui.batching import LARGEST, Batcher
from radui.observations import OBSERVATIONS
from radui.processing.limits import is_out_of_memory
from radui.records import (
    Finding,
    GateVerdict,
    Prediction,
    Radiograph,
    SamplingConfig,
    Study,
    Synthesis,
    SystemStatus,
    View,
)
from radui.systems.assessment import CLASSIFIER, GATE, Assessor
from radui.systems.memo import Memo
from radui.systems.models import Models

TITLES = {
    "xpronet": "XProNet",
    "medrat": "MedRAT",
    "otdrg": "OTDRG",
    "adamatch_cyclic": "AdaMatch-Cyclic",
}
NEEDED = (GATE, CLASSIFIER)


class EngineError(Exception):
    """A request that cannot be served; the text says why and what to do."""


class Engine:
    """Checkpoints under a folder, ready to read studies; cheap to build, heavy parts load on first use.

    batch: how many users' studies a system decodes together; 1 takes one behind the other.
    """

    def __init__(self, checkpoints: Path, device: str = "cpu", batch: int = LARGEST) -> None:
        self.checkpoints, self.device, self.batch = checkpoints, device, batch
        self._models = Models(checkpoints, device)
        self._assessor = Assessor(self._models)
        self._batchers: Memo[str] = Memo()

    def systems(self) -> list[SystemStatus]:
        """The four systems of the project; those without a checkpoint say which command trains them."""
        return [SystemStatus(name, title, self._problem(name)) for name, title in TITLES.items()]

    def _problem(self, name: str) -> str | None:
        own = self.drawing() if name == "adamatch_cyclic" else (name,)
        return self._missing((*own, *NEEDED))

    def _missing(self, names: Sequence[str]) -> str | None:
        # Looks at files only, so that the page can open before torch is imported.
        for needed in names:
            if not (self.checkpoints / needed / "model.safetensors").exists():
                return (
                    f"Not trained yet: there is no checkpoint {needed}; train it with "
                    f"`python -m train.{needed}` (README, Training) and copy it into the checkpoints folder."
                )
        return None

    def synthesis_problem(self) -> str | None:
        """Why no radiograph can be drawn, one sentence that says what to do; None where one can."""
        return self._missing(self.drawing())

    def sampling(self) -> SamplingConfig:
        """How the synthesis draws unless it is told otherwise."""
        try:
            return SamplingConfig(**self._config("adamatch_cyclic")["config"]["sampling"])
        except (KeyError, TypeError, ValueError):
            return SamplingConfig()

    def synthesise(
        self,
        report: str,
        seed: int = 0,
        view: View = "frontal",
        sampling: SamplingConfig | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Synthesis]:
        """Draw the radiograph of a report by AdaMatch-Cyclic, a row of codes after the other.

        The last one is complete, unless it was cancelled; the same arguments draw the same picture. Raises
        EngineError without a checkpoint, SynthesisError for a report that cannot be drawn, CheckpointError
        for a damaged checkpoint.
        """
        if problem := self.synthesis_problem():
            raise EngineError(problem)
        system = self._models.system("adamatch_cyclic")
        yield from system.synthesise(report, seed, view, sampling, cancelled)

    def drawing(self) -> tuple[str, ...]:
        """What AdaMatch-Cyclic is made of: AdaMatch too where it was trained with its hints."""
        try:
            hinted = bool(self._config("adamatch_cyclic")["training"]["hints"])
        except (KeyError, TypeError):
            hinted = False
        return ("adamatch_cyclic", "adamatch") if hinted else ("adamatch_cyclic",)

    def _config(self, name: str) -> dict[str, Any]:
        """config.json of a checkpoint without loading it; empty where it cannot be read."""
        try:
            document = json.loads((self.checkpoints / name / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def warm_up(self) -> None:
        """Load everything that exists, so that the first study does not wait for it.

        What fails, for damage or for want of memory, is passed over; the request that needs it says so.
        """
        ready = [status.name for status in self.systems() if status.problem is None]
        if not ready:
            return
        for load, names in ((self._models.system, ready), (self._models.checkpoint, NEEDED)):
            for name in names:
                with suppress(Exception):
                    load(name)
        self._run_in(ready)

    def _run_in(self, systems: Sequence[str]) -> None:
        """Write a word of an empty picture: a layer's first run, which chooses its kernels, is slow."""
        empty = np.zeros((64, 64), np.float32)
        study = Study((Radiograph(empty.astype(np.uint8), empty),))
        for name in systems:
            with suppress(Exception), closing(self.predict(name, study)) as words:
                next(words, None)
        self.forget(study)

    def gate(self, study: Study) -> list[GateVerdict]:
        """Whether each picture is a chest radiograph, and its view; one verdict a picture."""
        return self._assessor.gate(study)

    def findings(self, study: Study) -> tuple[Finding, ...]:
        """The observation classifier's 14 findings in canonical order."""
        return self._assessor.findings(study)

    def labels(self, study: Study) -> tuple[str, ...]:
        """Observations that condition the report unless the user ticks others."""
        return self._assessor.labels(study)

    def forget(self, study: Study) -> None:
        """Drop what is kept of a study, when its browser tab closes."""
        self._assessor.forget(study)

    def predict(
        self,
        system: str,
        study: Study,
        labels: Sequence[str] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Generator[Prediction]:
        """Stream a system's report: texts that only grow, then one complete prediction with evidence.

        labels: observations to condition on instead of the classifier's; ends early when cancelled.
        Raises EngineError for an unknown or untrained system or label, CheckpointError for a damaged one.
        Seconds count from the request: gate, features and all.
        """
        started, shown = time.perf_counter(), 0
        self._check(system, labels)
        if cancelled():
            return
        request, batcher = self._request(system, study, labels), self._batcher(system)
        with closing(batcher.ask(request, cancelled)) as predictions:
            for prediction in predictions:
                if prediction.complete or len(prediction.report) > shown:  # one tried again begins anew
                    shown = len(prediction.report)
                    yield replace(prediction, seconds=time.perf_counter() - started)
                if prediction.complete:
                    return

    def reports(self, system: str, studies: Sequence[Study]) -> list[Prediction]:
        """Complete predictions of many studies, decoded together, without evidence.

        The same reports as `predict` gives one by one; seconds are a study's share. EngineError where the
        system cannot write, for damage or want of memory too: the sentence names it, and others may.
        """
        started = time.perf_counter()
        self._check(system, None)
        if not studies:
            return []
        with _telling(system):
            self._assessor.look_ahead(studies, system)
            requests = [self._request(system, study) for study in studies]
            found = self._models.system(system).reports(requests)
        share = (time.perf_counter() - started) / len(studies)
        return [replace(prediction, seconds=share) for prediction in found]

    def _request(self, system: str, study: Study, labels: Sequence[str] | None = None) -> Any:
        import torch

        from radui.systems.inputs import Request

        chosen = labels if labels is not None else self.labels(study)
        multi_hot = torch.tensor([[name in chosen for name in OBSERVATIONS]], device=self.device)
        inputs, grids = self._assessor.grids(study, system)
        return Request(inputs, grids, multi_hot, self.findings(study))

    def _batcher(self, system: str) -> Batcher[Any, Prediction]:
        return self._batchers.get(system, lambda: Batcher(self._models.system(system).predict, self.batch))

    def _check(self, system: str, labels: Sequence[str] | None) -> None:
        if system not in TITLES:
            raise EngineError(f"There is no system {system!r}; choose from {', '.join(TITLES)}.")
        if problem := self._problem(system):
            raise EngineError(problem)
        if labels is not None and (not labels or not set(labels) <= set(OBSERVATIONS)):
            raise EngineError(
                "Tick at least one of the 14 observations; without a finding that is No Finding."
            )


@contextmanager
def _telling(system: str) -> Iterator[None]:
    """Raise what a caller of many reports can do something about as EngineError; bugs stay what they are."""
    from radui.models.registry import CheckpointError

    try:
        yield
    except CheckpointError as error:
        raise EngineError(str(error)) from error
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise EngineError(
            f"There was not enough memory for {TITLES[system]}; decode fewer studies together, or use fewer "
            "systems."
        ) from error

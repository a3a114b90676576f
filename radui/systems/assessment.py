"""What is computed of a study before any report: gate, patch features, findings, labels to condition on."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from radui.observations import OBSERVATIONS, State
from radui.records import Finding, GateVerdict, Study, View
from radui.systems.memo import Memo
from radui.systems.models import Models

if TYPE_CHECKING:
    from torch import Tensor

    from radui.systems.inputs import ModelInput

GATE, CLASSIFIER = "gate", "observation_classifier"
REMEMBERED = 160  # values kept for the next system or the next run, about five a study

T = TypeVar("T")


class Assessor:
    """Looks at studies, each once: what it finds is kept until the study is forgotten or pushed out."""

    def __init__(self, models: Models) -> None:
        self.models = models
        # Keyed by the pictures themselves, which the value keeps alive, so that no id is reused; a study
        # with another indication has the same pictures.
        self.seen: Memo[tuple[str, tuple[int, ...]]] = Memo(REMEMBERED)

    def gate(self, study: Study) -> list[GateVerdict]:
        """Whether each picture is a chest radiograph, and its view; one verdict a picture."""
        return self._remember("gate", study, lambda: self._judge([study])[0])

    def findings(self, study: Study) -> tuple[Finding, ...]:
        """The observation classifier's 14 findings in canonical order."""
        return self._remember("findings", study, lambda: self._classify(study))

    def labels(self, study: Study) -> tuple[str, ...]:
        """Observations that condition the report unless the user ticks others."""
        return self._remember("labels", study, lambda: self._condition(study))

    def grids(self, study: Study, name: str) -> "tuple[ModelInput, Tensor]":
        """Model input and patch features; checkpoints with equal backbones share them."""
        return self._remember(self._kind(name), study, lambda: self._grids([study], name)[0])

    def look_ahead(self, studies: Sequence[Study], name: str) -> None:
        """Judge many studies and compute their features in one batch; what follows finds them ready."""
        self._fill("gate", studies, self._judge)
        for model in (CLASSIFIER, name):
            self._fill(self._kind(model), studies, partial(self._grids, name=model))

    def forget(self, study: Study) -> None:
        """Drop what is kept of a study."""
        pictures = _pictures(study)
        self.seen.drop(lambda key: key[1] == pictures)

    def _judge(self, studies: Sequence[Study]) -> list[list[GateVerdict]]:
        import numpy as np
        import torch

        from radui.processing.frame import to_model

        gate: Any = self.models.checkpoint(GATE).model
        pixels = [to_model(each, gate.config.preprocessing)[0] for study in studies for each in study.views]
        batch = torch.from_numpy(np.stack(pixels))[:, None].to(self.models.device)
        with torch.inference_mode():
            rows = iter(gate(batch).softmax(-1).tolist())
        return [[_verdict(next(rows), gate.config.threshold) for _ in study.views] for study in studies]

    def _grids(self, studies: Sequence[Study], name: str) -> "list[tuple[ModelInput, Tensor]]":
        import torch

        from radui.systems.inputs import model_input

        model: Any = self.models.checkpoint(name).model
        settings, device = model.config.preprocessing, self.models.device
        inputs = [model_input(study, self._views(study), settings, device) for study in studies]
        with torch.inference_mode():
            grids = model.grids(torch.cat([each.pixels for each in inputs]))
        return [(each, grids[row : row + 1]) for row, each in enumerate(inputs)]

    def _views(self, study: Study) -> list[View]:
        verdicts = self.gate(study)
        return [each.view or verdict.view for each, verdict in zip(study.views, verdicts, strict=True)]

    def _probabilities(self, study: Study) -> "Tensor":
        import torch

        from radui.models.observation_classifier import pool_views

        classifier: Any = self.models.checkpoint(CLASSIFIER).model
        inputs, grids = self.grids(study, CLASSIFIER)
        with torch.inference_mode():
            return classifier.probabilities(classifier.classify(pool_views(grids, inputs.mask)))

    def _condition(self, study: Study) -> tuple[str, ...]:
        import torch

        from radui.models.observation_classifier import condition_labels

        classifier: Any = self.models.checkpoint(CLASSIFIER).model
        probabilities = self._remember("probabilities", study, lambda: self._probabilities(study))
        thresholds = torch.tensor(classifier.config.thresholds, device=probabilities.device)
        present = condition_labels(probabilities, thresholds)[0].tolist()
        return tuple(name for name, stated in zip(OBSERVATIONS, present, strict=True) if stated)

    def _classify(self, study: Study) -> tuple[Finding, ...]:
        labels = self.labels(study)
        rows = self._remember("probabilities", study, lambda: self._probabilities(study))[0].tolist()
        return tuple(
            Finding(name, _state(row, name in labels), (row[0], row[1], row[2], row[3]))
            for name, row in zip(OBSERVATIONS, rows, strict=True)
        )

    def _kind(self, name: str) -> str:
        return f"grids {self.models.fingerprint(name)}"

    def _fill(
        self, what: str, studies: Sequence[Study], compute: Callable[[Sequence[Study]], Sequence[Any]]
    ) -> None:
        known = set(self.seen.known())
        missing = [study for study in studies if (what, _pictures(study)) not in known]
        for study, value in zip(missing, compute(missing) if missing else (), strict=True):
            self._remember(what, study, partial(_given, value))

    def _remember(self, what: str, study: Study, compute: Callable[[], T]) -> T:
        kept: tuple[Study, T] = self.seen.get((what, _pictures(study)), lambda: (study, compute()))
        return kept[1]


def _given(value: T) -> T:
    return value


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

"""The 14 x 4 states that OTDRG is conditioned on: the report's own, as noisy as the app's, or the app's."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from radui.models.observation_classifier import condition_labels, condition_states
from radui.models.registry import load
from radui.observations import NO_FINDING, OBSERVATION_INDEX, State
from train.corpus import Corpus
from train.observation_classifier import pooled_versions

States = NDArray[np.int64]
_PRESENT = (State.POSITIVE, State.UNCERTAIN)


@dataclass(frozen=True)
class StateConditions:
    """As train.report_data.Conditions, for states in place of labels.

    reference, predicted: (studies, 14) classes of `State`. rates: (14, 4, 4), P(predicted | stated).
    noise: share of train studies whose states are redrawn with the classifier's error rates on val.
    oracle: evaluate with the report's own states.
    """

    reference: States
    predicted: States
    rates: NDArray[np.float64]
    noise: float
    seed: int
    oracle: bool = False

    def draw(self, position: int, random: np.random.Generator | None) -> States:
        """(14,) int64; without random numbers the evaluation's choice."""
        if random is None:
            return (self.reference if self.oracle else self.predicted)[position]
        stated = self.reference[position]
        return redraw(stated, self.rates, random) if random.random() < self.noise else stated


def confusion_rates(reference: States, predicted: States, smoothing: float = 1.0) -> NDArray[np.float64]:
    """(14, 4, 4): P(predicted | stated) by observation, with `smoothing` studies of each kind added.

    The added studies follow what is predicted most for that observation, not a flat guess: a state that
    val hardly knows would otherwise be redrawn as anything.
    """
    kinds = len(State)
    counts = np.zeros((reference.shape[1], kinds, kinds))
    for k in range(reference.shape[1]):
        np.add.at(counts[k], (reference[:, k], predicted[:, k]), 1.0)
    prior = counts.sum(1, keepdims=True) / counts.sum((1, 2), keepdims=True)
    counts += smoothing * prior
    return counts / counts.sum(2, keepdims=True)


def redraw(stated: States, rates: NDArray[np.float64], random: np.random.Generator) -> States:
    """States as the classifier might have predicted them; "No Finding" follows from the others."""
    rows = rates[np.arange(len(stated)), stated]
    places = (rows.cumsum(1) < random.random(len(stated))[:, None]).sum(1)
    drawn = np.minimum(places, len(State) - 1)
    no_finding, devices = OBSERVATION_INDEX[NO_FINDING], OBSERVATION_INDEX["Support Devices"]
    others = np.delete(drawn, [no_finding, devices])
    drawn[no_finding] = State.UNMENTIONED if np.isin(others, _PRESENT).any() else State.POSITIVE
    return drawn


def predicted_states(classifier_folder: Path, corpus: Corpus, cache: Path) -> States:
    """(studies, 14): what the app's classifier would condition each study on."""
    classifier: Any = load(classifier_folder).model
    pooled = pooled_versions(classifier, corpus, cache, versions=1)[0]
    features = np.stack([pooled[list(views)].mean(0) for views in corpus.index])
    with torch.inference_mode():
        probabilities = classifier.probabilities(classifier.classify(torch.from_numpy(features)))
    labels = condition_labels(probabilities, torch.tensor(classifier.config.thresholds))
    states: States = condition_states(probabilities, labels).numpy()
    return states


def state_conditions(
    corpus: Corpus, classifier: Path, cache: Path, noise: float, seed: int, reference: States | None = None
) -> StateConditions:
    """Conditions of a corpus; `reference` replaces the rule labeler's states (stage labels, by a model)."""
    predicted = predicted_states(classifier, corpus, cache)
    stated = corpus.states if reference is None else reference
    held_out = corpus.where("val")
    rates = confusion_rates(stated[held_out], predicted[held_out])
    return StateConditions(stated, predicted, rates, noise, seed)

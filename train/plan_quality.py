"""Does OTDRG's transport plan say something? Its information, and what it says, observation by observation.

    python -m train.plan_quality --checkpoint checkpoints/otdrg --data DATA

information: mutual information of patch and label under the plan, nats; 0 is a uniform plan, log 14 = 2.64
the most. AUC: of what it costs less to move the patches to an observation that is present than to one that
is denied, against what the report states; the classifier's beside it. map: correlation of the plan's column,
in studies that state the observation, with what each patch adds to the classifier's logit; other map: the
same with the classifier's map of another study, which has the shape of a chest but not of this one.
A checkpoint without transport is measured by the plan that its projections would give: what alignment adds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from radui.models.observation_classifier import ObservationClassifier, pool_views, present
from radui.models.otdrg import OTDRG, Memory
from radui.models.registry import load
from radui.observations import NO_FINDING, OBSERVATIONS, State
from radui.records import FloatArray
from train.corpus import Corpus, load_corpus, positive
from train.features import Grids, cached_grids
from train.observation_classifier import observation_aucs
from train.otdrg_reliance import parse, read_otdrg

FEWEST = 5  # studies with the observation that a line needs


@dataclass(frozen=True)
class ObservationQuality:
    """What the plan says of one observation that `count` studies state; see the head of this file."""

    name: str
    count: int
    auc: float
    classifier_auc: float
    map: float
    other_map: float


@dataclass(frozen=True)
class PlanQuality:
    """information: nats, mean over studies; observations: those that FEWEST studies state."""

    information: float
    observations: list[ObservationQuality]


def information(plan: Tensor) -> float:
    """Mutual information, nats, of the two sides of a plan (M, N) that sums to 1."""
    joint = plan.double()
    apart = joint.sum(1, keepdim=True) @ joint.sum(0, keepdim=True)
    return float(torch.xlogy(joint, joint / apart.clamp_min(1e-300)).sum())


def gains(model: OTDRG, grids: Tensor) -> Tensor:
    """(1, V, C, h, w) -> (14,): how much nearer the patches are to each observation present than denied."""
    kinds = len(OBSERVATIONS)
    denied = torch.full((kinds + 1, kinds), int(State.NEGATIVE))
    denied[:, OBSERVATIONS.index(NO_FINDING)] = State.UNMENTIONED  # which is how reports deny it
    denied[1:][torch.eye(kinds, dtype=torch.bool)] = State.POSITIVE
    distance = _encoded(model, grids.expand(kinds + 1, *grids.shape[1:]), denied).transport.distance  # type: ignore[union-attr]
    return distance[0] - distance[1:]


def _encoded(model: OTDRG, grids: Tensor, states: Tensor) -> Memory:
    return model.encode(grids, torch.ones(grids.shape[:2], dtype=torch.bool), states)


def logit_maps(classifier: ObservationClassifier, grids: Tensor, size: tuple[int, int]) -> Tensor:
    """What each patch adds to the logit of present over denied: (V, C, h, w) -> (14, V, *size)."""
    head = classifier.head.weight.unflatten(0, (len(OBSERVATIONS), len(State)))
    weight = head[:, State.POSITIVE] - head[:, State.NEGATIVE]
    return F.interpolate(torch.einsum("vchw,kc->kvhw", grids, weight), size, mode="bilinear")


@dataclass(frozen=True)
class _Study:
    """information: nats; gains, known: (14,), of plan and classifier; columns, maps: (14, patches)."""

    information: float
    gains: FloatArray
    known: FloatArray
    columns: FloatArray
    maps: FloatArray


@torch.inference_mode()
def plan_quality(
    model: OTDRG,
    classifier: ObservationClassifier,
    corpus: Corpus,
    grids: Sequence[Grids],
    positions: Sequence[int],
) -> PlanQuality:
    """Measure a model with transport on studies; grids: of the model's backbone, of the classifier's."""
    stated = positive(corpus.states)[list(positions)]
    studies = [_study(model, classifier, corpus, grids, position) for position in positions]
    auc = observation_aucs(np.stack([each.gains for each in studies]), stated)
    known = observation_aucs(np.stack([each.known for each in studies]), stated)
    rows = []
    for k in np.flatnonzero((stated.sum(0) >= FEWEST) & ~stated.all(0)):
        having, name = [studies[place] for place in np.flatnonzero(stated[:, k])], OBSERVATIONS[k]
        rows.append(
            ObservationQuality(name, len(having), auc[name], known[name], *_correlations(having, int(k)))
        )
    return PlanQuality(float(np.mean([each.information for each in studies])), rows)


def _study(
    model: OTDRG, classifier: ObservationClassifier, corpus: Corpus, grids: Sequence[Grids], position: int
) -> _Study:
    own, other = (_views(each, corpus.index[position]) for each in grids)
    memory = _encoded(model, own, torch.from_numpy(corpus.states[position])[None])
    assert memory.transport is not None, "the model has no transport"
    plan = memory.transport.plan[0]
    pooled = pool_views(other, torch.ones(other.shape[:2], dtype=torch.bool))
    known = present(classifier.probabilities(classifier.classify(pooled)))[0]
    maps = logit_maps(classifier, other[0], (own.shape[-2], own.shape[-1])).flatten(1)
    return _Study(information(plan), gains(model, own).numpy(), known.numpy(), plan.T.numpy(), maps.numpy())


def _views(grids: Grids, views: Sequence[int]) -> Tensor:
    return torch.from_numpy(grids[list(views)].astype(np.float32))[None]


def _correlations(studies: Sequence[_Study], k: int) -> tuple[float, float]:
    """Mean correlation of column k with the own map of k and with the next study's (of as many views)."""
    own, others = [], []
    for place, study in enumerate(studies):
        own.append(_correlation(study, study, k))
        rest = [*studies[place + 1 :], *studies[:place]]
        fitting = [each for each in rest if each.maps.shape == study.maps.shape]
        others += [_correlation(study, each, k) for each in fitting[:1]]
    return float(np.mean(own)), float(np.mean(others)) if others else float("nan")


def _correlation(study: _Study, other: _Study, k: int) -> float:
    return float(np.corrcoef(study.columns[k], other.maps[k])[0, 1])


def report(quality: PlanQuality) -> str:
    """A Markdown table under the information."""
    lines = [
        f"information {quality.information:.4f} of {np.log(len(OBSERVATIONS)):.2f} nats",
        "",
        "| observation | studies | AUC | classifier's AUC | map | other map |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in quality.observations:
        values = (row.auc, row.classifier_auc, row.map, row.other_map)
        lines.append(f"| {row.name} | {row.count} | " + " | ".join(f"{each:.2f}" for each in values) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the options, measure, print."""
    options = parse(__doc__, arguments)
    model, classifier = read_otdrg(options.checkpoint), load(options.classifier).model
    assert isinstance(classifier, ObservationClassifier), "--classifier is of another model"
    model.config = replace(model.config, use_transport=True)
    corpus = load_corpus(options.data, options.cache)
    grids = [
        cached_grids(each.backbone, corpus.pictures, each.config.preprocessing, 0, options.cache)
        for each in (model, classifier)
    ]
    print(report(plan_quality(model, classifier, corpus, grids, corpus.where(options.split))))


if __name__ == "__main__":
    main()

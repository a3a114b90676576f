"""The transport plan on the picture (OTDRG Fig. 5): heat maps, figures of the solution, another epsilon."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from radui.observations import OBSERVATIONS, State
from radui.processing.frame import map_to_original
from radui.processing.labeler import mentions
from radui.processing.reports import sentences
from radui.records import FloatArray, Frame, ObservationLink, TransportPlan

TOLERANCE = 1e-3
"""Share of the mass that may lie on wrong patches in a plan that counts as converged."""


@dataclass(frozen=True)
class TransportFigures:
    """What a plan amounts to.

    cost: <T, C>; entropy: -sum T log T, in nats; distance: cost - epsilon * entropy (eq. 8 with the sign of
    algorithm 1). patch_mass: (views, rows, columns); label_mass: (labels,). error: sum over patches of
    |mass - uniform|; converged: error is at most TOLERANCE.
    """

    cost: float
    entropy: float
    distance: float
    patch_mass: FloatArray
    label_mass: FloatArray
    error: float
    converged: bool


def transport_plan(
    plan: FloatArray,
    cost: FloatArray,
    grid: tuple[int, int, int],
    slots: Sequence[int],
    frames: Sequence[Frame],
    states: Sequence[int],
    epsilon: float,
    iterations: int,
) -> TransportPlan:
    """A model's plan and cost (V * rows * columns, 14) as maps of the pictures that were given.

    grid: (V, rows, columns) of the model; slots: which of the V places each given picture took.
    """
    weights, costs = (each.reshape(*grid, -1)[list(slots)].astype(np.float32) for each in (plan, cost))
    named = tuple(State(state) for state in states)
    return TransportPlan(weights, costs, OBSERVATIONS, named, epsilon, iterations, tuple(frames))


def label_map(plan: TransportPlan, label: str, view: int) -> FloatArray:
    """One label's mass over a view's cells, (rows, columns); over all views it sums to 1 (Fig. 5).

    ValueError for a label that the plan has not.
    """
    column = plan.weights[..., plan.labels.index(label)]
    return np.asarray(column[view] / column.sum(), dtype=np.float32)


def heat_map(plan: TransportPlan, label: str, view: int, smooth: bool = False) -> FloatArray:
    """`label_map` in original pixels, (height, width); NaN where the model did not see the picture."""
    cells = label_map(plan, label, view)
    return map_to_original(plan.frames[view], cells, "bilinear" if smooth else "nearest")


def figures(plan: TransportPlan) -> TransportFigures:
    """Cost, entropy, marginals, and whether the iterations were enough."""
    weights = plan.weights.astype(np.float64)
    cost = float((weights * plan.cost).sum())
    entropy = float(-(weights * np.log(np.maximum(weights, 1e-30))).sum())
    patches = weights.sum(-1)
    error = float(np.abs(patches - 1 / patches.size).sum())
    return TransportFigures(
        cost=cost,
        entropy=entropy,
        distance=cost - plan.epsilon * entropy,
        patch_mass=patches.astype(np.float32),
        label_mass=weights.sum((0, 1, 2)).astype(np.float32),
        error=error,
        converged=error <= TOLERANCE,
    )


def resolve(plan: TransportPlan, epsilon: float, iterations: int | None = None) -> TransportPlan:
    """The plan that another epsilon gives for the same cost; the report was written with the first one.

    ValueError where epsilon is not positive.
    """
    from ot.batch import solve_batch

    if epsilon <= 0:
        raise ValueError("Epsilon must be greater than 0.")
    steps = plan.iterations if iterations is None else iterations
    cost: NDArray[np.float64] = plan.cost.reshape(1, -1, len(plan.labels)).astype(np.float64)
    result = solve_batch(cost, epsilon, max_iter=steps, tol=0.0, method="log_sinkhorn", grad="detach")
    weights = result.plan.reshape(plan.cost.shape).astype(np.float32)
    return replace(plan, weights=weights, epsilon=epsilon, iterations=steps)


def observation_links(report: str) -> tuple[ObservationLink, ...]:
    """Each observation that a sentence states, in the order of the text: sentence -> label -> heat map."""
    spans = sentences(report)
    found = {(each.sentence, each.observation, each.state): None for each in mentions(report)}
    return tuple(
        ObservationLink(spans[index].start, spans[index].end, observation, state)
        for index, observation, state in found
    )

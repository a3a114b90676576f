"""What aligns an OTDRG's patches with its labels: L_OT of eq. 12, and a contrast that keeps the plan sharp.

The contrast is not in the paper: a study's own labels shall cost less to reach than another study's. L_OT by
itself is least where all patches and labels are one direction; trained so, the plan is all but uniform and
hardly says where a finding is (`train.plan_quality` measures it).
"""

from dataclasses import dataclass, replace

from torch import Tensor

from radui.models.otdrg import Memory
from radui.nn.transport import TransportConfig, transport, transport_cost
from radui.observations import NO_FINDING, OBSERVATIONS, State
from train.losses import matching_loss


@dataclass(frozen=True)
class Alignment:
    """transport_weight: lambda of eq. 12, which the paper does not print. contrast_weight: 0 is the paper.

    temperature: of the contrast's distances. iterations: of Sinkhorn in the contrast's B x B problems; at
    epsilon .10 the distances have settled by then.
    """

    transport_weight: float = 0.1
    contrast_weight: float = 0.0
    temperature: float = 0.02
    iterations: int = 20


def alignment_losses(
    memory: Memory, states: Tensor, config: TransportConfig, weights: Alignment
) -> dict[str, Tensor]:
    """The parts by name and "alignment", their weighted sum; nothing for a memory without transport.

    states: (B, 14), what the labels of `memory` say.
    """
    if memory.transport is None:
        return {}
    parts = {"transport": memory.transport.distance.mean()}
    total = weights.transport_weight * parts["transport"]
    if weights.contrast_weight:
        parts["contrast"] = transport_contrast(memory, states, config, weights)
        total = total + weights.contrast_weight * parts["contrast"]
    return parts | {"alignment": total}


def transport_contrast(memory: Memory, states: Tensor, config: TransportConfig, weights: Alignment) -> Tensor:
    """Cross-entropy of the own labels among the batch's and of the own patches, by distance; a scalar.

    states: (B, 14), what the labels of `memory` say; studies that are alike are no negatives.
    """
    distances = pair_distances(memory, replace(config, iterations=weights.iterations, gradient="envelope"))
    scale = distances.new_tensor(1 / weights.temperature)
    return matching_loss(-distances, -distances, scale, alike(states))


def pair_distances(memory: Memory, config: TransportConfig) -> Tensor:
    """Transport distance (eq. 8) of each study's patches to each study's labels, (B, B) float32.

    Row i, column j: patches of i, labels of j. ValueError for a memory without label tokens.
    """
    if memory.label_tokens is None:
        raise ValueError("Without labels there is nothing to move the patches to; leave the labels in.")
    batch, patches = memory.image_tokens.shape[:2]
    cost = transport_cost(memory.image_tokens.flatten(0, 1), memory.label_tokens.flatten(0, 1), config.unit)
    pairs = cost.unflatten(0, (batch, patches)).unflatten(2, (batch, -1)).transpose(1, 2).flatten(0, 1)
    exists = memory.mask[:, 1 : 1 + patches].repeat_interleave(batch, 0)  # the prompt begins with one token
    return transport(pairs, exists, config).distance.unflatten(0, (batch, batch))


def alike(states: Tensor) -> Tensor:
    """(B, 14) classes of `State` -> (B, B) bool: the same observations are present.

    What is denied or not mentioned is a matter of the reader's style, not of the image.
    """
    found = (states == State.POSITIVE) | (states == State.UNCERTAIN)
    found[:, OBSERVATIONS.index(NO_FINDING)] = False
    return (found[:, None] == found[None]).all(-1)

"""The systems by name: which class reads which checkpoint."""

from typing import Any

from radui.models.registry import Checkpoint
from radui.systems.adamatch_cyclic import AdaMatchCyclicSystem
from radui.systems.medrat import MedRATSystem
from radui.systems.otdrg import OTDRGSystem
from radui.systems.xpronet import XProNetSystem

SYSTEMS: dict[str, type[Any]] = {
    "xpronet": XProNetSystem,
    "medrat": MedRATSystem,
    "otdrg": OTDRGSystem,
    "adamatch_cyclic": AdaMatchCyclicSystem,
}


def build(name: str, checkpoint: Checkpoint) -> Any:
    """A system at work on its checkpoint; CheckpointError where that is another model's or incomplete."""
    return SYSTEMS[name](checkpoint)

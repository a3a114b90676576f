"""What is wrong with a drawn patient: a plan that both films and the report follow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radui.observations import OBSERVATIONS

# Drawable observations and how often each is drawn when none are asked for.
WEIGHTS: dict[str, float] = {
    "Cardiomegaly": 0.20,
    "Lung Opacity": 0.15,
    "Lung Lesion": 0.12,
    "Consolidation": 0.12,
    "Pneumothorax": 0.12,
    "Pleural Effusion": 0.20,
    "Fracture": 0.09,
    "Support Devices": 0.18,
}
DRAWABLE: tuple[str, ...] = tuple(WEIGHTS)
ZONES: dict[str, float] = {"upper": 0.27, "mid": 0.53, "lower": 0.78}
PIXELS_PER_CM = 12.0
DEVICES: tuple[str, ...] = ("pacemaker", "venous line")


@dataclass(frozen=True)
class Plan:
    """One finding to draw.

    side: the patient's, 1 left and -1 right. zone: key of `ZONES`, height in the lung. size: 0 (small)
    to 1 (large). behind: -1 at the breastbone to 1 at the spine. device: one of `DEVICES`, else "".
    rib: 0 is the first.
    """

    observation: str
    side: int
    zone: str
    size: float
    behind: float
    device: str = ""
    rib: int = 0

    @property
    def nodule_radius(self) -> float:
        """Return the radius of a lung lesion in pixels."""
        return 9 + 9 * self.size


def choose_observations(rng: np.random.Generator) -> tuple[str, ...]:
    """Draw what a patient has; about one in four has nothing."""
    return tuple(name for name, weight in WEIGHTS.items() if rng.random() < weight)


def make_plans(observations: Sequence[str], seed: int) -> tuple[Plan, ...]:
    """Return a plan for each observation in canonical order; ValueError for one that cannot be drawn.

    A finding's plan depends on the seed and the finding alone, not on what else is drawn.
    """
    unknown = [name for name in observations if name not in DRAWABLE]
    if unknown:
        raise ValueError(f"Cannot draw {', '.join(unknown)}: choose from {', '.join(DRAWABLE)}.")
    return tuple(_make_plan(name, seed) for name in OBSERVATIONS if name in observations)


def _make_plan(name: str, seed: int) -> Plan:
    rng = np.random.default_rng([seed, 100 + OBSERVATIONS.index(name)])
    side = int(rng.choice((-1, 1)))
    zone = str(rng.choice(tuple(ZONES)))
    device = str(rng.choice(DEVICES)) if name == "Support Devices" else ""
    # A generator sits under the left collar bone as a rule, a line enters from the right.
    side = {"pacemaker": 1, "venous line": -1}.get(device, side)
    behind = rng.uniform(0.2, 0.6) if zone == "lower" else rng.uniform(-0.4, 0.5)
    return Plan(name, side, zone, float(rng.random()), float(behind), device, int(rng.integers(4, 8)))

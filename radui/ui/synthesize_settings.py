"""What the sliders of the Synthesize tab, or a script, ask for -> settings inside their bounds."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from radui.records import SamplingConfig, View

SAMPLES = 4
TOP_P, TEMPERATURE, GUIDANCE = (0.05, 1.0), (0.0, 2.0), (0.0, 6.0)
MAX_SEED = 2**31 - SAMPLES


@dataclass(frozen=True)
class Settings:
    """How a radiograph is drawn."""

    view: View
    seed: int
    sampling: SamplingConfig


def read_settings(view: Any, seed: Any, top_p: Any, temperature: Any, guidance: Any) -> Settings:
    """Whatever a browser sends, inside the sliders' bounds."""
    sampling = SamplingConfig(
        _within(top_p, TOP_P), _within(temperature, TEMPERATURE), _within(guidance, GUIDANCE)
    )
    shown: View = "lateral" if view == "lateral" else "frontal"
    return Settings(shown, int(_within(seed or 0, (0, MAX_SEED))), sampling)


def _within(value: Any, bounds: tuple[float, float]) -> float:
    number = float(value) if isinstance(value, int | float) and isfinite(value) else bounds[0]
    return min(max(number, bounds[0]), bounds[1])

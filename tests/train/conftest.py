import sys

import pytest


@pytest.fixture(autouse=True)
def fresh_accelerator():
    """Accelerate keeps its settings for the whole process; a run with other ones would refuse to start."""
    yield
    if state := sys.modules.get("accelerate.state"):
        state.AcceleratorState._reset_state(reset_partial_state=True)
        state.GradientState._reset_state()

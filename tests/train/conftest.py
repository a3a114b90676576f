import json
import sys

import pytest


@pytest.fixture(autouse=True)
def fresh_accelerator():
    """Accelerate keeps its settings for the whole process; a run with other ones would refuse to start."""
    yield
    if state := sys.modules.get("accelerate.state"):
        state.AcceleratorState._reset_state(reset_partial_state=True)
        state.GradientState._reset_state()


@pytest.fixture
def finished_run(tmp_path):
    """finished_run(document, score): a run with that config.json; it kept its second epoch of three."""

    def finished_run(document, score):
        run = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        (run / "checkpoint").mkdir(parents=True)
        (run / "checkpoint" / "config.json").write_text(json.dumps(document))
        (run / "log.csv").write_text(
            "epoch,words,transport,score,BLEU-4,CIDEr,CE-14 macro F1\n"
            "1,3.0,0.9,,,,\n"
            f"2,2.0,0.8,{score},0.1,{score},0.3\n"
            "3,1.0,0.7,0.1,0.5,0.5,0.5\n"
        )
        return run

    return finished_run

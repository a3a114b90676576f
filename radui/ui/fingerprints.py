"""Which weights wrote a report: a hash of the checkpoint folders, computed once a system."""

from functools import cache
from pathlib import Path

from radui.engine import NEEDED, Engine
from radui.reading_study import checkpoint_sha256


def fingerprint(engine: Engine, system: str) -> str:
    """Return the SHA-256 over a system's checkpoint and those of gate and classifier; "" without a folder."""
    return _fingerprint(engine.checkpoints, system)


@cache
def _fingerprint(checkpoints: Path, system: str) -> str:
    try:
        return checkpoint_sha256(checkpoints, (system, *NEEDED))
    except OSError:
        return ""

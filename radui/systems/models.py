"""Checkpoints of one folder, each loaded when it is first needed, once for all threads."""

from pathlib import Path
from typing import Any

from radui.systems.memo import Memo


class Models:
    """Checkpoints by name on one device; CheckpointError where one is missing or damaged."""

    def __init__(self, folder: Path, device: str) -> None:
        self.folder, self.device = folder, device
        self.loaded: Memo[str] = Memo()

    def checkpoint(self, name: str) -> Any:
        """A loaded checkpoint, `radui.models.registry.Checkpoint`."""
        return self.loaded.get(f"model {name}", lambda: self._load(name))

    def system(self, name: str) -> Any:
        """A system at work on its checkpoint."""
        from radui.systems.registry import build

        return self.loaded.get(f"system {name}", lambda: build(name, self.checkpoint(name)))

    def fingerprint(self, name: str) -> str:
        """What two checkpoints have in common when they make the same patch features of a picture."""
        return self.loaded.get(f"fingerprint {name}", lambda: self._fingerprint(name))

    def _load(self, name: str) -> Any:
        from radui.models.registry import CheckpointError, load

        checkpoint = load(self.folder / name)
        if (found := checkpoint.facts["model"]) != name:
            raise CheckpointError(
                f"The checkpoint {name} is of another model ({found}); copy the right one into its folder."
            )
        checkpoint.model.to(self.device)
        return checkpoint

    def _fingerprint(self, name: str) -> str:
        from radui.models.registry import backbone_fingerprint

        model: Any = self.checkpoint(name).model
        return f"{backbone_fingerprint(model)} {model.config.preprocessing}"

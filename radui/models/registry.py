"""Checkpoint folders: config.json + model.safetensors (+ vocab.json) rebuild a model."""

import dataclasses
import json
import math
import os.path
import threading
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import nn

from radui.models.adamatch import AdaMatch, AdaMatchConfig
from radui.models.adamatch_cyclic import AdaMatchCyclic, AdaMatchCyclicConfig
from radui.models.gate import Gate, GateConfig
from radui.models.medrat import MedRAT, MedRATConfig
from radui.models.observation_classifier import ObservationClassifier, ObservationClassifierConfig
from radui.models.otdrg import OTDRG, OTDRGConfig
from radui.models.vqgan import VQGAN, VQGANConfig
from radui.models.xpronet import XProNet, XProNetConfig
from radui.processing.limits import is_out_of_memory

MODELS: dict[str, tuple[type[Any], type[nn.Module]]] = {
    "adamatch": (AdaMatchConfig, AdaMatch),
    "adamatch_cyclic": (AdaMatchCyclicConfig, AdaMatchCyclic),
    "gate": (GateConfig, Gate),
    "medrat": (MedRATConfig, MedRAT),
    "observation_classifier": (ObservationClassifierConfig, ObservationClassifier),
    "vqgan": (VQGANConfig, VQGAN),
    "otdrg": (OTDRGConfig, OTDRG),
    "xpronet": (XProNetConfig, XProNet),
}
FORMAT = 1


class CheckpointError(Exception):
    """A checkpoint is missing, damaged or of another version; the text says which and what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model with the facts that came with it (provenance, scores, label names)."""

    name: str
    model: nn.Module
    facts: dict[str, Any]
    folder: Path


def save(folder: Path, model_name: str, model: nn.Module, facts: dict[str, Any], half: bool = True) -> None:
    """Write config.json and model.safetensors; `half` stores float tensors as fp16, half the bytes."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().contiguous().cpu() for name, tensor in model.state_dict().items()}
    if half:
        tensors = {name: t.half() if t.is_floating_point() else t for name, t in tensors.items()}
    save_file(tensors, str(folder / "model.safetensors"))
    config = dataclasses.asdict(cast(Any, model.config))
    document = {"format": FORMAT, "model": model_name, "config": config, **facts}
    (folder / "config.json").write_text(json.dumps(document, indent=1) + "\n")


# Two threads that import transformers for the first time at once find it half made, and one of them fails.
_BUILDING = threading.Lock()


def load(folder: Path) -> Checkpoint:
    """Rebuild the model in float32 evaluation mode; raises CheckpointError with one sentence.

    An error for want of memory is raised as it is: nothing is wrong with the checkpoint.
    """
    import torch
    from safetensors.torch import load_file

    document = read_config(folder)
    config_class, model_class = MODELS[document["model"]]
    try:
        with _BUILDING:
            model = model_class(from_json(config_class, document["config"]))
        weights = load_file(str(folder / "model.safetensors"))
        model.load_state_dict({k: t.float() if t.dtype == torch.float16 else t for k, t in weights.items()})
        model.eval()
    except ImportError as error:
        raise CheckpointError(
            f"The checkpoint {folder.name} needs a package that is missing or broken ({error.name}); "
            "install requirements.txt again."
        ) from error
    except Exception as error:  # a wrong number in the configuration may break any layer, in any way
        if is_out_of_memory(error):
            raise
        raise CheckpointError(
            f"The checkpoint {folder.name} is damaged or does not fit its config.json; train it again."
        ) from error
    return Checkpoint(folder.name, model, document, folder)


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a checkpoint, checked for format and model name; reads no weights."""
    path = folder / "config.json"
    # os.path answers "no" where Path raises: folders without permission, names that are too long
    if not os.path.isfile(path) or not os.path.isfile(folder / "model.safetensors"):
        known = ", ".join(available(folder.parent)) or "none"
        raise CheckpointError(
            f"There is no checkpoint {folder.name}; train it, or choose from those that exist: {known}."
        )
    try:
        document: Any = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"config.json of the checkpoint {folder.name} cannot be read; copy it again."
        ) from error
    if not _is_known(document):
        raise CheckpointError(
            f"The checkpoint {folder.name} is of another version of radui; update radui or train it again."
        )
    return document


def _is_known(document: Any) -> bool:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return False
    return isinstance(document.get("model"), str) and document["model"] in MODELS


def available(root: Path) -> list[str]:
    """Names of the checkpoint folders under a root."""
    folders = (path.parent for path in root.glob("*/config.json"))
    return sorted(folder.name for folder in folders if (folder / "model.safetensors").exists())


def from_json(kind: Any, value: Any) -> Any:
    """Build nested frozen dataclasses and tuples from what json.load gives.

    TypeError for unknown keys and for values of another type; ValueError for numbers that are not finite.
    """
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        if not isinstance(value, dict):
            raise TypeError(f"{kind.__name__} is not written as an object")
        unknown = set(value) - set(hints)
        if unknown:
            raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
        return kind(**{name: from_json(hints[name], item) for name, item in value.items()})
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise TypeError(f"{value!r} is not written as a list")
        return tuple(from_json(typing.get_args(kind)[0], item) for item in value)
    if isinstance(kind, types.UnionType) and value is not None:
        return from_json(typing.get_args(kind)[0], value)
    _check_plain(kind, value)
    return value


def _check_plain(kind: Any, value: Any) -> None:
    """Refuse a number, word or switch of another type here, where the checkpoint can still be named."""
    if typing.get_origin(kind) is typing.Literal and value not in typing.get_args(kind):
        raise TypeError(f"{value!r} is none of {typing.get_args(kind)}")
    wanted = {int: (int,), float: (int, float), str: (str,), bool: (bool,)}.get(kind)
    if wanted and (not isinstance(value, wanted) or isinstance(value, bool) != (kind is bool)):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")


def backbone_fingerprint(model: nn.Module) -> str:
    """Sixteen hex digits of a model's backbone weights: equal ones give equal patch features."""
    import hashlib

    digest = hashlib.sha256()
    for name, tensor in cast(nn.Module, model.backbone).state_dict().items():
        digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]

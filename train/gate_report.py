"""What passes the gate and should not, kind by kind, with counts and 95 % Wilson intervals.

    python -m train.gate_report --data DATA --others FOLDER

Every picture is one that the gate was not trained on: the held-out third of FOLDER (head and abdomen
pictures), of the libraries' photographs and of the slices that pydicom ships, photographs that Gradio ships,
noise and patterns of another seed, drawn studies, and films of 400 test studies as they are, turned, tilted,
mirrored, inverted and cut.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from radui.models.gate import Gate
from radui.models.registry import load
from radui.nn.backbones import EfficientNetLite
from train.data.synthetic import draw_study
from train.gate import chest_probability, features
from train.gate_pictures import (
    Change,
    Picture,
    chest_pictures,
    cut,
    drawn_others,
    inverted,
    other_pictures,
    package_folder,
    read_display,
    shipped_slices,
    turned,
)

# Not the seed of train.gate, whose patterns were trained on.
SEED = 902_311


# What is done to a film; each makes it unfit to be read as it stands.
SPOILS: dict[str, Change] = {
    "turned by 90 degrees": turned(90),
    "turned by 180 degrees": turned(180),
    "turned by 270 degrees": turned(270),
    "tilted by 45 degrees": turned(45),
    "tilted by 20 degrees": turned(20),
    "inverted": inverted,
    "mirrored": lambda pixels: np.ascontiguousarray(pixels[:, ::-1]),
    "cut to the lower half": cut((0.5, 1), (0, 1)),
    "cut to a corner": cut((0, 1 / 3), (0, 1 / 3)),
}


def groups(data: Path, others: Path, cache: Path, spoiled: int) -> Iterator[tuple[str, list[Picture]]]:
    """Kinds of picture in the order of the table, films last."""
    held = [each for each in other_pictures(others) if each.held_out]
    yield "head and abdomen (folder)", [each for each in held if each.source == "folder"]
    yield "CT, MR, ultrasound, scintigraphy", [each for each in shipped_slices() if each.held_out]
    yield "photographs and graphics", [each for each in held if each.source != "folder"] + list(photographs())
    patterns = list(drawn_others(400, SEED))
    for name, kind in (("white noise", 0), ("smooth noise", 1), ("stripes", 2), ("discs", 3)):
        yield name, patterns[kind::4]
    studies = [draw_study(SEED + number) for number in range(50)]
    yield "drawn frontal films", [Picture(each.frontal, "frontal", "drawn", True) for each in studies]
    yield "drawn lateral films", [Picture(each.lateral, "lateral", "drawn", True) for each in studies]
    films = list(chest_pictures(data, cache, "test", 400, SEED))
    for view in ("frontal", "lateral"):
        seen = [each for each in films if each.kind == view]
        for name, change in SPOILS.items():
            yield (
                f"{view}, {name}",
                [Picture(change(each.pixels), "other", name, True) for each in seen[:spoiled]],
            )
        yield f"{view}, as it is", seen


def photographs() -> Iterator[Picture]:
    """The example pictures of Gradio."""
    folder = package_folder("gradio", "media_assets/images")
    for path in sorted(folder.iterdir()):
        if (pixels := read_display(path)) is not None:
            yield Picture(pixels, "other", "gradio", True)


def row(gate: Gate, name: str, pictures: list[Picture]) -> str:
    """Name, count, how many pass, their share with its interval in percent."""
    from scipy.stats import binomtest

    assert isinstance(gate.backbone, EfficientNetLite)
    inputs = features(gate.backbone, pictures, 0, SEED)[0]
    passed = int((chest_probability(gate, inputs) >= gate.config.threshold).sum())
    interval = binomtest(passed, len(pictures)).proportion_ci(method="wilson")
    share = f"{100 * passed / len(pictures):5.1f} %  ({100 * interval.low:.1f}-{100 * interval.high:.1f})"
    return f"{name:36} {len(pictures):5} {passed:5}  {share}"


def main() -> None:
    """Parse the options and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--others", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/gate"))
    parser.add_argument("--cache", type=Path, default=Path("runs/cache/pictures.npy"))
    parser.add_argument("--spoiled", type=int, default=300, help="that are turned, inverted and cut")
    options = parser.parse_args()
    gate = load(options.checkpoint).model
    assert isinstance(gate, Gate)
    print(f"{'pictures':36} {'n':>5} {'pass':>5}  share (95 % interval)")
    for name, pictures in groups(options.data, options.others, options.cache, options.spoiled):
        print(row(gate, name, pictures), flush=True)


if __name__ == "__main__":
    main()

"""Words of a report and the adaptive patches that fit them best (AdaMatch Fig. 8), on a drawn radiograph.

    python -m train.patch_figure --checkpoint checkpoints/adamatch --out fig8.png

The radiograph is drawn by train.data.synthetic: no patient's picture leaves the data set.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from radui.explain.patches import best_patches, shift
from radui.models.registry import load
from radui.processing.entities import find_entities
from radui.records import AdaptivePatches, ByteArray, FloatArray, Radiograph, Study
from radui.systems.adamatch import AdaMatchSystem
from radui.systems.inputs import model_input
from train.data.synthetic import draw_study

ABNORMAL = ("disease disorder", "sign symptom")


def draw_patches(
    picture: ByteArray,
    patches: AdaptivePatches,
    tokens: Sequence[int],
    report: str,
    out: Path,
    count: int = 3,
) -> None:
    """Each token's best patches on the first picture, a colour a token, an arrow from the fixed cell."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    figure = Figure(figsize=(6, 6.4), layout="constrained")
    axes = figure.add_subplot(xticks=[], yticks=[], title=report)
    axes.title.set(wrap=True, fontsize=8)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
    for number, token in enumerate(tokens):
        colour = colormaps["tab10"](number % 10)
        start, end = patches.words[token]
        for place, _ in [each for each in best_patches(patches, token, count) if patches.views[each[0]] == 0]:
            x0, y0, x1, y1 = patches.boxes[place]
            axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=1.5))
            tail_x, tail_y, head_x, head_y = shift(patches, place)
            axes.annotate(
                "", (head_x, head_y), (tail_x, tail_y), arrowprops={"arrowstyle": "->", "color": colour}
            )
        axes.plot([], [], color=colour, label=report[start:end])
    figure.legend(loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    figure.savefig(out, dpi=150)


def shown_tokens(patches: AdaptivePatches, report: str, limit: int = 5) -> list[int]:
    """The first tokens that belong to an abnormal entity, or the first words where there is none."""
    spans = [(each.start, each.end) for each in find_entities(report) if each.group in ABNORMAL]
    inside = [
        token
        for token, (start, end) in enumerate(patches.words)
        if end > start and any(first <= start and end <= last for first, last in spans)
    ]
    return inside[:limit] or list(range(min(limit, len(patches.words))))


def main() -> None:
    """Parse the options and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/adamatch"))
    parser.add_argument("--finding", default="Cardiomegaly", help="what the drawn radiograph shows")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    system = AdaMatchSystem(load(options.checkpoint))
    drawn = draw_study(options.seed, (options.finding,))
    pixels: FloatArray = drawn.frontal.astype(np.float32) / np.float32(255)
    radiograph = Radiograph(drawn.frontal, pixels, "frontal")
    inputs = model_input(Study((radiograph,)), ("frontal",), system.model.config.preprocessing)
    patches = system.evidence(inputs, drawn.report)
    tokens = shown_tokens(patches, drawn.report)
    draw_patches(drawn.frontal, patches, tokens, drawn.report, options.out)


if __name__ == "__main__":
    main()

"""Draw where MedRAT looks for the words of the paper's Figure 4: python docs/make_medrat_words.py.

The pictures are drawn ones, which may be shown. The decoder reads a given sentence word by word, so that
every checkpoint shows the same words; each map is what it attends to when the word is due.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

# A drawn patient, its findings, the sentence that is read and the word that is shown.
EXAMPLES = (
    (11, ("Cardiomegaly",), "the heart is enlarged .", "heart"),
    (8, ("Support Devices",), "catheter tip in the right atrium .", "tip"),
    (5, ("Pleural Effusion",), "there is a left pleural effusion .", "pleural"),
)


def read_sentence(system: Any, inputs: Any, labels: torch.Tensor, sentence: str) -> Any:
    """Evidence of each word of a sentence, as if the system had written it."""
    from radui.nn.decoding import END, Hypothesis
    from radui.systems.inputs import Request

    ids = [token for token in system.vocabulary.encode(sentence) if token != END]
    with torch.inference_mode():
        grids = system.model.grids(inputs.pixels)
        memory = system.model.encode(grids, inputs.mask, labels, maps=True)
        stepper = system.model.stepper(memory, 1, traces=True)
        steps = [stepper.step(torch.tensor([token]))[1]["attention"][0] for token in [END, *ids[:-1]]]
    read = Hypothesis(ids, [0.0] * len(ids), 0.0, {"attention": torch.stack(steps)})
    return system.evidence(read, memory, 0, Request(inputs, grids, labels))


def overlay(axes: Any, radiograph: Any, weights: Any, frame: Any, title: str) -> None:
    """One view with a map laid over the part that the model saw."""
    from radui.processing.frame import box_to_original

    width, height = frame.model_size
    x0, y0, x1, y1 = box_to_original(frame, (0, 0, width, height))
    axes.imshow(radiograph.display, cmap="gray", vmin=0, vmax=255)
    axes.imshow(weights, extent=(x0, x1, y1, y0), cmap="inferno", alpha=0.45, interpolation="bilinear")
    axes.set_xlim(0, radiograph.size[0])
    axes.set_ylim(radiograph.size[1], 0)
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()


def draw_example(figure: Any, row: int, system: Any, example: tuple[Any, ...]) -> None:
    """A row: the drawn film, the map of the word, the pooling map; the frontal view alone is shown."""
    from radui.explain.attention import mean_map
    from radui.observations import OBSERVATIONS
    from radui.records import Radiograph, Study
    from radui.systems.inputs import model_input
    from train.data.synthetic import draw_study

    seed, observations, sentence, word = example
    drawn = draw_study(seed, observations)
    films = [Radiograph(film, (film / 255).astype("float32")) for film in (drawn.frontal, drawn.lateral)]
    inputs = model_input(Study(tuple(films)), ("frontal", "lateral"), system.model.config.preprocessing)
    labels = torch.tensor([[name in observations for name in OBSERVATIONS]])
    evidence = read_sentence(system, inputs, labels, sentence)
    place = sentence.split().index(word)
    maps = (mean_map(evidence.word_maps, place)[0], evidence.pooling.weights[0])
    plain = figure.add_subplot(len(EXAMPLES), 3, 3 * row + 1)
    plain.imshow(films[0].display, cmap="gray")
    plain.set_title(f"drawn: {', '.join(observations)}", fontsize=9)
    plain.set_axis_off()
    for column, (weights, title) in enumerate(zip(maps, (f"“{word}”", "global representation"), strict=True)):
        axes = figure.add_subplot(len(EXAMPLES), 3, 3 * row + 2 + column)
        overlay(axes, films[0], weights, inputs.frames[0], title)


def main() -> None:
    """Write the figure."""
    from matplotlib.figure import Figure

    from radui.models.registry import load
    from radui.systems.medrat import MedRATSystem

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "checkpoints/medrat")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/medrat-words.png")
    options = parser.parse_args()
    system = MedRATSystem(load(options.checkpoint))
    figure = Figure(figsize=(7.5, 2.6 * len(EXAMPLES)), layout="constrained")
    for row, example in enumerate(EXAMPLES):
        draw_example(figure, row, system, example)
    figure.savefig(options.out, dpi=80)


if __name__ == "__main__":
    main()

"""A drawn synthetic set: chest radiographs with findings, reports, labels and boxes, all of our making.

No patient stands behind a drawn film. It serves tests and examples, not the training of a model
that anybody should trust: python -m train.data.synthetic --out <folder> --studies 20.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from radui.observations import NO_FINDING, OBSERVATIONS, State
from radui.records import Box, ByteArray, View
from train.data.drawing.anatomy import Anatomy
from train.data.drawing.film import Exposure, expose
from train.data.drawing.findings import FRONTAL, LATERAL, fracture_box, mark_left
from train.data.drawing.frontal import draw_frontal
from train.data.drawing.frontal_bones import Break
from train.data.drawing.lateral import draw_lateral
from train.data.drawing.phrases import write_report
from train.data.drawing.plan import DRAWABLE, Plan, choose_observations, make_plans
from train.data.iu_xray import ANNOTATION, EXTRAS
from train.data.study import SPLITS

__all__ = ["DRAWABLE", "DrawnBox", "SyntheticStudy", "draw_study", "write_synthetic"]

# The first three studies fill the three splits; ten fill them 7 : 1 : 2.
SPLIT_CYCLE = ("train", "val", "test", "train", "train", "train", "test", "train", "train", "train")


@dataclass(frozen=True)
class DrawnBox:
    """Where a finding is to be seen: (x0, y0, x1, y1) in pixels of that view's film."""

    observation: str
    view: View
    box: Box


@dataclass(frozen=True)
class SyntheticStudy:
    """A drawn study. frontal, lateral: (512, 512) uint8, bone bright, the patient's left at image right.

    report: the findings text. labels: a state for each of the 14 observations, as the report says.
    boxes: one a finding and view; a pneumothorax and a fracture show on the frontal film alone.
    """

    frontal: ByteArray
    lateral: ByteArray
    report: str
    impression: str
    indication: str
    labels: dict[str, State]
    boxes: tuple[DrawnBox, ...]


def draw_study(seed: int, observations: Sequence[str] | None = None) -> SyntheticStudy:
    """Draw a patient with the given findings, or with findings drawn by lot where None.

    The same seed gives the same patient whatever the findings. ValueError for an observation that
    is not in `DRAWABLE` or a negative seed.
    """
    wanted = choose_observations(_generator(seed, 0)) if observations is None else observations
    plans = make_plans(wanted, seed)
    enlarged = next((plan.size for plan in plans if plan.observation == "Cardiomegaly"), None)
    anatomy = Anatomy.sample(_generator(seed, 1), enlarged)
    frontal, frontal_boxes = _frontal_film(anatomy, plans, seed)
    lateral, lateral_boxes = _lateral_film(anatomy, plans, seed)
    report = write_report(plans, _generator(seed, 4))
    return SyntheticStudy(
        frontal=frontal,
        lateral=lateral,
        report=report.findings,
        impression=report.impression,
        indication=report.indication,
        labels=_labels(plans, report.denied),
        boxes=(*frontal_boxes, *lateral_boxes),
    )


def write_synthetic(root: Path, studies: int, seed: int = 0) -> None:
    """Write drawn studies into `root` in R2Gen's IU X-Ray layout, which `read_iu_xray` reads.

    annotation.json, images/<id>/{0,1}.png (frontal, lateral), and studies.json, which adds to
    what the reader takes the boxes of each finding.
    """
    annotation: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    extras = []
    for index in range(studies):
        name, split = f"DRAWN{seed + index:05d}", SPLIT_CYCLE[index % len(SPLIT_CYCLE)]
        study = draw_study(seed + index)
        paths = _write_pictures(root / "images" / name, study)
        entry = {"id": name, "report": study.report, "image_path": paths, "split": split}
        annotation[split].append(entry)
        extras.append(_extra(name, split, study))
    root.mkdir(parents=True, exist_ok=True)
    (root / ANNOTATION).write_text(json.dumps(annotation, indent=1), encoding="utf-8")
    (root / EXTRAS).write_text(json.dumps(extras, indent=1), encoding="utf-8")


def _generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.default_rng([seed, stream])


def _frontal_film(anatomy: Anatomy, plans: Sequence[Plan], seed: int) -> tuple[ByteArray, list[DrawnBox]]:
    rng = _generator(seed, 2)
    exposure = Exposure.sample(rng)
    broken = next((plan for plan in plans if plan.observation == "Fracture"), None)
    fracture = Break(broken.side, broken.rib, slip=9.0 + 4.0 * broken.size) if broken else None
    layers = draw_frontal(anatomy, rng, fracture)
    boxes = [
        DrawnBox(plan.observation, "frontal", FRONTAL[plan.observation](layers, anatomy, plan, rng))
        for plan in plans
        if plan.observation in FRONTAL
    ]
    if fracture is not None:
        boxes.append(DrawnBox("Fracture", "frontal", fracture_box(anatomy, fracture)))
    mark_left(layers)
    return expose(layers, exposure, rng), boxes


def _lateral_film(anatomy: Anatomy, plans: Sequence[Plan], seed: int) -> tuple[ByteArray, list[DrawnBox]]:
    rng = _generator(seed, 3)
    exposure = Exposure.sample(rng)
    layers = draw_lateral(anatomy, rng)
    boxes = [
        DrawnBox(plan.observation, "lateral", LATERAL[plan.observation](layers, anatomy, plan, rng))
        for plan in plans
        if plan.observation in LATERAL
    ]
    mark_left(layers)
    return expose(layers, exposure, rng), boxes


def _labels(plans: Sequence[Plan], denied: frozenset[str]) -> dict[str, State]:
    """Return what the report states; "No Finding" where nothing but devices is drawn, as CheXpert has it."""
    present = {plan.observation for plan in plans}
    if not present - {"Support Devices"}:
        present.add(NO_FINDING)
    return {
        name: State.POSITIVE if name in present else State.NEGATIVE if name in denied else State.UNMENTIONED
        for name in OBSERVATIONS
    }


def _write_pictures(folder: Path, study: SyntheticStudy) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for index, picture in enumerate((study.frontal, study.lateral)):
        (folder / f"{index}.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return [f"{folder.name}/{index}.png" for index in range(2)]


def _extra(name: str, split: str, study: SyntheticStudy) -> dict[str, Any]:
    return {
        "id": name,
        "split": split,
        "views": ["frontal", "lateral"],
        "view_order_certain": True,
        "labels": {key: int(state == State.POSITIVE) for key, state in study.labels.items()},
        "findings": study.report,
        "impression": study.impression,
        "indication": study.indication,
        "boxes": [
            {"observation": drawn.observation, "view": drawn.view, "box": drawn.box} for drawn in study.boxes
        ],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a drawn set to the folder that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m train.data.synthetic", description="Draw a synthetic set."
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write, in the IU X-Ray layout")
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    write_synthetic(options.out, options.studies, options.seed)
    print(f"{options.studies} drawn studies written to {options.out}")


if __name__ == "__main__":
    main()

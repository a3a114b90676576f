"""Draw the example studies of the page: python docs/make_examples.py."""

import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
FOLDER = ROOT / "radui/ui/examples"
SIDE = 400
GREYS = 128  # a drawing needs no more, and the files become a third smaller

# Seeds of which the classifier sees what was drawn; of no drawn heart does it see that it is enlarged.
STUDIES: dict[str, tuple[int, tuple[str, ...]]] = {
    "no-finding": (25, ()),
    "cardiomegaly": (11, ("Cardiomegaly",)),
    "pleural-effusion": (18, ("Pleural Effusion",)),
    "pneumothorax": (24, ("Pneumothorax",)),
}


def main() -> None:
    """Write frontal and lateral of each study."""
    from train.data.synthetic import draw_study

    FOLDER.mkdir(exist_ok=True)
    for name, (seed, observations) in STUDIES.items():
        study = draw_study(seed, observations)
        for view, picture in (("frontal", study.frontal), ("lateral", study.lateral)):
            small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            coarse = (np.round(small / 255 * (GREYS - 1)) * 255 / (GREYS - 1)).round().astype(np.uint8)
            cv2.imwrite(str(FOLDER / f"{name}-{view}.png"), coarse, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()

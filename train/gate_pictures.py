"""The pictures that the gate learns from and is measured on.

Chest radiographs come from the data set's splits; "other" pictures from a folder (head, abdomen and CT
pictures), from what scikit-image, scikit-learn and matplotlib ship (photographs, drawings), from slices
that pydicom ships, from noise, and from chest films that are turned, tilted, inverted or cut.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pydicom

from radui.processing.images import ImageError, read_radiograph
from radui.processing.tone import luminance, stretch, to_display
from radui.records import ByteArray
from train.corpus import picture_index
from train.data.iu_xray import read_iu_xray
from train.data.synthetic import draw_study
from train.pictures import load_pictures

LIBRARY_FOLDERS = (
    ("skimage", "data"),
    ("sklearn", "datasets/images"),
    ("matplotlib", "mpl-data/sample_data"),
)
TILTS = (20.0, 70.0)  # degrees; less is within what films are taken with
_SLICES = ("CT", "MR", "NM", "US")
Change = Callable[[ByteArray], ByteArray]


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


def turned(degrees: float, border: int = cv2.BORDER_CONSTANT) -> Change:
    """Rotation about the centre, black beyond the border unless told otherwise; quarter turns are exact."""
    if degrees % 90 == 0:
        return lambda pixels: np.ascontiguousarray(np.rot90(pixels, round(degrees / 90)))

    def rotate(pixels: ByteArray) -> ByteArray:
        height, width = pixels.shape
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        return np.asarray(cv2.warpAffine(pixels, matrix, (width, height), borderMode=border), dtype=np.uint8)

    return rotate


def inverted(pixels: ByteArray) -> ByteArray:
    """Black for white."""
    return np.asarray(255 - pixels, dtype=np.uint8)


def cut(rows: tuple[float, float], columns: tuple[float, float]) -> Change:
    """The part between two heights and two widths, from 0 to 1."""

    def part(pixels: ByteArray) -> ByteArray:
        height, width = pixels.shape
        top, bottom = (round(each * height) for each in rows)
        left, right = (round(each * width) for each in columns)
        return np.ascontiguousarray(pixels[top:bottom, left:right])

    return part


def _any_turn(random: np.random.Generator) -> Change:
    return turned(90 * int(random.integers(1, 4)))


def _any_tilt(random: np.random.Generator) -> Change:
    # Black corners alone must not tell a tilted film: half of them have none.
    border = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE)[int(random.integers(2))]
    return turned(float(random.uniform(*TILTS)) * (1 if random.random() < 0.5 else -1), border)


def _any_cut(random: np.random.Generator) -> Change:
    """A half from any side, or a corner."""
    share = float(random.uniform(0.3, 0.55))
    near, far, whole = (0.0, share), (1 - share, 1.0), (0.0, 1.0)
    ends = (near, far)
    if random.random() < 0.5:
        return cut(ends[int(random.integers(2))], ends[int(random.integers(2))])
    half = ends[int(random.integers(2))]
    return cut(half, whole) if random.random() < 0.5 else cut(whole, half)


WAYS: dict[str, Callable[[np.random.Generator], Change]] = {
    "turned": _any_turn,
    "tilted": _any_tilt,
    "inverted": lambda random: inverted,
    "cut": _any_cut,
}


def spoiled_films(films: Sequence[Picture], seed: int) -> Iterator[Picture]:
    """Each film once in each of `WAYS`, the turn, tilt or cut drawn by lot: not ready to be read.

    By lot and not counted off: films come in pairs of views, so that one way would fall on one view only, and
    the gate would learn to know the other by its view.
    """
    random = np.random.default_rng(seed)
    for film in films:
        for way, draw in WAYS.items():
            yield replace(film, pixels=draw(random)(film.pixels), kind="other", source=way)


def shipped_slices() -> Iterator[Picture]:
    """Pictures of other modalities that pydicom ships, as one would export them.

    The first, fourth … of each modality are held out.
    """
    counts: Counter[str] = Counter()
    seen = set()
    for path in sorted((Path(pydicom.__file__).parent / "data" / "test_files").rglob("*.dcm")):
        try:
            dataset = pydicom.dcmread(path)
            values = dataset.pixel_array if dataset.Modality in _SLICES else None
        except Exception:  # files that pydicom ships because they cannot be read
            continue
        if values is not None and (key := (values.shape, int(values.astype(np.int64).sum()))) not in seen:
            seen.add(key)
            grey = luminance(values[0] if values.ndim == 4 else values) if values.ndim > 2 else values
            held_out = counts[dataset.Modality] % 3 == 0
            counts[dataset.Modality] += 1
            yield Picture(to_display(stretch(grey)), "other", "slice", held_out)


def drawn_films(count: int, seed: int) -> Iterator[Picture]:
    """Frontal and lateral films of so many drawn studies, with and without findings."""
    for number in range(count):
        study = draw_study(seed + number)
        yield Picture(study.frontal, "frontal", "drawn", False)
        yield Picture(study.lateral, "lateral", "drawn", False)


def chest_pictures(root: Path, cache: Path, split: str, studies: int, seed: int) -> Iterator[Picture]:
    """Frontal and lateral films of so many random studies of a split; held out unless it is train."""
    rows = read_iu_xray(root)
    index, paths = picture_index(rows)
    pictures = load_pictures(paths, cache)
    order = np.random.default_rng(seed).permutation(len(rows))
    for position in [p for p in order if rows[p].split == split][:studies]:
        for view, where in zip(rows[position].views, sorted(index[position]), strict=False):
            if view is not None:
                yield Picture(pictures[where], view, "chest", split != "train")

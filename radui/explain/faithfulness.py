"""Is a map faithful to its model, and does it fall on a region that a reader drew?

Deletion and insertion (Petsiuk et al. 2018, RISE): patches are blurred away, or put back into a blurred
picture, in the order of the map, and the model's score is asked after each step. A faithful map makes
the score fall early and rise early. Beside every map stand a random one and a Gaussian in the picture's
centre, since lungs and heart lie there anyway.

Pointing game (Zhang et al. 2016), IoU, and the contrast-to-noise ratio of MS-CXR (Boecking et al. 2022)
compare a map with a box in original pixels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from radui.processing.frame import map_to_original
from radui.records import Box, ByteArray, FloatArray, Frame, Radiograph, Study

STEPS = 8
BLURRED_SIDE = 12  # pixels to which a picture is reduced when a patch of it is to say nothing
Score = Callable[[Study], float]


@dataclass(frozen=True)
class Curve:
    """The score after each share of the patches was treated: shares and scores, both (steps + 1,)."""

    shares: FloatArray
    scores: FloatArray

    @property
    def area(self) -> float:
        """Area under the curve, as the mean score over the shares."""
        return float(np.trapezoid(self.scores, self.shares))


@dataclass(frozen=True)
class Agreement:
    """How a map falls on a box; hit: the centre of its highest patch lies inside."""

    hit: bool
    iou: float
    contrast: float


def random_grid(shape: tuple[int, int, int], seed: int = 0) -> FloatArray:
    """Return a map (views, rows, columns) that knows nothing."""
    return np.random.default_rng(seed).uniform(size=shape).astype(np.float32)


def centre_grid(shape: tuple[int, int, int], width: float = 0.25) -> FloatArray:
    """Return a Gaussian about each view's centre, its standard deviation a share of the side."""
    views, rows, columns = shape
    y, x = np.mgrid[:rows, :columns]
    down, across = (y + 0.5) / rows - 0.5, (x + 0.5) / columns - 0.5
    bell = np.exp(-(down**2 + across**2) / (2 * width**2)).astype(np.float32)
    return np.broadcast_to(bell, (views, rows, columns)).copy()


@dataclass(frozen=True)
class Treatment:
    """A study whose patches are blurred in parts, and the score that is asked of each state of it.

    frames: how the patches lie on each view. seen: (views, rows, columns) bool, the others stay sharp.
    The two ends, nothing and all blurred, are asked once for all maps over the same patches.
    """

    study: Study
    frames: tuple[Frame, ...]
    seen: NDArray[np.bool_]
    score: Score
    steps: int = STEPS

    def deletion(self, grid: FloatArray) -> Iterator[Curve]:
        """Yield the growing curve of the score as the highest patches of a map are blurred away.

        grid: (views, rows, columns); patches of all views stand in one order.
        """
        ranks = self._ranks(grid)
        return self._curve(lambda count: ranks >= count)

    def insertion(self, grid: FloatArray) -> Iterator[Curve]:
        """Yield the growing curve of the score as the highest patches come back into blurred pictures."""
        ranks = self._ranks(grid)
        return self._curve(lambda count: ranks < count)

    def _curve(self, sharp: Callable[[int], NDArray[np.bool_]]) -> Iterator[Curve]:
        shares, scores = [], []
        patches = int(self.seen.sum())
        for step in range(self.steps + 1):
            count = round(step * patches / self.steps)
            shares.append(count / max(1, patches))
            scores.append(self._asked(sharp(count)))
            yield Curve(np.array(shares, np.float32), np.array(scores, np.float32))

    def _asked(self, sharp: NDArray[np.bool_]) -> float:
        """Score with these patches sharp."""
        among = sharp[self.seen]
        if among.all():
            return self._untouched
        return self._all_blurred if not among.any() else self.score(self._mixed(sharp))

    @cached_property
    def _untouched(self) -> float:
        return self.score(self.study)

    @cached_property
    def _all_blurred(self) -> float:
        return self.score(self._mixed(np.zeros_like(self.seen)))

    @cached_property
    def _blurred(self) -> list[Radiograph]:
        return [blurred(view) for view in self.study.views]

    @cached_property
    def _cells(self) -> list[NDArray[np.int64]]:
        return [_cells(frame, view.shape) for frame, view in zip(self.frames, self.seen, strict=True)]

    def _ranks(self, grid: FloatArray) -> NDArray[np.int64]:
        """Rank of each seen patch among all views', 0 the highest."""
        order = np.argsort(-np.where(self.seen, grid, -np.inf), axis=None, kind="stable")
        ranks = np.empty(grid.size, np.int64)
        ranks[order] = np.arange(grid.size)
        return ranks.reshape(grid.shape)

    def _mixed(self, sharp: NDArray[np.bool_]) -> Study:
        soft = self.seen & ~sharp
        parts = zip(self.study.views, self._blurred, soft, self._cells, strict=True)
        return replace(self.study, views=tuple(_mix(*part) for part in parts))


def blurred(picture: Radiograph) -> Radiograph:
    """Return the picture with nothing left but its broad shades."""
    return replace(picture, pixels=_blur(picture.pixels), display=_blur(picture.display))


def agreement(grid: FloatArray, frame: Frame, box: Box) -> Agreement:
    """Compare one view's map (rows, columns) with a box in original pixels of that view.

    iou: of the box and the pixels above half the map's range. contrast: (mean inside - mean outside) /
    sqrt(variance inside + variance outside); signed, so that a map that avoids the box is negative.
    Pixels that the model did not see count for nothing. Nearest patch, no smoothing. nan where undefined.
    """
    values = map_to_original(frame, grid)
    inside = np.zeros(values.shape, bool)
    x0, y0, x1, y1 = (round(side) for side in box)
    inside[y0:y1, x0:x1] = True
    seen = np.isfinite(values)
    if not (inside & seen).any():
        return Agreement(False, 0.0, float("nan"))
    highest, lowest = np.nanmax(values), np.nanmin(values)
    upper = seen & (values >= (highest + lowest) / 2)
    union = (upper | (inside & seen)).sum()
    return Agreement(
        hit=_highest_inside(values, box),
        iou=float((upper & inside).sum() / union),
        contrast=_contrast(values[inside & seen], values[~inside & seen]),
    )


def _highest_inside(values: FloatArray, box: Box) -> bool:
    """Whether the middle of the pixels with the highest value, the highest patch, lies in the box."""
    y, x = (float(np.median(axis)) + 0.5 for axis in np.nonzero(values == np.nanmax(values)))
    return box[0] <= x < box[2] and box[1] <= y < box[3]


def _contrast(inside: FloatArray, outside: FloatArray) -> float:
    spread = float(np.sqrt(inside.var() + outside.var())) if outside.size else 0.0
    return float(inside.mean() - outside.mean()) / spread if spread > 0 else float("nan")


def _cells(frame: Frame, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Index of the patch over each original pixel, (height, width); -1 where none is."""
    numbers = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape[0], shape[1])
    return np.asarray(np.nan_to_num(map_to_original(frame, numbers), nan=-1), np.int64)


def _mix(
    view: Radiograph, faint: Radiograph, patches: NDArray[np.bool_], places: NDArray[np.int64]
) -> Radiograph:
    """The view with some patches from its faint copy; -1 reads the place after the last: never chosen."""
    chosen = np.append(patches.ravel(), False)[places]
    return replace(
        view,
        pixels=np.where(chosen, faint.pixels, view.pixels),
        display=np.where(chosen, faint.display, view.display),
    )


def _blur(pixels: FloatArray | ByteArray) -> NDArray:
    height, width = pixels.shape
    small = cv2.resize(pixels, (BLURRED_SIDE, BLURRED_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), pixels.dtype)

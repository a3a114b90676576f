"""Colour tables for heat maps: perceptually uniform and safe for the colour-blind."""

from functools import cache

import numpy as np

from radui.records import ByteArray

COLOR_MAPS: tuple[str, ...] = ("viridis", "inferno", "cividis")


@cache
def color_table(name: str) -> ByteArray:
    """Return matplotlib's table `name` as (256, 3) uint8 sRGB, from the lowest value to the highest."""
    from matplotlib import colormaps

    return np.asarray(colormaps[name](np.arange(256), bytes=True)[:, :3], dtype=np.uint8)


def color_tables() -> dict[str, list[list[int]]]:
    """Return every table of `COLOR_MAPS` as plain lists, for the browser."""
    return {name: color_table(name).tolist() for name in COLOR_MAPS}

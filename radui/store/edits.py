"""How far an edited report lies from what was shown."""

from collections.abc import Sequence

import numpy as np


def edit_distance(before: Sequence[str], after: Sequence[str]) -> int:
    """Levenshtein's distance between two texts or two lists of words."""
    codes: dict[str, int] = {}
    first, second = (
        np.array([codes.setdefault(x, len(codes)) for x in each], int) for each in (before, after)
    )
    places = np.arange(len(second) + 1)
    row = places
    for number, code in enumerate(first, 1):
        changed = np.minimum(row[1:] + 1, row[:-1] + (second != code))
        # Insertions run along the row: cost(j) = min over i <= j of changed(i) + (j - i).
        row = np.minimum.accumulate(np.concatenate([[number], changed]) - places) + places
    return int(row[-1])

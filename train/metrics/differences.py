"""Paired bootstrap: a system minus a rival on the same resamples of studies.

Two systems that are scored on the same studies share what makes a study hard, so that their difference varies
less than either score: two intervals may overlap where the difference is clear.
"""

from train.metrics.bootstrap import with_interval
from train.metrics.records import Score, Scores
from train.metrics.table import Row, format_value

CLEAR = "*"
LEGEND = f"{CLEAR}: the 95 % interval of the paired difference lies on one side of zero."


def difference(ours: Score, theirs: Score) -> Score | None:
    """Ours minus theirs with its interval; None where one has no resampled values.

    Errors: ValueError where the two have another number of resamples.
    """
    if ours.draws is None or theirs.draws is None:
        return None
    if ours.draws.shape != theirs.draws.shape:
        raise ValueError("Scores of different resamples cannot be paired.")
    return with_interval(ours.value - theirs.value, ours.draws - theirs.draws)


def differences(ours: Scores, theirs: Scores) -> dict[str, Score]:
    """The paired differences of all metrics that both have, by name."""
    found = {}
    for name, score in ours.values.items():
        other = theirs.values.get(name)
        if isinstance(score, Score) and isinstance(other, Score):
            paired = difference(score, other)
            if paired is not None:
                found[name] = paired
    return found


def difference_row(name: str, ours: Scores, theirs: Scores) -> Row:
    """Signed differences, starred where they are clear; below each the bounds of its interval."""
    paired = differences(ours, theirs)
    cells = {metric: _signed(metric, score.value) + _star(score) for metric, score in paired.items()}
    bounds = {
        metric: f"[{_signed(metric, score.low)}, {_signed(metric, score.high)}]"
        for metric, score in paired.items()
        if score.low is not None and score.high is not None
    }
    return Row(name, cells, "95 % interval", bounds)


def _star(score: Score) -> str:
    clear = score.low is not None and score.high is not None and (score.low > 0 or score.high < 0)
    return CLEAR if clear else ""


def _signed(metric: str, value: float) -> str:
    return ("-" if value < 0 else "+") + format_value(metric, abs(value))

"""One study of a data set, and the counts that every reader prints."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from radui.observations import OBSERVATIONS, State
from radui.records import View

SPLITS: tuple[str, ...] = ("train", "val", "test")


class DataError(Exception):
    """A file of a data set is missing or malformed; the message names it and what was expected."""


@dataclass(frozen=True)
class StudyRow:
    """One study of a data set; pictures are paths, not pixels.

    split: "train", "val" or "test".
    images: one or two, in the data set's order; views: one entry a picture, None where the source
    does not say, or empty.
    report, impression, indication: as given (raw), empty where the source has none.
    labels: a state for each of the 14 observations, None where the source gives no labels.
    """

    id: str
    split: str
    images: tuple[Path, ...]
    report: str
    impression: str = ""
    indication: str = ""
    views: tuple[View | None, ...] = ()
    labels: dict[str, State] | None = None


def summary(rows: Sequence[StudyRow]) -> str:
    """Return a table of counts, a column a split: studies, reports, images, views, labels.

    Labels are counted by state: positives of each observation, then uncertain ones if there are any.
    """
    lines = [_line("", (*SPLITS, "all"))]
    lines.append(_counted("studies", rows, lambda row: 1))
    lines.append(_counted("with report", rows, lambda row: bool(row.report.strip())))
    lines.append(_counted("images", rows, lambda row: len(row.images)))
    lines += ["", "views", *_view_lines(rows)]
    lines += _label_lines(rows, State.POSITIVE)
    lines += _label_lines(rows, State.UNCERTAIN)
    return "\n".join(lines)


def _view_lines(rows: Sequence[StudyRow]) -> list[str]:
    kinds = Counter(_view_names(row) for row in rows)
    return [
        _counted(kind, rows, lambda row, kind=kind: _view_names(row) == kind)  # type: ignore[misc]
        for kind, _ in kinds.most_common()
    ]


def _view_names(row: StudyRow) -> str:
    views = row.views or (None,) * len(row.images)
    return " + ".join(view or "unknown" for view in views)


def _label_lines(rows: Sequence[StudyRow], state: State) -> list[str]:
    labelled = [row for row in rows if row.labels is not None]
    if not any(state in (row.labels or {}).values() for row in labelled):
        return []
    counted = [
        _counted(name, labelled, lambda row, name=name: (row.labels or {}).get(name) == state)  # type: ignore[misc]
        for name in OBSERVATIONS
    ]
    return ["", f"labelled {state.name.lower()}", *counted]


def _counted(name: str, rows: Iterable[StudyRow], measure: Callable[[StudyRow], int]) -> str:
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.split] += measure(row)
    return _line(name, (*(counts[split] for split in SPLITS), counts.total()))


def _line(name: str, cells: Iterable[int | str]) -> str:
    texts = (f"{cell:,}" if isinstance(cell, int) else cell for cell in cells)
    return f"{name:<28}" + "".join(f"{text:>10}" for text in texts)

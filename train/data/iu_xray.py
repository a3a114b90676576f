"""IU X-Ray in R2Gen's layout: annotation.json, images/<study>/{0,1}.png, and optional extra facts.

`studies.json`, where it lies beside the annotation, adds views, impression, indication and silver
labels (Demner-Fushman et al. 2016; split of Chen et al. 2020).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radui.observations import OBSERVATIONS, State
from train.data.files import read_json, require_file
from train.data.study import SPLITS, DataError, StudyRow

ANNOTATION = "annotation.json"
EXTRAS = "studies.json"
ANNOTATION_LAYOUT = "R2Gen's annotation, an object with the lists train, val and test"
EXTRAS_LAYOUT = "a list of objects, one a study, each with an id"
SUFFIXES = (".png", ".jpg", ".jpeg")


def read_iu_xray(root: Path) -> list[StudyRow]:
    """Read all studies in the annotation's order, train then val then test.

    A picture may be PNG or JPEG whatever suffix the annotation names. DataError if a file is
    missing or malformed.
    """
    source = root / ANNOTATION
    annotation = read_json(source, ANNOTATION_LAYOUT)
    if not isinstance(annotation, dict) or not all(isinstance(annotation.get(s), list) for s in SPLITS):
        raise DataError(f"{source} has another structure: expected {ANNOTATION_LAYOUT}.")
    extras = _read_extras(root / EXTRAS)
    return [_study(root, split, entry, extras) for split in SPLITS for entry in annotation[split]]


def _study(root: Path, split: str, entry: Any, extras: Mapping[str, dict[str, Any]]) -> StudyRow:
    if not _is_entry(entry):
        raise DataError(
            f"{root / ANNOTATION} has a malformed {split} study: expected a text id, a text report and "
            f"an image_path list, found {str(entry)[:80]}."
        )
    extra = extras.get(entry["id"], {})
    images = tuple(_picture(root / "images" / name) for name in entry["image_path"][:2])
    return StudyRow(
        id=entry["id"],
        split=split,
        images=images,
        report=entry["report"],
        impression=extra.get("impression") or "",
        indication=extra.get("indication") or "",
        views=_views(extra, len(images), root / EXTRAS),
        labels=_silver_labels(extra, root / EXTRAS),
    )


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    names = entry.get("image_path")
    texts = isinstance(entry.get("id"), str) and isinstance(entry.get("report"), str)
    return texts and isinstance(names, list) and bool(names) and all(isinstance(name, str) for name in names)


def _picture(path: Path) -> Path:
    for candidate in (path, *(path.with_suffix(suffix) for suffix in SUFFIXES)):
        if candidate.is_file():
            return candidate
    return require_file(path, f"a picture that {ANNOTATION} names")


def _read_extras(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    rows = read_json(path, EXTRAS_LAYOUT)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
        raise DataError(f"{path} has another structure: expected {EXTRAS_LAYOUT}.")
    return {row["id"]: row for row in rows}


def _views(extra: Mapping[str, Any], count: int, source: Path) -> tuple[Any, ...]:
    views = tuple(extra.get("views") or ())[:count]
    if any(view not in ("frontal", "lateral", None) for view in views) or len(views) not in (0, count):
        raise DataError(
            f"{source} gives study {extra['id']} the views {list(views)}: "
            f"expected {count} times frontal, lateral or null."
        )
    return views


def _silver_labels(extra: Mapping[str, Any], source: Path) -> dict[str, State] | None:
    labels = extra.get("labels")
    if labels is None:
        return None
    if not isinstance(labels, dict) or set(labels) - set(OBSERVATIONS) or set(labels.values()) - {0, 1}:
        raise DataError(
            f"{source} has malformed labels for study {extra['id']}: "
            "expected 0 or 1 for each of the 14 observations by name."
        )
    return {name: State.POSITIVE if labels.get(name) else State.UNMENTIONED for name in OBSERVATIONS}

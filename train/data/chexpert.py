"""CheXpert v1.0 (Irvin et al. 2019), full size or "small": train.csv, valid.csv and their pictures.

The tables list pictures ("CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg"); labels
belong to the study. The data set has no reports.
"""

from pathlib import Path, PurePosixPath

from radui.observations import OBSERVATIONS, State
from radui.records import View
from train.data.files import Picture, choose_views, label_states, read_csv, require_file
from train.data.study import DataError, StudyRow

TABLES = {"train": "train.csv", "val": "valid.csv"}
COLUMNS = ("Path", "Frontal/Lateral", *OBSERVATIONS)
VIEWS: dict[str, View] = {"Frontal": "frontal", "Lateral": "lateral"}


def read_chexpert(root: Path) -> list[StudyRow]:
    """Read all studies of both tables, one frontal and one lateral picture at most; no reports.

    root: the folder that holds train.csv, whatever its name. Uncertain labels (-1.0) stay
    uncertain and blanks unmentioned. DataError if a table or a chosen picture is missing or malformed.
    """
    return [row for split, table in TABLES.items() for row in _read_table(root, split, root / table)]


def _read_table(root: Path, split: str, table: Path) -> list[StudyRow]:
    pictures: dict[str, list[Picture]] = {}
    labels: dict[str, dict[str, State]] = {}
    for row in read_csv(table, COLUMNS):
        path = _inside(row["Path"], table)
        study = "/".join(path.parts[1:3])
        pictures.setdefault(study, []).append((root / path, VIEWS.get(row["Frontal/Lateral"])))
        if study not in labels:
            labels[study] = label_states(row, table)
    return [_row(study, split, table, found, labels[study]) for study, found in pictures.items()]


def _inside(text: str, table: Path) -> PurePosixPath:
    """Drop the data set's own folder from a path of the table: what remains lies under the root."""
    path = PurePosixPath(text)
    if len(path.parts) != 5 or not path.parts[0].startswith("CheXpert"):
        raise DataError(
            f"{table} lists the picture {text!r}: "
            "expected CheXpert-v1.0[-small]/<train or valid>/<patient>/<study>/<view>.jpg."
        )
    return PurePosixPath(*path.parts[1:])


def _row(study: str, split: str, table: Path, pictures: list[Picture], labels: dict[str, State]) -> StudyRow:
    chosen = choose_views(pictures)
    return StudyRow(
        id=study,
        split=split,
        images=tuple(require_file(path, f"a picture that {table.name} lists") for path, _ in chosen),
        report="",
        views=tuple(view for _, view in chosen),
        labels=labels,
    )

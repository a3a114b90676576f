"""MIMIC-CXR-JPG 2.0.0 with the reports of MIMIC-CXR (Johnson et al. 2019), in their official layouts.

root: mimic-cxr-2.0.0-{split,metadata,chexpert}.csv.gz and files/p10/p10000032/s50414267/<dicom_id>.jpg.
reports_root: files/p10/p10000032/s50414267.txt.
"""

from dataclasses import dataclass
from pathlib import Path

from radui.observations import OBSERVATIONS, State
from radui.records import View
from train.data.files import Picture, choose_views, label_states, read_csv, require_file
from train.data.sections import report_sections, report_text
from train.data.study import DataError, StudyRow

SPLIT_TABLE = "mimic-cxr-2.0.0-split.csv.gz"
METADATA_TABLE = "mimic-cxr-2.0.0-metadata.csv.gz"
LABEL_TABLE = "mimic-cxr-2.0.0-chexpert.csv.gz"
SPLIT_NAMES = {"train": "train", "validate": "val", "test": "test"}
LATERAL_POSITIONS = ("LATERAL", "LL", "RL", "XTABLE LATERAL")


@dataclass(frozen=True)
class _Study:
    subject: str
    study: str
    split: str
    dicoms: list[str]

    @property
    def folder(self) -> Path:
        return Path("files", f"p{self.subject[:2]}", f"p{self.subject}", f"s{self.study}")


def read_mimic_cxr(root: Path, reports_root: Path) -> list[StudyRow]:
    """Read all studies in the order of the split table, one frontal and one lateral picture at most.

    Uncertain labels stay uncertain and blanks unmentioned; a study that the label table lacks has
    None. DataError if a table, a chosen picture or a report is missing or malformed.
    """
    views = _read_views(root / METADATA_TABLE)
    labels = _read_labels(root / LABEL_TABLE)
    studies = _read_studies(root / SPLIT_TABLE)
    return [_row(study, root, reports_root, views, labels.get(study.study)) for study in studies]


def _row(
    study: _Study,
    root: Path,
    reports_root: Path,
    views: dict[str, View | None],
    labels: dict[str, State] | None,
) -> StudyRow:
    pictures: list[Picture] = [
        (root / study.folder / f"{dicom}.jpg", views.get(dicom)) for dicom in study.dicoms
    ]
    chosen = choose_views(pictures)
    sections = _read_sections(reports_root / study.folder.with_suffix(".txt"))
    return StudyRow(
        id=f"s{study.study}",
        split=study.split,
        images=tuple(require_file(path, f"a picture that {SPLIT_TABLE} lists") for path, _ in chosen),
        report=report_text(sections),
        impression=sections.get("impression", ""),
        indication=sections.get("indication", ""),
        views=tuple(view for _, view in chosen),
        labels=labels,
    )


def _read_sections(path: Path) -> dict[str, str]:
    require_file(path, f"the report of a study that {SPLIT_TABLE} lists")
    return report_sections(path.read_text(encoding="utf-8", errors="replace"))


def _read_studies(path: Path) -> list[_Study]:
    studies: dict[str, _Study] = {}
    for row in read_csv(path, ("dicom_id", "study_id", "subject_id", "split")):
        if row["split"] not in SPLIT_NAMES:
            raise DataError(f"{path} names the split {row['split']!r}: expected train, validate or test.")
        new = _Study(row["subject_id"], row["study_id"], SPLIT_NAMES[row["split"]], [])
        studies.setdefault(row["study_id"], new).dicoms.append(row["dicom_id"])
    return list(studies.values())


def _read_views(path: Path) -> dict[str, View | None]:
    rows = read_csv(path, ("dicom_id", "ViewPosition"))
    return {row["dicom_id"]: _view(row["ViewPosition"] or "") for row in rows}


def _view(position: str) -> View | None:
    """Read DICOM's ViewPosition; oblique and blank ones give None."""
    position = position.strip().upper()
    if position in LATERAL_POSITIONS:
        return "lateral"
    return "frontal" if position.startswith(("PA", "AP")) else None


def _read_labels(path: Path) -> dict[str, dict[str, State]]:
    rows = read_csv(path, ("study_id", *OBSERVATIONS))
    return {row["study_id"]: label_states(row, path) for row in rows}

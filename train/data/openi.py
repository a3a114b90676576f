"""Open-i's own distribution of the Indiana chest X-rays: ecgen-radiology/*.xml and NLMCXR_png/*.png.

A report names its pictures by id (CXR1_1_IM-0001-3001); its sections are FINDINGS, IMPRESSION,
INDICATION and COMPARISON, and annotators added MeSH headings (Demner-Fushman et al. 2016).
"""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from train.data.files import read_json, require_file
from train.data.iu_xray import ANNOTATION, ANNOTATION_LAYOUT
from train.data.study import SPLITS, DataError, StudyRow

REPORTS = "ecgen-radiology"
IMAGES = "NLMCXR_png"


@dataclass(frozen=True)
class OpeniReport:
    """One XML report: its sections as given, MeSH headings (major), ids of its pictures in order."""

    id: str
    findings: str
    impression: str
    indication: str
    comparison: str
    mesh: tuple[str, ...]
    image_ids: tuple[str, ...]


def read_report(path: Path) -> OpeniReport:
    """Read one XML report; DataError if it is missing, no XML, or no Open-i report."""
    require_file(path, "an Open-i report in XML")
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise DataError(f"{path} is not valid XML ({error}): expected an Open-i report.") from error
    identity = root.find("uId")
    if identity is None or not identity.get("id"):
        raise DataError(f"{path} has no uId with an id: expected an Open-i report.")
    sections = {node.get("Label"): (node.text or "").strip() for node in root.iter("AbstractText")}
    return OpeniReport(
        id=identity.get("id", ""),
        findings=sections.get("FINDINGS", ""),
        impression=sections.get("IMPRESSION", ""),
        indication=sections.get("INDICATION", ""),
        comparison=sections.get("COMPARISON", ""),
        mesh=tuple((node.text or "").strip() for node in root.iterfind("MeSH/major")),
        image_ids=tuple(node.get("id", "") for node in root.iter("parentImage")),
    )


def read_openi(root: Path, annotation: Path | None = None) -> list[StudyRow]:
    """Read all reports that have a picture, in the order of their numbers, two pictures at most.

    Open-i defines no split: all studies are "train", except that with R2Gen's `annotation` file
    those it lists take its split, so that its test studies stay unseen.
    DataError if a file is missing or malformed.
    """
    paths = sorted((root / REPORTS).glob("*.xml"), key=_number)
    if not paths:
        raise DataError(f"{root / REPORTS} holds no XML file: expected Open-i's reports 1.xml, 2.xml, ….")
    splits = _r2gen_splits(annotation) if annotation is not None else {}
    reports = (read_report(path) for path in paths)
    return [_study(root, report, splits.get(report.id, "train")) for report in reports if report.image_ids]


def _study(root: Path, report: OpeniReport, split: str) -> StudyRow:
    expected = f"a picture that report {report.id} names"
    images = tuple(require_file(root / IMAGES / f"{name}.png", expected) for name in report.image_ids[:2])
    return StudyRow(
        id=report.id,
        split=split,
        images=images,
        report=report.findings,
        impression=report.impression,
        indication=report.indication,
    )


def _number(path: Path) -> tuple[int, str]:
    digits = re.sub(r"\D", "", path.stem)
    return int(digits or 0), path.stem


def _r2gen_splits(annotation: Path) -> dict[str, str]:
    """Map an Open-i report id (CXR1000) to the split of R2Gen's study (CXR1000_IM-0003)."""
    content = read_json(annotation, ANNOTATION_LAYOUT)
    try:
        return {entry["id"].split("_")[0]: split for split in SPLITS for entry in content[split]}
    except (KeyError, TypeError, AttributeError):
        raise DataError(f"{annotation} is no {ANNOTATION}: expected {ANNOTATION_LAYOUT}.") from None

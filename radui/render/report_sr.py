"""A study's reports as a DICOM Basic Text SR (PS3.3 A.35.1): what a PACS takes as a report.

It names no patient: the page has read none. Each system observes as a device, its serial number the hash of
the weights, so that a report can be traced to what wrote it. The document is preliminary and unverified.
"""

import io
from collections.abc import Iterable, Sequence
from datetime import datetime

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import BasicTextSRStorage, ExplicitVRLittleEndian, generate_uid

from radui.observations import STATE_NAMES
from radui.processing.labeler import label
from radui.records import Finding
from radui.render.exports import NOTICE, Case

Code = tuple[str, str, str]  # value, scheme, meaning

TITLE: Code = ("18748-4", "LN", "Diagnostic imaging report")
FINDINGS: Code = ("121070", "DCM", "Findings")
FINDING: Code = ("121071", "DCM", "Finding")
COMMENT: Code = ("121106", "DCM", "Comment")
INDICATION: Code = ("121109", "DCM", "Indications for Procedure")
_LANGUAGE: Code = ("121049", "DCM", "Language of Content Item and Descendants")
_ENGLISH: Code = ("en", "RFC5646", "English")
_OBSERVER: Code = ("121005", "DCM", "Observer Type")
_DEVICE: Code = ("121007", "DCM", "Device")
_DEVICE_UID: Code = ("121012", "DCM", "Device Observer UID")
DEVICE_NAME: Code = ("121013", "DCM", "Device Observer Name")
_MANUFACTURER: Code = ("121014", "DCM", "Device Observer Manufacturer")
SERIAL: Code = ("121016", "DCM", "Device Observer Serial Number")


def case_sr(case: Case) -> bytes:
    """Return the bytes of a DICOM file with every report, what each states, and the classifier's findings."""
    document = _header(datetime.now())
    document.ValueType, document.ContinuityOfContent = "CONTAINER", "SEPARATE"
    document.ConceptNameCodeSequence = _coded(TITLE)
    document.ContentSequence = Items(_content(case))
    buffer = io.BytesIO()
    document.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _header(now: datetime) -> Dataset:
    """Everything but the content; attributes that have to be there and are not known stay empty."""
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = BasicTextSRStorage
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = generate_uid()
    one.SpecificCharacterSet = "ISO_IR 192"
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID"):
        setattr(one, name, "")
    one.AccessionNumber = one.ReferringPhysicianName = ""
    one.PatientIdentityRemoved, one.DeidentificationMethod = "YES", "No header of the pictures was kept"
    one.StudyInstanceUID, one.SeriesInstanceUID = generate_uid(), generate_uid()
    one.StudyDate = one.ContentDate = one.InstanceCreationDate = now.strftime("%Y%m%d")
    one.StudyTime = one.ContentTime = one.InstanceCreationTime = now.strftime("%H%M%S")
    one.Modality, one.SeriesNumber, one.InstanceNumber = "SR", 1, 1
    one.Manufacturer, one.SeriesDescription = "radui", NOTICE
    one.CompletionFlag, one.VerificationFlag, one.PreliminaryFlag = "COMPLETE", "UNVERIFIED", "PRELIMINARY"
    one.ReferencedPerformedProcedureStepSequence = one.PerformedProcedureCodeSequence = Items()
    return one


def _content(case: Case) -> list[Dataset]:
    warning = [f"WARNING: {case.warning}"] if case.warning else []
    items = [_code("HAS CONCEPT MOD", _LANGUAGE, _ENGLISH)]
    items += [_text("CONTAINS", COMMENT, text) for text in (NOTICE, *warning)]
    if case.study.indication:
        items.append(_text("CONTAINS", INDICATION, case.study.indication))
    for title, one in case.predictions.items():
        stated = [f"{name}: {STATE_NAMES[state]}" for name, state in label(one.report).items() if state]
        items.append(_observed(title, case.checkpoints.get(title, ""), [one.report, *stated]))
    if case.findings:
        items.append(_observed("Observation classifier", "", map(_chance, case.findings)))
    if case.reference.strip():
        items.append(_text("CONTAINS", COMMENT, f"Reference report: {case.reference.strip()}"))
    return items


def _observed(device: str, checkpoint: str, findings: Iterable[str]) -> Dataset:
    """The findings of one observer, a device."""
    about = "HAS OBS CONTEXT"
    context = [_code(about, _OBSERVER, _DEVICE), _item(about, "UIDREF", _DEVICE_UID)]
    context[1].UID = generate_uid(entropy_srcs=["radui", device, checkpoint])
    context += [_text(about, DEVICE_NAME, device), _text(about, _MANUFACTURER, "radui")]
    if checkpoint:
        context.append(_text(about, SERIAL, checkpoint))
    one = _item("CONTAINS", "CONTAINER", FINDINGS)
    one.ContinuityOfContent = "SEPARATE"
    one.ContentSequence = Items([*context, *(_text("CONTAINS", FINDING, text) for text in findings)])
    return one


def _chance(finding: Finding) -> str:
    return f"{finding.observation}: {STATE_NAMES[finding.state]}, present with {finding.positive:.2f}"


def _item(relation: str, kind: str, name: Code) -> Dataset:
    one = Dataset()
    one.RelationshipType, one.ValueType, one.ConceptNameCodeSequence = relation, kind, _coded(name)
    return one


def _text(relation: str, name: Code, text: str) -> Dataset:
    one = _item(relation, "TEXT", name)
    one.TextValue = text
    return one


def _code(relation: str, name: Code, value: Code) -> Dataset:
    one = _item(relation, "CODE", name)
    one.ConceptCodeSequence = _coded(value)
    return one


def _coded(code: Code) -> Sequence[Dataset]:
    one = Dataset()
    one.CodeValue, one.CodingSchemeDesignator, one.CodeMeaning = code
    return Items([one])

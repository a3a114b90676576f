import csv
import gzip

import pytest

from radui.observations import OBSERVATIONS, State
from train.data.mimic_cxr import read_mimic_cxr
from train.data.study import DataError

# The official order is alphabetical.
LABEL_COLUMNS = ["subject_id", "study_id", *sorted(OBSERVATIONS)]

# dicom, study, subject, split, ViewPosition
PICTURES = [
    ("aaa-lat", "50414267", "10000032", "train", "LATERAL"),
    ("bbb-ap", "50414267", "10000032", "train", "AP"),
    ("ccc-pa", "50414267", "10000032", "train", "PA"),
    ("ddd-ll", "53189527", "10000764", "validate", "LL"),
    ("eee-no", "56699142", "11000001", "test", ""),
]


def write_table(path, header, rows):
    with gzip.open(path, "wt", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)


def folder(study, subject):
    return f"files/p{subject[:2]}/p{subject}/s{study}"


@pytest.fixture
def roots(tmp_path):
    """Three studies in the official layout, pictures and reports under roots of their own."""
    root, reports = tmp_path / "jpg", tmp_path / "txt"
    for dicom, study, subject, _, _ in PICTURES:
        (root / folder(study, subject)).mkdir(parents=True, exist_ok=True)
        (root / folder(study, subject) / f"{dicom}.jpg").touch()
        report = reports / f"{folder(study, subject)}.txt"
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(f" FINAL REPORT\n HISTORY: Cough.\n FINDINGS: Study {study}.\n IMPRESSION: Well.\n")
    write_table(
        root / "mimic-cxr-2.0.0-split.csv.gz",
        ["dicom_id", "study_id", "subject_id", "split"],
        [picture[:4] for picture in PICTURES],
    )
    write_table(
        root / "mimic-cxr-2.0.0-metadata.csv.gz",
        ["dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition", "Rows"],
        [(dicom, subject, study, "CHEST", view, 3056) for dicom, study, subject, _, view in PICTURES],
    )
    values = {"Atelectasis": "1.0", "Edema": "-1.0", "Pneumothorax": "0.0"}
    first = ["10000032", "50414267", *(values.get(name, "") for name in sorted(OBSERVATIONS))]
    write_table(root / "mimic-cxr-2.0.0-chexpert.csv.gz", LABEL_COLUMNS, [first])
    return root, reports


def test_reads_the_official_layout(roots):
    rows = read_mimic_cxr(*roots)
    assert [(row.id, row.split) for row in rows] == [
        ("s50414267", "train"),
        ("s53189527", "val"),
        ("s56699142", "test"),
    ]
    assert rows[0].report == "Study 50414267."
    assert (rows[0].impression, rows[0].indication) == ("Well.", "Cough.")


def test_takes_the_first_frontal_then_the_first_lateral(roots):
    first, second, third = read_mimic_cxr(*roots)
    assert [path.name for path in first.images] == ["bbb-ap.jpg", "aaa-lat.jpg"]
    assert first.images[0].parent == roots[0] / "files/p10/p10000032/s50414267"
    assert first.views == ("frontal", "lateral")
    assert second.views == ("lateral",)
    assert third.views == (None,)
    assert third.images[0].name == "eee-no.jpg"


def test_reads_labels_by_name_with_all_four_states(roots):
    first, second, _ = read_mimic_cxr(*roots)
    assert first.labels is not None
    assert first.labels["Atelectasis"] == State.POSITIVE
    assert first.labels["Edema"] == State.UNCERTAIN
    assert first.labels["Pneumothorax"] == State.NEGATIVE
    assert first.labels["Fracture"] == State.UNMENTIONED
    assert second.labels is None


def test_reads_tables_that_were_decompressed(roots):
    before = read_mimic_cxr(*roots)
    for path in roots[0].glob("*.csv.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert read_mimic_cxr(*roots) == before


@pytest.mark.parametrize("table", ["split", "metadata", "chexpert"])
def test_names_a_missing_table(roots, table):
    (roots[0] / f"mimic-cxr-2.0.0-{table}.csv.gz").unlink()
    with pytest.raises(
        DataError, match=rf"{table}\.csv\.gz is missing: expected a CSV table with the columns"
    ):
        read_mimic_cxr(*roots)


def test_names_a_missing_picture_and_a_missing_report(roots):
    root, reports = roots
    (reports / "files/p10/p10000764/s53189527.txt").unlink()
    with pytest.raises(DataError, match=r"s53189527\.txt is missing: expected the report of a study"):
        read_mimic_cxr(root, reports)
    (root / "files/p10/p10000032/s50414267/bbb-ap.jpg").unlink()
    with pytest.raises(DataError, match=r"bbb-ap\.jpg is missing: expected a picture"):
        read_mimic_cxr(root, reports)


def test_refuses_damaged_tables(roots):
    path = roots[0] / "mimic-cxr-2.0.0-split.csv.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-12])
    with pytest.raises(DataError, match="cannot be read as a CSV table"):
        read_mimic_cxr(*roots)
    path.write_bytes(b"dicom_id,study_id\n")
    with pytest.raises(DataError, match="cannot be read as a CSV table"):
        read_mimic_cxr(*roots)
    write_table(path, ["dicom_id", "study_id"], [])
    with pytest.raises(DataError, match="has no column subject_id, split"):
        read_mimic_cxr(*roots)


def test_refuses_unknown_splits_and_labels(roots):
    root = roots[0]
    labels = root / "mimic-cxr-2.0.0-chexpert.csv.gz"
    write_table(labels, LABEL_COLUMNS, [["10000032", "50414267", "2.0", *[""] * 13]])
    with pytest.raises(
        DataError, match=r"gives \"Atelectasis\" the value '2\.0': expected 1, 0, -1 or blank"
    ):
        read_mimic_cxr(*roots)
    write_table(labels, LABEL_COLUMNS, [])
    split = root / "mimic-cxr-2.0.0-split.csv.gz"
    write_table(split, ["dicom_id", "study_id", "subject_id", "split"], [("a", "5", "10", "dev")])
    with pytest.raises(DataError, match="names the split 'dev': expected train, validate or test"):
        read_mimic_cxr(*roots)

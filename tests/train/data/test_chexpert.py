import csv

import pytest

from radui.observations import State
from train.data.chexpert import read_chexpert
from train.data.study import DataError

# The official order of the columns, which is not ours.
COLUMNS = [
    "Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", "No Finding", "Enlarged Cardiomediastinum",
    "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema", "Consolidation", "Pneumonia", "Atelectasis",
    "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture", "Support Devices",
]  # fmt: skip


def picture(path, **values):
    lateral = path.endswith("lateral.jpg")
    row = dict.fromkeys(COLUMNS, "")
    row |= {
        "Path": path,
        "Sex": "Female",
        "Age": "68",
        "Frontal/Lateral": "Lateral" if lateral else "Frontal",
    }
    return row | {name.replace("_", " "): value for name, value in values.items()}


def write_set(root, name):
    """Two train studies and one valid study of the data set `name`, in the folder `root`."""
    labels = {"Edema": "-1.0", "Support_Devices": "1.0", "Pneumothorax": "0.0"}
    train = [
        picture(f"{name}/train/patient00001/study1/view1_lateral.jpg", **labels),
        picture(f"{name}/train/patient00001/study1/view2_frontal.jpg", **labels),
        picture(f"{name}/train/patient00001/study1/view3_frontal.jpg", **labels),
        picture(f"{name}/train/patient00001/study2/view1_frontal.jpg", No_Finding="1.0"),
    ]
    valid = [picture(f"{name}/valid/patient64541/study1/view1_frontal.jpg", Edema="1.0")]
    for table, rows in (("train.csv", train), ("valid.csv", valid)):
        write_table(root / table, rows)
        for row in rows:
            path = root / row["Path"].split("/", 1)[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


def write_table(path, rows):
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("name", ["CheXpert-v1.0", "CheXpert-v1.0-small"])
def test_reads_studies_of_both_official_namings(tmp_path, name):
    write_set(tmp_path, name)
    rows = read_chexpert(tmp_path)
    assert [(row.id, row.split) for row in rows] == [
        ("patient00001/study1", "train"),
        ("patient00001/study2", "train"),
        ("patient64541/study1", "val"),
    ]
    study = tmp_path / "train/patient00001/study1"
    assert rows[0].images == (study / "view2_frontal.jpg", study / "view1_lateral.jpg")
    assert rows[0].views == ("frontal", "lateral")
    assert rows[0].report == ""


def test_reads_uncertain_and_blank_labels_by_name(tmp_path):
    write_set(tmp_path, "CheXpert-v1.0-small")
    first, second, third = (row.labels for row in read_chexpert(tmp_path))
    assert first is not None
    assert first["Edema"] == State.UNCERTAIN
    assert first["Support Devices"] == State.POSITIVE
    assert first["Pneumothorax"] == State.NEGATIVE
    assert first["Fracture"] == State.UNMENTIONED
    assert second is not None
    assert second["No Finding"] == State.POSITIVE
    assert third is not None
    assert third["Edema"] == State.POSITIVE


def test_names_what_is_missing_or_malformed(tmp_path):
    with pytest.raises(DataError, match=r"train\.csv is missing: expected a CSV table with the columns Path"):
        read_chexpert(tmp_path)
    write_set(tmp_path, "CheXpert-v1.0")
    (tmp_path / "train/patient00001/study2/view1_frontal.jpg").unlink()
    with pytest.raises(DataError, match=r"study2/view1_frontal\.jpg is missing"):
        read_chexpert(tmp_path)
    write_table(tmp_path / "train.csv", [picture("patient00001/view1_frontal.jpg")])
    with pytest.raises(
        DataError, match=r"lists the picture 'patient00001/view1_frontal\.jpg': expected CheXpert"
    ):
        read_chexpert(tmp_path)

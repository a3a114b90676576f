import json

import numpy as np
import pytest

from radui.observations import OBSERVATION_INDEX, State
from train import medrat_retrieval
from train.data.iu_xray import read_iu_xray
from train.metrics.scored_studies import read_reports
from train.unpaired import assign

KINDS = {
    "Cardiomegaly": "The heart is enlarged. The lungs are clear.",
    "Pleural Effusion": "There is a large left pleural effusion.",
}


@pytest.fixture
def data(tmp_path):
    annotation = {}
    for split, count in {"train": 12, "val": 2, "test": 4}.items():
        annotation[split] = []
        for i in range(count):
            picture = tmp_path / "images" / f"{split}{i}" / "0.png"
            picture.parent.mkdir(parents=True)
            picture.write_bytes(b"")
            report = list(KINDS.values())[i % 2]
            row = {"id": f"{split}{i}", "report": report, "image_path": [f"{split}{i}/0.png"], "split": split}
            annotation[split].append(row)
    (tmp_path / "annotation.json").write_text(json.dumps(annotation))
    return tmp_path


@pytest.fixture
def classifier(monkeypatch):
    """Sees in every picture the other kind of what its report says."""

    def probabilities(folder, rows):
        found = np.zeros((len(rows), 14, 4), np.float32)
        for place, row in enumerate(rows):
            other = "Pleural Effusion" if "heart" in row.report else "Cardiomegaly"
            found[place, OBSERVATION_INDEX[other], State.POSITIVE] = 0.9
        return found

    monkeypatch.setattr(medrat_retrieval, "observation_probabilities", probabilities)


def test_each_study_gets_an_unpaired_report_of_what_the_classifier_sees(data, classifier, tmp_path):
    out = tmp_path / "runs" / "retrieval.jsonl"
    medrat_retrieval.main(["--data", str(data), "--out", str(out), "--seed", "4"])
    rows = [row for row in read_iu_xray(data) if row.split == "test"]
    reports = read_reports(out, rows)
    assert ["effusion" in report for report in reports] == ["heart" in row.report for row in rows]


def test_only_reports_that_medrat_read_are_given(data, classifier, tmp_path, monkeypatch):
    asked = []

    def matching(reports, labels, probabilities, seed):
        asked.append(len(reports))
        return [reports[0]] * len(probabilities)

    monkeypatch.setattr(medrat_retrieval, "matching_reports", matching)
    for pairing in ("0", "100"):
        out = tmp_path / "retrieval.jsonl"
        medrat_retrieval.main(["--data", str(data), "--out", str(out), "--pairing", pairing])
    assert asked == [len(assign(range(12), 0.0, 9153).reports), 12]

import json
from pathlib import Path

import pytest

from radui.observations import OBSERVATIONS, State
from train import label_agreement
from train.data.study import StudyRow
from train.label_agreement import Agreement, agreement, disagreements, micro, table, text_of

STUDIES = Path(__file__).parents[2] / "../shared/data/iu_xray/studies.json"
FLOOR = 0.95


def study(
    impression: str, *present: str, report: str = "The heart is big.", split: str = "train"
) -> StudyRow:
    labels = {name: State.POSITIVE if name in present else State.UNMENTIONED for name in OBSERVATIONS}
    return StudyRow(id="a", split=split, images=(), report=report, impression=impression, labels=labels)


ROWS = [
    study("Cardiomegaly.", "Cardiomegaly"),
    study("Small effusion.", "Pneumonia"),
    study("Clear lungs.", "No Finding"),
]


def test_counts_are_kept_by_observation() -> None:
    counts = agreement(ROWS, "impression")
    assert counts["Cardiomegaly"] == Agreement(hits=1)
    assert counts["Pleural Effusion"] == Agreement(false_alarms=1)
    assert counts["Pneumonia"] == Agreement(misses=1)
    assert micro(counts) == Agreement(hits=2, false_alarms=1, misses=1)


def test_scores() -> None:
    score = Agreement(hits=3, false_alarms=1, misses=2)
    assert (score.precision, score.recall, score.f1) == (0.75, 0.6, pytest.approx(2 / 3))
    assert Agreement().f1 == 0.0


def test_disagreements_name_both_sides() -> None:
    found = [(example.observation, example.predicted) for example in disagreements(ROWS, "impression")]
    assert found == [("Pneumonia", False), ("Pleural Effusion", True)]


def test_a_study_without_labels_counts_for_nothing() -> None:
    unlabelled = StudyRow(id="b", split="train", images=(), report="Edema.")
    assert micro(agreement([unlabelled], "findings")) == Agreement()


def test_the_text_can_be_chosen() -> None:
    row = study("No edema.", report="Edema.")
    assert [text_of(row, source) for source in label_agreement.TEXTS] == [
        "No edema.",
        "Edema.",
        "Edema.\n\nNo edema.",
    ]


def test_the_table_pools_with_and_without_no_finding() -> None:
    *_, pooled, findings = table(agreement(ROWS, "impression")).splitlines()
    assert pooled.split()[-4:] == ["0.667", "0.667", "0.667", "3"]
    assert findings.split()[-4:] == ["0.500", "0.500", "0.500", "2"]


def test_the_command_prints_table_and_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images/0.png").write_bytes(b"not read")
    entry = {"id": "a", "report": "Big heart.", "image_path": ["0.png"]}
    (tmp_path / "annotation.json").write_text(json.dumps({"train": [entry], "val": [], "test": []}))
    extra = {"id": "a", "impression": "Possible edema.", "labels": {"Pneumonia": 1}}
    (tmp_path / "studies.json").write_text(json.dumps([extra]))
    monkeypatch.setattr("sys.argv", ["label_agreement", "--data", str(tmp_path), "--examples", "1"])
    label_agreement.main()
    printed = capsys.readouterr().out
    assert "1 train studies, impression text" in printed
    assert "Edema: labeler only; read 'edema' uncertain" in printed


def test_the_command_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["label_agreement", "--data", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"annotation\.json"):
        label_agreement.main()


@pytest.mark.skipif(not STUDIES.is_file(), reason="IU X-Ray is not at ../shared/data/iu_xray")
def test_the_labeler_agrees_with_the_silver_labels_of_iu_xray() -> None:
    studies = json.loads(STUDIES.read_text(encoding="utf-8"))
    rows = [
        study(s["impression"], *(name for name, value in s["labels"].items() if value))
        for s in studies
        if s["split"] == "train"
    ]
    assert len(rows) == 2069
    assert micro(agreement(rows, "impression")).f1 >= FLOOR

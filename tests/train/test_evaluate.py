import json
import shutil

import numpy as np
import pytest

from train.evaluate import CONSTANT, NEAREST, RANDOM, STRONG_CONSTANT, main
from train.metrics.published import PUBLISHED
from train.metrics.scored_studies import EvaluationError, read_corpus, read_reports

NORMAL = "The heart is normal in size. The lungs are clear. There is no pleural effusion."
EFFUSION = "There is a large left pleural effusion. The heart is normal in size."
HEART = "The heart is enlarged. The lungs are clear."
KINDS = (NORMAL, EFFUSION, HEART)


@pytest.fixture
def data(tmp_path):
    """Studies in R2Gen's layout; the kind of report is also the only thing that the picture shows."""
    annotation = {}
    for split, count in {"train": 12, "val": 5, "test": 6}.items():
        annotation[split] = []
        for i in range(count):
            study = f"{split}{i}"
            picture = tmp_path / "images" / study / "0.png"
            picture.parent.mkdir(parents=True)
            picture.write_bytes(bytes([i % 3]))
            row = {"id": study, "report": KINDS[i % 3], "image_path": [f"{study}/0.png"], "split": split}
            annotation[split].append(row)
    (tmp_path / "annotation.json").write_text(json.dumps(annotation))
    return tmp_path


def kind(row):
    return row.images[0].read_bytes()[0]


def generate(checkpoint, rows, oracle_labels):
    """Echoes the report with oracle labels, else sees an effusion in every picture but the first kind."""
    cleaned = [text.lower().replace(". ", " . ").replace(".", " .") for text in KINDS]
    return [cleaned[kind(row) if oracle_labels else min(kind(row), 1)] for row in rows]


def features(checkpoint, rows):
    return np.eye(3)[[kind(row) for row in rows]]


@pytest.fixture
def without_java(monkeypatch):
    """METEOR takes some 10 s to start; its own tests cover it."""
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "java" else which(name))


def run(data, *options):
    arguments = ["--data", str(data), "--resamples", "50", "--out", str(data / "scores.json"), *options]
    code = main(arguments, generate, features)
    path = data / "scores.json"
    return code, json.loads(path.read_text()) if path.exists() else None


@pytest.mark.usefixtures("without_java")
def test_a_checkpoint_is_scored_beside_the_baselines_and_the_papers(data, capsys):
    code, answer = run(data, "--checkpoint", "runs/a")
    text = capsys.readouterr().out
    assert code == 0
    assert "test split, 6 studies, R2Gen protocol" in text
    for name in ("runs/a", CONSTANT, STRONG_CONSTANT, RANDOM, NEAREST):
        table = text.split("Differences")[0]
        assert sum(line.startswith(name) for line in table.splitlines()) == 1
    for paper in PUBLISHED:
        assert f"{paper.system} (paper)" in text
    assert "Clinical efficacy of runs/a (positive only" in text
    assert answer["baselines"][NEAREST]["BLEU-4"]["value"] == pytest.approx(1)
    assert answer["baselines"][CONSTANT]["distinct reports"]["value"] == pytest.approx(1)
    system = answer["systems"]["runs/a"]
    assert system["distinct reports"]["value"] == pytest.approx(2)
    assert system["Pleural Effusion precision"]["value"] == pytest.approx(0.5)
    assert system["Pleural Effusion recall"]["value"] == pytest.approx(1)
    assert system["BLEU-4"]["low"] <= system["BLEU-4"]["value"] <= system["BLEU-4"]["high"]


@pytest.mark.usefixtures("without_java")
def test_what_cannot_run_is_printed_with_its_reason(data, capsys):
    _, answer = run(data, "--checkpoint", "runs/a")
    text = capsys.readouterr().out
    unavailable = text[text.index("Unavailable here:") :]
    assert "METEOR: METEOR needs Java" in unavailable
    assert "BERTScore: BERTScore needs an encoder" in unavailable
    assert "needs Java" in answer["systems"]["runs/a"]["METEOR"]["unavailable"]
    assert set(answer["missing"]) >= {"METEOR", "BERTScore"}


@pytest.mark.usefixtures("without_java")
def test_oracle_labels_are_named_in_the_table(data, capsys):
    _, answer = run(data, "--checkpoint", "runs/a", "--oracle-labels")
    assert "runs/a (labels from the reference report)" in capsys.readouterr().out
    (system,) = answer["systems"].values()
    assert system["BLEU-4"]["value"] == pytest.approx(1)


@pytest.mark.usefixtures("without_java")
def test_three_checkpoints_are_averaged(data, capsys):
    seeds = [word for name in "abca" for word in ("--checkpoint", f"runs/{name}")]
    run(data, *seeds, "--markdown")
    text = capsys.readouterr().out
    assert "| mean of 3 checkpoints" in text
    assert text.count("Clinical efficacy of") == 3


@pytest.mark.usefixtures("without_java")
def test_a_report_file_is_scored_without_any_checkpoint(data, tmp_path, capsys):
    file = tmp_path / "reports.jsonl"
    lines = [json.dumps({"id": f"test{i}", "report": KINDS[i % 3]}) for i in range(6)]
    file.write_text("\n".join([*lines, json.dumps({"id": "another", "report": "x"})]))
    code, answer = run(data, "--reports", str(file), "--uncertain-positive")
    text = capsys.readouterr().out
    assert code == 0
    assert answer["systems"][str(file)]["BLEU-4"]["value"] == pytest.approx(1)
    assert NEAREST in answer["missing"]
    assert "uncertain counts as positive" in text


@pytest.mark.usefixtures("without_java")
def test_a_checkpoint_is_paired_with_each_baseline_and_each_report_file(data, tmp_path, capsys):
    path = tmp_path / "retrieval.jsonl"
    rows = [json.dumps({"id": f"test{i}", "report": "the lungs are clear ."}) for i in range(6)]
    path.write_text("\n".join(rows))
    run(data, "--checkpoint", "toy", "--reports", str(path))
    printed = capsys.readouterr().out
    for rival in (CONSTANT, STRONG_CONSTANT, RANDOM, NEAREST, path):
        assert f"toy - {rival}" in printed
    line = next(line for line in printed.splitlines() if line.startswith(f"toy - {path}"))
    assert "*" in line


def test_a_limit_scores_the_first_studies_and_says_so(data, capsys):
    _, answer = run(data, "--checkpoint", "runs/a", "--limit", "2")
    assert answer["studies"] == 2
    assert "not comparable with the papers" in capsys.readouterr().out


def test_a_missing_data_folder_is_one_clear_line(tmp_path, capsys):
    code, answer = run(tmp_path)
    error = capsys.readouterr().err
    assert code == 2
    assert answer is None
    assert error.startswith("error: ")
    assert "annotation.json" in error


def test_a_generator_that_skips_studies_is_refused(data, capsys):
    code = main(["--data", str(data), "--checkpoint", "a"], lambda *_: ["x"], features)
    assert code == 2
    assert "gave 1 reports for 6 studies" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"id": "test0", "report": "clear"}', "no report for 5 studies, for instance test1"),
        ("not json", "object a line"),
        ('{"id": "test0"}', "object a line"),
        ("[1]", "object a line"),
    ],
)
def test_unusable_report_files_are_explained(data, tmp_path, content, message):
    rows = read_corpus(data, "test").rows
    file = tmp_path / "reports.jsonl"
    file.write_text(content)
    with pytest.raises(EvaluationError, match=message):
        read_reports(file, rows)
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_reports(tmp_path / "absent.jsonl", rows)


def test_splits_that_the_baselines_need_must_not_be_empty(data):
    annotation = json.loads((data / "annotation.json").read_text())
    (data / "annotation.json").write_text(json.dumps(annotation | {"val": []}))
    with pytest.raises(EvaluationError, match="no val studies"):
        read_corpus(data, "test")


@pytest.mark.usefixtures("without_java")
def test_references_can_hold_the_impression_too(data, capsys):
    beside = [{"id": f"test{i}", "impression": "Clear."} for i in range(5)]
    (data / "studies.json").write_text(json.dumps(beside))
    corpus = read_corpus(data, "test", impression=True)
    assert corpus.rows[0].report == f"{NORMAL} Clear."
    assert corpus.rows[5].report == HEART  # has none
    assert corpus.references[0].endswith("effusion . clear .")
    _, plain = run(data, "--checkpoint", "runs/a", "--oracle-labels")
    _, answer = run(data, "--checkpoint", "runs/a", "--oracle-labels", "--impression")
    assert "R2Gen protocol but against findings and impression" in capsys.readouterr().out
    assert answer["settings"]["impression"]
    one, other = (next(iter(each["systems"].values()))["ROUGE-L"]["value"] for each in (plain, answer))
    assert other < one

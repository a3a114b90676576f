"""`python -m radui store …` with the real engine over tiny checkpoints of random weights."""

import io
import json
import sys
import zipfile
from contextlib import redirect_stdout

import cv2
import numpy as np
import pytest

from radui.__main__ import main
from radui.reading_study import checkpoint_sha256
from radui.store.maintenance import backup
from radui.store.migrations import open_store
from radui.store.ratings import submit
from radui.store.readers import find_reader, log_in
from radui.store.tables import find_study, read_table
from radui.store.tasks import next_task


def store(*arguments):
    """The exit status of `python -m radui store …`."""
    return main(["store", *map(str, arguments)])


@pytest.fixture(scope="module")
def made(tmp_path_factory, trained):
    """A database with an open study of two cases for ann, made by the commands, and what they printed."""
    folder = tmp_path_factory.mktemp("cases")
    database = tmp_path_factory.mktemp("made") / "r.db"
    for number in range(2):
        picture = np.random.default_rng(number).integers(255, size=(80, 96), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        (folder / f"{number}.txt").write_text("The lungs are clear.", encoding="utf-8")
    create = ("create-study", database, folder, "--title", "pilot", "--readers", "ann", "--include-reference")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as said:
        patch.setattr(sys, "stdin", io.StringIO("correct horse\n"))
        assert store("add-reader", database, "ann") == 0
        assert store(*create, "--checkpoints", trained) == 0
    return database, said.getvalue().splitlines()


@pytest.fixture
def study(made, tmp_path):
    """A copy of the database that a test may change."""
    return backup(open_store(made[0]), tmp_path / "r.db")


def test_a_study_is_made_from_a_folder_and_can_be_read(made, trained):
    study, told = made
    assert told[-3:-1] == ["Case 1 of 2, 0: 2 reports written.", "Case 2 of 2, 1: 2 reports written."]
    opened = open_store(study)
    assert json.loads(told[-1]) == {"study_id": find_study(opened, "pilot"), "title": "pilot"}
    written = {row["system"]: row for row in read_table(opened, "candidates")}
    assert written.keys() == {"xpronet", "reference"}
    names = ("xpronet", "gate", "observation_classifier")
    assert written["xpronet"]["checkpoint_sha256"] == checkpoint_sha256(trained, names)
    assert written["xpronet"]["generation_seconds"] > 0
    ann = log_in(opened, "ann", "correct horse")
    assert next_task(opened, ann.reader_id, find_study(opened, "pilot")).total == 2


def test_backup_check_export_and_merge(study, tmp_path, capsys):
    assert store("backup", study, tmp_path / "site.db") == 0
    site = open_store(tmp_path / "site.db")
    ann, study_id = find_reader(site, "ann").reader_id, find_study(site, "pilot")
    task = next_task(site, ann, study_id)
    rating = {"no_errors": True, "acceptability": 4, "hallucination": False, "clarity": 5}
    answers = {"image_quality_sufficient": True, "confidence": 3, "preference": "A"}
    submit(site, ann, task.assignment_id, answers | {"reports": {"A": rating, "B": rating}}, 1)
    capsys.readouterr()
    for count in (1, 0):
        assert store("merge", study, site.path) == 0
        assert f"site.db: {count} new ratings, 0 new pictures." in capsys.readouterr().out
    assert store("check", study) == 0
    assert "is sound" in capsys.readouterr().out
    assert store("export", study, tmp_path / "out.zip") == 0
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.read("rating_events.jsonl").count(b"\n") == 1
    assert store("export", study, tmp_path / "pairs.jsonl", "--dpo", "pilot") == 0
    (pair,) = map(json.loads, (tmp_path / "pairs.jsonl").read_text().splitlines())
    assert {pair["chosen_system"], pair["rejected_system"]} == {"xpronet", "reference"}


def test_a_reader_gets_a_new_password_is_kept_out_and_let_in(study, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("battery staple\n"))
    assert store("change-reader", study, "ann", "--password", "--lock") == 0
    assert log_in(open_store(study), "ann", "battery staple") is None
    assert store("change-reader", study, "ann", "--unlock") == 0
    assert log_in(open_store(study), "ann", "battery staple") is not None
    assert log_in(open_store(study), "ann", "correct horse") is None


def test_a_reader_joins_an_open_study(study):
    assert store("add-reader", study, "ben", "--sso") == 0
    assert store("change-reader", study, "ben", "--join", "pilot") == 0
    opened = open_store(study)
    assert next_task(opened, find_reader(opened, "ben").reader_id, find_study(opened, "pilot")).total == 2


def test_check_fails_on_a_damaged_file(study, capsys):
    next(study.with_name("r.db.pictures").iterdir()).unlink()
    assert store("check", study) == 1
    assert "is missing in" in capsys.readouterr().out


NEW = ("create-study", "{db}", "x", "--title", "t", "--readers")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("check", "gone.db"), "There is no database"),
        (("backup", "{db}", "{db}"), "exists already"),
        (("add-reader", "{db}", "ann", "--sso"), "There is a reader ann already"),
        (("change-reader", "{db}", "eve", "--lock"), "There is no reader eve"),
        (("change-reader", "{db}", "ann", "--join", "pilot"), "has a queue in this study already"),
        (("export", "{db}", "x", "--dpo", "none"), "There is no reading study 'none'; there are: pilot."),
        ((*NEW, "ann"), "There is no folder x"),
        ((*NEW, "eve"), "There is no reader eve"),
        ((*NEW, "ann", "--systems", "gpt"), "There is no system 'gpt'"),
        ((*NEW, "ann", "--systems", "otdrg"), "there is no checkpoint otdrg"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_status_1(made, trained, capsys, arguments, sentence):
    given = [argument.format(db=made[0]) for argument in arguments]
    if given[0] == "create-study":
        given += ["--checkpoints", str(trained)]
    assert store(*given) == 1
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as left:
        store("--help")
    assert left.value.code == 0
    told = capsys.readouterr().out
    for name in ("backup", "check", "export", "merge", "create-study", "add-reader", "change-reader"):
        assert name in told

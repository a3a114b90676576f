"""The batch command on real picture files and tiny trained checkpoints."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from radui.__main__ import main
from radui.commands.report import Shard, environment_shard, finished, parse_shard
from radui.engine import Engine
from radui.processing.case_folder import list_cases, read_case

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five cases: three pictures, a pair of views, and a text that calls itself a picture."""
    root = tmp_path_factory.mktemp("cases")
    random = np.random.default_rng(0)

    def picture(path):
        smooth = cv2.GaussianBlur(random.integers(0, 256, (80, 96), np.uint8), (0, 0), 4)
        cv2.imwrite(str(path), cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX))

    for name in ("a", "c", "e"):
        picture(root / f"{name}.png")
    (root / "b").mkdir()
    for view in ("0.png", "1.png"):
        picture(root / "b" / view)
    (root / "d.png").write_bytes(b"not a picture")
    return root


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def report(folder, trained, out, *more):
    fixed = ["--checkpoints", str(trained), "--out", str(out), "--batch", "2"]
    return main(["report", str(folder), *fixed, *more])


@pytest.fixture(scope="module")
def written(folder, trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "reports.jsonl"
    assert report(folder, trained, out) == 1  # one case cannot be read
    return out


def test_each_case_has_a_line_that_says_what_the_page_would(written, folder, trained):
    found = rows(written)
    assert [row["case"] for row in found] == ["a", "b", "c", "d", "e"]
    engine = Engine(trained)
    for row, files in zip(found, list_cases(folder), strict=True):
        if row["case"] == "d":
            assert row["report"] is None
            assert "d" in row["problem"]
            continue
        study = read_case(files)[0]
        assert row["report"] == list(engine.predict("xpronet", study))[-1].report
        assert row["problem"] is None
        assert row["warning"] is None
        assert len(row["findings"]) == 14


def test_the_same_command_again_writes_nothing(written, folder, trained):
    before = written.read_bytes()
    assert report(folder, trained, written) == 0
    assert written.read_bytes() == before


def test_a_killed_run_goes_on_after_its_last_whole_line(written, folder, trained, tmp_path):
    whole = written.read_bytes()
    out = tmp_path / "reports.jsonl"
    out.write_bytes(whole[: whole.index(b"\n") + 30])
    assert len(finished(out)) == 1
    report(folder, trained, out)
    lines = out.read_bytes().split(b"\n")
    kept = [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]
    assert kept == rows(written)


def test_two_processes_share_the_cases(written, folder, trained, tmp_path):
    command = [sys.executable, "-m", "radui", "report", str(folder), "--checkpoints", str(trained)]
    out = tmp_path / "reports.jsonl"
    runs = []
    for rank in range(2):
        ranked = {**os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
        runs.append(subprocess.Popen([*command, "--out", str(out)], cwd=ROOT, env=ranked))
    assert sorted(run.wait(timeout=300) for run in runs) == [0, 1]
    parts = sorted(tmp_path.glob("*.jsonl"))
    assert [path.name for path in parts] == ["reports.1-of-2.jsonl", "reports.2-of-2.jsonl"]
    joined = sorted((row for part in parts for row in rows(part)), key=lambda row: row["case"])
    assert joined == rows(written)
    # One process finds what two have written.
    assert report(folder, trained, out) == 0
    assert rows(out) == []


def test_a_doubtful_picture_carries_its_warning(folder, trained, tmp_path):
    import shutil

    shutil.copytree(trained, tmp_path / "all")
    config = tmp_path / "all" / "gate" / "config.json"
    config.write_text(config.read_text().replace('"threshold": 0.7', '"threshold": 0.9'))
    out = tmp_path / "reports.jsonl"
    report(folder, tmp_path / "all", out)
    warnings = [row["warning"] for row in rows(out) if row["report"]]
    assert warnings[0] == "Picture 1 does not look like a chest radiograph."
    assert warnings[1] == "Pictures 1 and 2 do not look like chest radiographs."


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [(["--system", "r2gen"], "no system 'r2gen'"), (["--system", "otdrg"], "no checkpoint otdrg")],
)
def test_an_unknown_system_is_refused_before_anything_is_read(
    folder, trained, tmp_path, capsys, extra, sentence
):
    assert report(folder, trained, tmp_path / "x.jsonl", *extra) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "x.jsonl").exists()


def test_an_empty_folder_is_refused(trained, tmp_path, capsys):
    assert report(tmp_path, trained, tmp_path / "out" / "x.jsonl") == 2
    assert "no picture" in capsys.readouterr().err


def test_shards_are_disjoint_and_complete():
    cases = list(range(10))
    parts = [Shard(index, 3).part(cases) for index in range(3)]
    assert sorted(case for part in parts for case in part) == cases
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert parse_shard("2/4") == Shard(1, 4)


@pytest.mark.parametrize("text", ["0/4", "5/4", "2", "a/b", "/"])
def test_a_shard_that_is_none(text):
    with pytest.raises(Exception, match="second of four parts"):
        parse_shard(text)


def test_ranks_come_from_the_launcher(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert environment_shard() == Shard(1, 3)

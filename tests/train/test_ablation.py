import csv
from pathlib import Path

import pytest

from train.ablation import ABLATIONS, COLUMNS, Ablation, main, table

PARTS = {"xpronet": 4, "medrat": 8, "otdrg": 11}


class Command:
    """A training command that writes the log of a run whose second epoch is the best."""

    def __init__(self):
        self.calls = []

    def __call__(self, arguments):
        self.calls.append(arguments)
        run = self.folder(arguments)
        (run / "checkpoint").mkdir(parents=True)
        (run / "checkpoint" / "config.json").write_text("{}")
        seed = int(arguments[arguments.index("--seed") + 1]) if "--seed" in arguments else 0
        with (run / "log.csv").open("w") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for score in (0.1, 0.5 + seed / 10, ""):
                writer.writerow([score, *([score] * (len(COLUMNS) - 2)), 7 + seed])

    @staticmethod
    def folder(arguments):
        return Path(arguments[arguments.index("--out") + 1])


@pytest.fixture
def command(monkeypatch):
    command = Command()
    rows = {"whole": (), "without memory": ("--no-memory",)}
    monkeypatch.setitem(ABLATIONS, "medrat", Ablation(command, rows))
    return command


def test_each_row_is_trained_once_with_its_flags_and_the_common_options(command, tmp_path, capsys):
    for _ in range(2):
        main(["medrat", "--out", str(tmp_path), "--data", "D", "--epochs", "3"])
    assert len(command.calls) == 2
    assert command.calls[1][:4] == ["--data", "D", "--epochs", "3"]
    assert "--no-memory" in command.calls[1]
    assert "--no-memory" not in command.calls[0]
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| whole | 0.500 |")  # the best epoch, not the last
    assert lines[3].endswith("| 7 |")


def test_seeds_give_a_mean_and_half_their_range(command, tmp_path, capsys):
    main(["medrat", "--out", str(tmp_path), "--seeds", "1", "3", "--rows", "without memory"])
    assert [call[call.index("--seed") + 1] for call in command.calls] == ["1", "3"]
    assert "| without memory | 0.700 ±0.100 |" in capsys.readouterr().out


def test_an_unknown_row_is_named(command, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["medrat", "--out", str(tmp_path), "--rows", "without sense"])
    assert "No such row: without sense; there are whole, without memory." in capsys.readouterr().err


@pytest.mark.parametrize("system", PARTS)
def test_the_flags_of_every_row_are_the_commands_own(system, capsys):
    ablation = ABLATIONS[system]
    assert len(ablation.rows) == PARTS[system]
    with pytest.raises(SystemExit):
        ablation.train(["--help"])
    shown = capsys.readouterr().out
    assert all(flag in shown for flags in ablation.rows.values() for flag in flags if flag.startswith("--"))


def test_a_table_has_a_line_a_row(tmp_path):
    Command()(["--out", str(tmp_path / "run")])
    assert len(table({"whole": [tmp_path / "run"]}).splitlines()) == 3

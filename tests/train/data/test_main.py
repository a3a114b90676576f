import pytest

from train.data.__main__ import main
from train.data.synthetic import write_synthetic


def test_prints_the_counts_of_a_data_set(tmp_path, capsys):
    write_synthetic(tmp_path, studies=3, seed=5)
    assert main(["--format", "iu_xray", "--data", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line.split() for line in lines if line.startswith("studies")) == [
        "studies",
        "1",
        "1",
        "1",
        "3",
    ]
    assert any(line.startswith("Pleural Effusion") for line in lines)


@pytest.mark.parametrize("name", ["iu_xray", "openi", "mimic_cxr", "chexpert"])
def test_says_what_is_missing_and_fails(tmp_path, capsys, name):
    assert main(["--format", name, "--data", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(tmp_path) in captured.err
    assert "expected" in captured.err
    assert len(captured.err.splitlines()) == 1

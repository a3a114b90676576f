"""A sample of what `python -m tests.fuzz.pictures` tries, and the checks of its own judgement."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radui.processing.images import ImageError
from tests.fuzz import trials
from tests.fuzz.damage import cuts, flips, lies, mixtures
from tests.fuzz.extremes import extreme_files
from tests.fuzz.pictures import damaged_files, summary
from tests.fuzz.seeds import small_files
from tests.fuzz.trials import Trial, read, run

FILES = small_files()
REFUSED_WHOLE = {"animated", "two pages", "JPEG-lossy", "JPGExtended", "JPEGLSNearLossless_08"}
REFUSED_WHOLE |= {"JPEGLSNearLossless_16"}


def faults(trials):
    return {trial.name: trial.sentence for trial in trials if trial.is_fault}


def test_the_small_files_are_sound_but_for_those_of_several_pictures_or_unknown_kinds():
    refused = {trial.name.partition(" ")[2] for trial in run(FILES.items()) if trial.outcome != "picture"}
    assert refused == REFUSED_WHOLE


def test_damaged_files_are_read_or_refused():
    tried = list(run(damaged_files(per_seed=8, seed=1)))
    assert len(tried) >= 8 * len(FILES)
    assert faults(tried) == {}


def test_extreme_files_are_read_or_refused():
    tried = list(run(extreme_files(large=False).items()))
    assert len(tried) > 30
    assert faults(tried) == {}


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    name=st.sampled_from([name for name, data in FILES.items() if "JPEG" not in name and len(data) < 7000]),
    pieces=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 60), st.binary(max_size=60)), min_size=1, max_size=4
    ),
)
def test_any_bytes_in_place_of_others_are_read_or_refused(name, pieces):
    data = FILES[name]
    for share, length, new in pieces:
        start = int(share * len(data))
        data = data[:start] + new + data[start + length :]
    outcome, sentence = read(data)
    assert outcome != "FAULT", sentence


def test_damage_is_the_same_for_the_same_seed_and_changes_the_file():
    data = FILES["png grey"]
    for make in (
        lambda: cuts(data, 9),
        lambda: flips(data, 9),
        lambda: lies(data, 9, 3),
        lambda: mixtures(data, list(FILES.values()), 9, 3),
    ):
        first = list(make())
        assert first == list(make())
        assert sum(changed != data for _, changed in first) >= len(first) - 2
    assert [len(changed) for _, changed in cuts(b"abcd", 99)] == [0, 1, 2, 3]


class TestJudgement:
    @pytest.mark.parametrize(
        ("outcome", "words"),
        [
            (ValueError("no"), "ValueError"),
            (ImageError("Traceback (most recent call last):\n  File"), "not a clear sentence"),
            (ImageError(""), "not a clear sentence"),
        ],
    )
    def test_other_errors_and_bad_sentences_are_faults(self, monkeypatch, outcome, words):
        def fail(_data):
            raise outcome

        monkeypatch.setattr(trials, "read_radiograph", fail)
        assert read(b"")[0] == "FAULT"
        assert words in read(b"")[1]

    def test_a_dead_process_is_a_fault_and_the_next_file_is_tried(self, monkeypatch):
        monkeypatch.setattr(trials, "read", lambda data: os._exit(3) if data == b"die" else ("picture", ""))
        outcomes = [trial.outcome for trial in run([("a", b"x"), ("b", b"die"), ("c", b"x")])]
        assert outcomes == ["picture", "FAULT", "picture"]

    def test_a_file_that_never_ends_is_a_fault(self, monkeypatch):
        monkeypatch.setattr(trials, "LIMIT_SECONDS", 0.3)
        monkeypatch.setattr(trials, "read", lambda data: __import__("time").sleep(60))
        (trial,) = run([("a", b"x")])
        assert (trial.outcome, trial.sentence) == ("FAULT", "did not end in time")

    def test_memory_is_measured(self, monkeypatch):
        if not trials._STATUS.exists():
            pytest.skip("this system does not tell a process's memory")
        monkeypatch.setattr(trials, "read", lambda data: (str(np.ones(len(data)).sum()), ""))
        small, large = run([("a", b"x"), ("b", bytes(10 * 2**20))])
        assert large.peak - small.peak == pytest.approx(80 + 20, abs=25)  # float64, and the bytes twice

    def test_the_table_counts(self):
        made = [Trial("png a", "picture", "", 0.1, 3), Trial("png b", "TooSmall", "", 0.2, 9)]
        made.append(Trial("tiff c", "FAULT", "", 0.3, 1))
        rows = [line.split() for line in summary(made).splitlines()]
        assert rows[1] == ["png", "2", "1", "1", "0", "0.20", "9"]
        assert rows[3] == ["all", "3", "1", "1", "1", "0.30", "9"]

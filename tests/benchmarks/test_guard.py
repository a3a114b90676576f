"""The guard marks what became slower, and nothing else."""

from benchmarks.guard import compare

STORED = {"decoding": {"no cache, 1": 5.0, "no cache, 16": 10.0}}


def test_only_what_fell_by_more_than_a_fifth_is_marked():
    now = {"decoding": {"no cache, 1": 4.1, "no cache, 16": 7.9}, "transport": {"forward": 6.0}}
    rows = compare(STORED, now)
    assert [row[-1] for row in rows] == ["", "slower", ""]
    assert rows[1] == ["decoding", "no cache, 16", "10.0", "7.9", "0.79", "slower"]
    assert rows[2][2:5] == ["", "6.0", "new"]

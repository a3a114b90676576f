"""Queues are dealt by the seed: everybody's own order, letters shuffled, repeats at the end."""

from collections import Counter

import pytest

from radui.store.errors import RuleError
from radui.store.migrations import open_store
from radui.store.queues import add_study_reader, close_study, letter_order, reopen_study
from radui.store.readers import add_reader
from radui.store.tables import read_table


def letters(store):
    rows = read_table(store, "assignment_letters")
    systems = {row["candidate_id"]: row["system"] for row in read_table(store, "candidates")}
    return Counter((row["letter"], systems[row["candidate_id"]]) for row in rows)


def test_every_reader_gets_every_case_in_an_order_of_their_own(store, begin):
    _, ids = begin(store, readers=("ann", "bob"), cases=6)
    queues = {
        reader: [
            row["case_id"]
            for row in sorted(read_table(store, "assignments"), key=lambda row: row["queue_position"])
            if row["reader_id"] == reader
        ]
        for reader in ids
    }
    first, second = queues.values()
    assert sorted(first) == sorted(second)
    assert len(set(first)) == 6
    assert first != second


def test_letters_are_shuffled_and_the_stored_seed_gives_them_again(store, begin):
    begin(store, cases=16)
    counts = letters(store)
    assert 3 <= counts["A", "xpronet"] <= 13
    assert counts["A", "xpronet"] == counts["B", "medrat"]
    candidates = {
        (row["case_id"], row["system"]): row["candidate_id"] for row in read_table(store, "candidates")
    }
    shown: dict = {}
    for row in read_table(store, "assignment_letters"):
        shown.setdefault(row["assignment_id"], {})[row["letter"]] = row["candidate_id"]
    for row in read_table(store, "assignments"):
        planned = [candidates[row["case_id"], system] for system in ("xpronet", "medrat")]
        assert letter_order(row["order_seed"], planned) == shown[row["assignment_id"]]


def test_one_seed_gives_one_study_and_another_seed_another(store, begin, tmp_path):
    def shown(name, **fields):
        made = open_store(tmp_path / name)
        begin(made, cases=8, **fields)
        names = {row["case_id"]: row["name"] for row in read_table(made, "cases")}
        rows = sorted(read_table(made, "assignments"), key=lambda row: row["queue_position"])
        return [(names[row["case_id"]], row["order_seed"]) for row in rows]

    first = shown("1.db", seed=7)
    assert shown("2.db", seed=7) == first
    assert shown("3.db", seed=8) != first
    assert shown("4.db", seed=7, title="second") != first


def test_repeats_come_last_and_are_the_share_that_was_asked_for(store, begin):
    begin(store, cases=6, repeat_share=0.5)
    rounds = [
        row["round"]
        for row in sorted(read_table(store, "assignments"), key=lambda row: row["queue_position"])
    ]
    assert rounds == [1] * 6 + [2] * 3


def test_pairwise_makes_a_task_of_every_pair(store, begin):
    begin(store, cases=2, systems=("xpronet", "medrat", "otdrg"), include_reference=True, design="pairwise")
    assert len(read_table(store, "assignments")) == 2 * 6
    assert {letter for letter, _ in letters(store)} == {"A", "B"}
    assert Counter(system for _, system in letters(store).elements()) == dict.fromkeys(
        ("xpronet", "medrat", "otdrg", "reference"), 2 * 3
    )


def test_readers_per_case_shares_the_work_evenly(store, begin):
    begin(store, readers=("ann", "bob", "eve"), cases=6, readers_per_case=2)
    rows = read_table(store, "assignments")
    assert set(Counter(row["case_id"] for row in rows).values()) == {2}
    assert set(Counter(row["reader_id"] for row in rows).values()) == {4}
    with pytest.raises(RuleError, match="only where every reader reads every case"):
        add_study_reader(store, rows[0]["study_id"], add_reader(store, "dan").reader_id)


def test_a_reader_may_join_later_but_once(store, begin):
    study_id, _ = begin(store, cases=3)
    dan = add_reader(store, "dan").reader_id
    add_study_reader(store, study_id, dan)
    assert sum(row["reader_id"] == dan for row in read_table(store, "assignments")) == 3
    with pytest.raises(RuleError, match="has a queue in this study already"):
        add_study_reader(store, study_id, dan)


def test_more_readers_a_case_than_readers_is_refused(store, begin):
    with pytest.raises(RuleError, match="3 readers a case were planned, 1 given"):
        begin(store, readers_per_case=3)


def test_a_closed_study_opens_again_and_not_twice(store, begin):
    study_id, _ = begin(store)
    close_study(store, study_id)
    with pytest.raises(RuleError, match="is closed and cannot become closed"):
        close_study(store, study_id)
    reopen_study(store, study_id)

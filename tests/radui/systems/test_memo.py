import threading

import pytest

from radui.systems.memo import Memo


def test_a_value_is_computed_once():
    memo, calls = Memo(), []
    assert [memo.get("a", lambda: calls.append(1) or 7) for _ in range(3)] == [7, 7, 7]
    assert len(calls) == 1


def test_threads_that_ask_meanwhile_wait_for_the_first():
    memo, started, go, calls, found = Memo(), threading.Event(), threading.Event(), [], []

    def slow():
        calls.append(1)
        started.set()
        assert go.wait(10)
        return object()

    threads = [threading.Thread(target=lambda: found.append(memo.get("a", slow))) for _ in range(4)]
    threads[0].start()
    assert started.wait(10)
    for thread in threads[1:]:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(10)
    assert len(calls) == 1
    assert len(found) == 4
    assert len(set(map(id, found))) == 1


def test_another_key_does_not_wait():
    memo, started, go = Memo(), threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: memo.get("slow", lambda: started.set() or go.wait(10)))
    thread.start()
    assert started.wait(10)
    assert memo.get("quick", lambda: 3) == 3
    assert thread.is_alive()
    go.set()
    thread.join(10)


def test_a_computation_may_ask_for_other_keys():
    memo = Memo()
    assert memo.get("sum", lambda: memo.get("a", lambda: 1) + memo.get("b", lambda: 2)) == 3


def test_a_failure_is_raised_and_tried_again():
    memo = Memo()
    with pytest.raises(ZeroDivisionError):
        memo.get("a", lambda: 1 // 0)
    assert len(memo) == 0
    assert memo.get("a", lambda: 5) == 5


def test_the_longest_unused_goes_first():
    memo = Memo(limit=2)
    memo.get("a", lambda: 1)
    memo.get("b", lambda: 2)
    memo.get("a", lambda: 0)
    memo.get("c", lambda: 3)
    assert memo.known() == ["a", "c"]


def test_dropped_keys_are_computed_again():
    memo = Memo()
    memo.get(("x", 1), lambda: 1)
    memo.get(("x", 2), lambda: 2)
    memo.drop(lambda key: key[1] == 1)
    assert memo.known() == [("x", 2)]
    assert memo.get(("x", 1), lambda: 9) == 9

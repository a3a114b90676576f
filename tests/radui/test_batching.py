import threading
import time

import pytest

from radui.batching import Batcher


class Counter:
    """Answers each request with three numbers, its own first, and notes the batches.

    `open` holds every batch before its second answer; what is in `broken` raises, alone or in company.
    """

    def __init__(self, broken=()):
        self.batches, self.answered, self.broken = [], [], broken
        self.open = threading.Event()
        self.started = threading.Event()

    def __call__(self, requests, gone):
        self.batches.append(list(requests))
        self.started.set()
        for step in range(3):
            for index, request in enumerate(requests):
                if gone(index):
                    continue
                self.answered.append((request, step))
                yield index, (request, step)
            assert self.open.wait(5)
            if any(request in self.broken for request in requests):
                raise ValueError("broken")


def ask(batcher, *requests):
    """Ask from a thread each; {request: its answers, or the exception}."""
    found = {}

    def work(request):
        try:
            found[request] = list(batcher.ask(request))
        except ValueError as error:
            found[request] = error

    threads = [threading.Thread(target=work, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    return threads, found


def join(threads):
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def busy(serve, largest=16):
    """A batcher with "first" at work on its first answer."""
    batcher = Batcher(serve, largest)
    threads, found = ask(batcher, "first")
    assert serve.started.wait(5)
    return batcher, threads, found


def waiting(batcher, count):
    """Wait until so many requests wait for the next batch."""
    end = time.monotonic() + 5
    while len(batcher._waiting) < count:
        assert time.monotonic() < end
        time.sleep(0.001)


def answers(request):
    return [(request, step) for step in range(3)]


def test_one_request_is_answered_as_it_is_served():
    serve = Counter()
    batcher = Batcher(serve)
    stream = batcher.ask("a")
    assert next(stream) == ("a", 0)
    serve.open.set()
    assert list(stream) == answers("a")[1:]


@pytest.mark.parametrize(("largest", "batches"), [(16, [1, 5]), (3, [1, 3, 2]), (1, [1] * 6)])
def test_those_who_ask_while_it_is_busy_are_served_together(largest, batches):
    serve = Counter()
    batcher, threads, found = busy(serve, largest)
    more, others = ask(batcher, *"abcde")
    waiting(batcher, 5)
    serve.open.set()
    join(threads + more)
    assert list(map(len, serve.batches)) == batches
    assert found | others == {request: answers(request) for request in ("first", *"abcde")}


def test_the_thread_ends_with_the_work_and_comes_again():
    before = threading.active_count()
    serve = Counter()
    serve.open.set()
    batcher = Batcher(serve)
    for _ in range(3):
        assert list(batcher.ask("a")) == answers("a")
    end = time.monotonic() + 5
    while threading.active_count() > before:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_who_cancels_ends_at_once_and_is_not_served():
    serve, stop = Counter(), threading.Event()
    batcher, threads, _ = busy(serve)
    answered = []
    thread = threading.Thread(target=lambda: answered.extend(batcher.ask("late", stop.is_set)))
    thread.start()
    waiting(batcher, 1)
    stop.set()
    join([thread])  # while "first" is still at work
    serve.open.set()
    join(threads)
    assert answered == []
    assert serve.batches == [["first"]]


def test_who_leaves_is_gone_for_the_batch():
    serve = Counter()
    batcher = Batcher(serve)
    stream = batcher.ask("a")
    next(stream)
    stream.close()
    threads, found = ask(batcher, "b")
    waiting(batcher, 1)
    serve.open.set()
    join(threads)
    assert found == {"b": answers("b")}
    assert [each for each in serve.answered if each[0] == "a"] == [("a", 0)]


def test_a_request_that_breaks_the_batch_fails_alone():
    serve = Counter(broken=["bad"])
    batcher, threads, _ = busy(serve)
    more, found = ask(batcher, "good", "bad", "fine")
    waiting(batcher, 3)
    serve.open.set()
    join(threads + more)
    assert isinstance(found.pop("bad"), ValueError)
    assert {request: each[-3:] for request, each in found.items()} == {
        "good": answers("good"),
        "fine": answers("fine"),
    }
    assert list(map(len, serve.batches)) == [1, 3, 1, 1, 1]


def test_an_exception_for_an_answer_is_its_askers_alone():
    def serve(requests, gone):
        for index, request in enumerate(requests):
            yield index, ValueError(request) if request == "bad" else request

    batcher = Batcher(serve)
    assert list(batcher.ask("good")) == ["good"]
    with pytest.raises(ValueError, match="bad"):
        list(batcher.ask("bad"))

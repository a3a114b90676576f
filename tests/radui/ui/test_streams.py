from functools import partial
from threading import Event

import pytest

from radui.processing.errors import TooLarge
from radui.records import Prediction
from radui.ui.streams import merge, sentence


def write(system, words, error=None):
    for count in range(1, words + 1):
        yield Prediction(system, " ".join(["word"] * count), ())
    if error:
        raise error
    yield Prediction(system, " ".join(["word"] * words), (), complete=True)


def test_every_system_ends_and_one_that_fails_says_why():
    streams = {
        "good": partial(write, "good", 3),
        "bad": partial(write, "bad", 2, TooLarge("Too large; export it smaller.")),
        "broken": partial(write, "broken", 1, KeyError("secret")),
    }
    last = {}
    for updates in merge(streams, Event()):
        last.update(updates)
    assert last["good"].prediction.complete
    assert last["bad"].problem == "Too large; export it smaller."
    assert "secret" not in last["broken"].problem
    assert all(update.finished for update in last.values())


def test_a_cancelled_merge_yields_nothing_more():
    cancelled, release = Event(), Event()

    def endless():
        while not release.is_set():
            yield Prediction("slow", "word", ())
            release.wait(0.01)

    batches = merge({"slow": endless}, cancelled)
    assert "slow" in next(batches)
    cancelled.set()
    assert list(batches) == []
    release.set()


def test_only_our_own_errors_speak_to_the_user():
    assert sentence(TooLarge("Too large.")) == "Too large."
    assert sentence(RuntimeError("path /secret")).startswith("This went wrong on the server (RuntimeError)")


class OutOfMemoryError(RuntimeError):
    """As torch names it on a GPU."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_a_system_without_memory_says_so_and_the_others_answer(error):
    streams = {"good": partial(write, "good", 3), "large": partial(write, "large", 1, error)}
    last = {}
    for updates in merge(streams, Event()):
        last.update(updates)
    assert last["good"].prediction.complete
    assert last["large"].problem.startswith("There was not enough memory for this; ")

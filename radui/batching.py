"""Micro-batching: what several threads ask of one model at the same time is served as one batch.

A batch that is at work is not joined: who asks meanwhile waits for the next one, with all the others.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, Queue
from threading import Lock, Thread
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

LARGEST = 16  # studies that are decoded together; memory grows with them
GATHER_SECONDS = 0.005  # how long an idle model waits for others who ask at the same moment
POLL_SECONDS = 0.1


@dataclass(eq=False)
class _Job(Generic[Q, A]):
    request: Q
    cancelled: Callable[[], bool]
    answers: "Queue[A | Exception | None]" = field(default_factory=Queue)
    left: bool = False

    def gone(self) -> bool:
        return self.left or self.cancelled()


class Batcher(Generic[Q, A]):
    """Serves requests in batches, one at a time, in a thread that lives while there is work.

    serve: takes requests and a function that says of an index whether its asker is gone; yields answers
    with the index of their request as they come. An exception for an answer is raised by its asker alone.
    Where `serve` itself raises, each request of the batch is tried once more on its own.
    largest: 1 serves requests one behind the other.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[Q], Callable[[int], bool]], Iterator[tuple[int, A | Exception]]],
        largest: int = LARGEST,
    ) -> None:
        self.serve, self.largest = serve, largest
        self._waiting: list[_Job[Q, A]] = []
        self._working = False
        self._lock = Lock()

    def ask(self, request: Q, cancelled: Callable[[], bool] = lambda: False) -> Generator[A]:
        """The answers to one request; ends early when cancelled, and may be left at any time."""
        job: _Job[Q, A] = _Job(request, cancelled)
        self._enter(job)
        try:
            while not job.gone():
                try:
                    answer = job.answers.get(timeout=POLL_SECONDS)
                except Empty:
                    continue
                if answer is None:
                    return
                if isinstance(answer, Exception):
                    raise answer
                yield answer
        finally:
            job.left = True

    def _enter(self, job: _Job[Q, A]) -> None:
        with self._lock:
            self._waiting.append(job)
            if self._working:
                return
            self._working = True
        Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        if self.largest > 1:
            time.sleep(GATHER_SECONDS)
        while batch := self._next():
            self._answer(batch)

    def _next(self) -> list[_Job[Q, A]]:
        with self._lock:
            waiting = [job for job in self._waiting if not job.gone()]
            batch, self._waiting = waiting[: self.largest], waiting[self.largest :]
            self._working = bool(batch)
            return batch

    def _answer(self, batch: Sequence[_Job[Q, A]]) -> None:
        try:
            for index, answer in self.serve(
                [job.request for job in batch], lambda index: batch[index].gone()
            ):
                batch[index].answers.put(answer)
        except Exception as error:
            if len(batch) == 1:
                batch[0].answers.put(error)
                return
            for job in batch:
                if not job.gone():
                    self._answer([job])
            return
        for job in batch:
            job.answers.put(None)

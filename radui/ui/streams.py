"""Several systems writing at once: their partial predictions merged in the order they come."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Thread

from radui.processing.limits import is_out_of_memory
from radui.records import Prediction

LOGGER = logging.getLogger(__name__)
POLL_SECONDS = 0.1
USERS = 32  # whose reports are written at the same time; a thread each, which mostly waits


@dataclass(frozen=True)
class Update:
    """News of one system: a prediction, or the sentence that says why there is none."""

    system: str
    prediction: Prediction | None = None
    problem: str = ""

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return bool(self.problem) or (self.prediction is not None and self.prediction.complete)


def sentence(error: Exception) -> str:
    """Return what a user may read of an error: our own errors' words, else a pointer to the log."""
    if type(error).__module__.partition(".")[0] == "radui":
        return str(error)
    if is_out_of_memory(error):
        LOGGER.error("out of memory: %s", type(error).__name__)
        return "There was not enough memory for this; run one system at a time, or try again in a minute."
    LOGGER.error("unexpected error", exc_info=error)
    return f"This went wrong on the server ({type(error).__name__}); its log has the details."


def merge(
    streams: Mapping[str, Callable[[], Iterator[Prediction]]], cancelled: Event
) -> Iterator[dict[str, Update]]:
    """Run every stream in a thread of its own and yield the newest update of each, about ten times a second.

    A stream that raises ends with its sentence and leaves the others alone. Once `cancelled` is set
    nothing more is yielded; the streams are expected to watch it too.
    """
    news: Queue[Update | None] = Queue()
    for system, start in streams.items():
        Thread(target=_pump, args=(system, start, news, cancelled), daemon=True).start()
    running = len(streams)
    while running and not cancelled.is_set():
        batch = _drain(news)
        running -= sum(update is None for update in batch)
        latest = {update.system: update for update in batch if update is not None}
        if latest and not cancelled.is_set():
            yield latest
        cancelled.wait(POLL_SECONDS)


def _pump(
    system: str,
    start: Callable[[], Iterator[Prediction]],
    news: "Queue[Update | None]",
    cancelled: Event,
) -> None:
    try:
        for prediction in start():
            if cancelled.is_set():
                break
            news.put(Update(system, prediction))
    except Exception as error:
        news.put(Update(system, problem=sentence(error)))
    finally:
        news.put(None)


def _drain(news: "Queue[Update | None]") -> list[Update | None]:
    """Return all that is waiting, or wait a moment for the first."""
    try:
        batch = [news.get(timeout=POLL_SECONDS)]
    except Empty:
        return []
    while not news.empty():
        batch.append(news.get_nowait())
    return batch

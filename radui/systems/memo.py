"""Values computed once for all threads that ask for them."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Memo(Generic[K]):
    """A bounded table of computed values, the longest unused dropped first (limit None: none is).

    Who asks for a value that is being computed waits for it; who asks for another one does not. A
    computation may ask for other keys. One that raises leaves nothing behind, so it is tried again.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self._values: OrderedDict[K, Future[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def known(self) -> list[K]:
        """What is kept now, longest unused first."""
        with self._lock:
            return list(self._values)

    def get(self, key: K, compute: Callable[[], Any]) -> Any:
        """The value of a key, computed by the first who asks; raises what the computation raised."""
        with self._lock:
            waiting = self._values.get(key)
            mine: Future[Any] = waiting or Future()
            self._values[key] = mine
            self._values.move_to_end(key)
            while self.limit is not None and len(self._values) > self.limit:
                self._values.popitem(last=False)
        return mine.result() if waiting else self._compute(key, mine, compute)

    def _compute(self, key: K, mine: Future[Any], compute: Callable[[], Any]) -> Any:
        try:
            value = compute()
        except BaseException as error:
            with self._lock:
                if self._values.get(key) is mine:
                    del self._values[key]
            mine.set_exception(error)
            raise
        mine.set_result(value)
        return value

    def drop(self, chosen: Callable[[K], bool]) -> None:
        """Let go of the keys that are chosen."""
        with self._lock:
            for key in [key for key in self._values if chosen(key)]:
                del self._values[key]

"""What the server remembers of each open browser tab: in memory only, gone when the tab closes."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event, Lock
from typing import Protocol

from radui.records import Prediction, Study
from radui.ui.streams import Update
from radui.ui.studies import LoadedStudy
from radui.ui.studio import Studio

MAX_SESSIONS = 64
MAX_PAST = 8
MAX_PAST_BYTES = 128 * 2**20  # of pictures a tab: some four full-size studies


class _Request(Protocol):
    """What tells a browser tab and its user."""

    @property
    def session_hash(self) -> str | None: ...
    @property
    def username(self) -> str | None: ...


def session_key(request: _Request) -> str:
    """The key of a tab in `Sessions`: the browser chose its hash, the login vouches for the user.

    Empty without a hash. With it, another user who learns the hash gets nothing.
    """
    return f"{request.username or ''}/{request.session_hash}" if request.session_hash else ""


@dataclass
class Run:
    """Systems at work on a study: the newest update of each (None before its first), and a stop.

    labels: those ticked by hand, None where the classifier's condition the reports.
    """

    latest: dict[str, Update | None]
    labels: tuple[str, ...] | None = None
    cancelled: Event = field(default_factory=Event)

    @property
    def unfinished(self) -> list[str]:
        """The systems that have neither a complete report nor a problem."""
        return [name for name, update in self.latest.items() if update is None or not update.finished]

    @property
    def finished(self) -> dict[str, Update]:
        """The newest update of each system that has a complete report or a problem."""
        return {name: update for name, update in self.latest.items() if update and update.finished}

    @property
    def reports(self) -> dict[str, Prediction]:
        """The complete predictions by system."""
        found = {name: update.prediction for name, update in self.finished.items()}
        return {name: prediction for name, prediction in found.items() if prediction and prediction.complete}


@dataclass(frozen=True)
class PastStudy:
    """A study that the tab had before, with what the systems had written of it."""

    loaded: LoadedStudy
    updates: Mapping[str, Update]
    labels: tuple[str, ...] | None = None


@dataclass
class Session:
    """One browser tab: its study and its newest run, and the studies before it, newest first.

    explained: predictions of this run whose evidence was computed anew, with another epsilon.
    shared_labels: what the link with which the tab was opened ticks for its first study.
    """

    forget: Callable[[Study], None]
    loaded: LoadedStudy | None = None
    run: Run = field(default_factory=lambda: Run({}))
    past: list[PastStudy] = field(default_factory=list)
    count: int = 0
    explained: dict[str, Prediction] = field(default_factory=dict)
    indication: str = ""
    reference: str = ""
    shared_labels: tuple[str, ...] | None = None

    @cached_property
    def studio(self) -> Studio:
        """What was drawn in this tab."""
        return Studio(self.forget)

    def load(self, study: Study) -> LoadedStudy:
        """Take a new study; the one before it goes into the tab's history."""
        self._put_away()
        self.count += 1
        self.loaded = LoadedStudy(study, number=self.count)
        return self.loaded

    def restore(self, number: int) -> LoadedStudy | None:
        """Bring back a study of the history with its reports; None where it is no longer kept."""
        found = next((past for past in self.past if past.loaded.number == number), None)
        if found is None:
            return None
        self.past.remove(found)
        self._put_away()
        self.loaded, self.run = found.loaded, Run(dict(found.updates), found.labels)
        return self.loaded

    def clear(self) -> None:
        """Stop the run and let go of the study, here and in the engine."""
        self.begin(())
        for study in self.loaded.studies() if self.loaded else ():
            self.forget(study)
        self.loaded = None

    def close(self) -> None:
        """Let go of everything."""
        self.clear()
        self.studio.close()
        self.past.clear()

    def _put_away(self) -> None:
        """Keep the pictures and finished reports of the study; what the engine computed of it goes."""
        loaded, updates, labels = self.loaded, self.run.finished, self.run.labels
        self.clear()
        if loaded:
            self.past.insert(0, PastStudy(loaded, updates, labels))
        while self.past and (len(self.past) > MAX_PAST or self._past_bytes() > MAX_PAST_BYTES):
            self.past.pop()

    def _past_bytes(self) -> int:
        views = (view for past in self.past for view in past.loaded.study.views)
        return sum(view.pixels.nbytes + view.display.nbytes for view in views)

    def begin(self, systems: Iterable[str], labels: Sequence[str] | None = None) -> Run:
        """Stop the run that is under way and return a new one."""
        self.run.cancelled.set()
        self.explained.clear()
        self.run = Run(dict.fromkeys(systems), None if labels is None else tuple(labels))
        return self.run


class Sessions:
    """Sessions by `session_key`; the longest unused goes when there are too many.

    forget: called with each study that is let go.
    """

    def __init__(self, forget: Callable[[Study], None], limit: int = MAX_SESSIONS) -> None:
        self._forget = forget
        self._limit = limit
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, key: str) -> Session:
        """Return the tab's session, a new one on its first visit; without a hash, one that nobody shares."""
        if not key:
            return Session(self._forget)
        evicted = None
        with self._lock:
            session = self._sessions.setdefault(key, Session(self._forget))
            self._sessions.move_to_end(key)
            if len(self._sessions) > self._limit:
                evicted = self._sessions.popitem(last=False)[1]
        if evicted:
            evicted.close()
        return session

    def drop(self, key: str) -> None:
        """Forget a tab and stop its run."""
        with self._lock:
            session = self._sessions.pop(key, None)
        if session:
            session.close()

"""What the server remembers of each open browser tab: in memory only, gone when the tab closes."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from secrets import token_hex
from threading import Event, Lock
from typing import Protocol

from radui.records import Finding, GateVerdict, Study
from radui.ui.streams import Update

MAX_SESSIONS = 64


class Assessor(Protocol):
    """The part of the engine that looks at a study before any report is written."""

    def gate(self, study: Study) -> list[GateVerdict]:
        """Return one verdict a view."""
        ...

    def findings(self, study: Study) -> tuple[Finding, ...]:
        """Return the 14 observations as the classifier sees them."""
        ...


@dataclass(frozen=True)
class Assessment:
    """What gate and classifier say of a study."""

    verdicts: tuple[GateVerdict, ...]
    findings: tuple[Finding, ...]


@dataclass
class LoadedStudy:
    """A study on the server; `accepted` once the user wants a report whatever the gate says.

    The study with each indication is made once: the engine remembers what it computed by the object.
    """

    study: Study
    accepted: bool = False
    name: str = field(default_factory=lambda: token_hex(8))
    _indicated: dict[str, Study] = field(default_factory=dict)
    _assessment: Assessment | None = None
    _lock: Lock = field(default_factory=Lock)

    def assess(self, engine: Assessor) -> Assessment:
        """Return gate and classifier results, computed once however often they are asked for."""
        with self._lock:
            if self._assessment is None:
                verdicts, findings = engine.gate(self.study), engine.findings(self.study)
                self._assessment = Assessment(tuple(verdicts), tuple(findings))
            return self._assessment

    def indicated(self, indication: str) -> Study:
        """Return the study with the indication that was typed."""
        if not indication.strip():
            return self.study
        return self._indicated.setdefault(indication, replace(self.study, indication=indication.strip()))

    def studies(self) -> list[Study]:
        """Return the study in all its forms."""
        return [self.study, *self._indicated.values()]


@dataclass
class Run:
    """Systems at work on a study: the newest update of each (None before its first), and a stop."""

    latest: dict[str, Update | None]
    cancelled: Event = field(default_factory=Event)

    @property
    def unfinished(self) -> list[str]:
        """The systems that have neither a complete report nor a problem."""
        return [name for name, update in self.latest.items() if update is None or not update.finished]


@dataclass
class Session:
    """One browser tab: its study and its newest run."""

    forget: Callable[[Study], None]
    loaded: LoadedStudy | None = None
    run: Run = field(default_factory=lambda: Run({}))

    def load(self, study: Study) -> LoadedStudy:
        """Take a new study in place of the old one."""
        self.clear()
        self.loaded = LoadedStudy(study)
        return self.loaded

    def clear(self) -> None:
        """Stop the run and let go of the study, here and in the engine."""
        self.begin(())
        for study in self.loaded.studies() if self.loaded else ():
            self.forget(study)
        self.loaded = None

    def begin(self, systems: Iterable[str]) -> Run:
        """Stop the run that is under way and return a new one."""
        self.run.cancelled.set()
        self.run = Run(dict.fromkeys(systems))
        return self.run


class Sessions:
    """Sessions by the browser's session hash; the longest unused goes when there are too many.

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
            evicted.clear()
        return session

    def drop(self, key: str) -> None:
        """Forget a tab and stop its run."""
        with self._lock:
            session = self._sessions.pop(key, None)
        if session:
            session.clear()

"""A study on the server, and what gate and classifier say of it."""

from dataclasses import dataclass, field, replace
from secrets import token_hex
from threading import Lock
from typing import Protocol

from radui.records import Finding, GateVerdict, Study


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

    number: counts the studies of a tab from 1.

    The study with each indication is made once: the engine remembers what it computed by the object.
    """

    study: Study
    accepted: bool = False
    number: int = 0
    name: str = field(default_factory=lambda: token_hex(8))
    _indicated: dict[str, Study] = field(default_factory=dict)
    _assessment: Assessment | None = None
    _lock: Lock = field(default_factory=Lock)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The classifier's findings as far as they are known; empty before the study was assessed."""
        return self._assessment.findings if self._assessment else ()

    @property
    def verdicts(self) -> tuple[GateVerdict, ...]:
        """The gate's verdicts as far as they are known."""
        return self._assessment.verdicts if self._assessment else ()

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

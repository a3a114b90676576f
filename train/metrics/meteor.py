"""METEOR 1.5 by the jar that pycocoevalcap ships, in one Java process that is always ended."""

import importlib.util
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np

from train.metrics.records import Array, Cases, Metric, MetricUnavailableError, Tally

_CHUNKS, _HYPOTHESIS_WORDS, _REFERENCE_WORDS = 20, 0, 1
_HYPOTHESIS_MATCHES, _REFERENCE_MATCHES = 21, 22


def _command(java: str) -> list[str]:
    package = importlib.util.find_spec("pycocoevalcap")
    if package is None or not package.submodule_search_locations:
        raise MetricUnavailableError("METEOR needs the package pycocoevalcap, which holds its jar.")
    jar = Path(package.submodule_search_locations[0]) / "meteor" / "meteor-1.5.jar"
    # With another locale the jar prints decimal commas, which nobody can read back.
    locale = ["-Duser.language=en", "-Duser.country=US", "-Dfile.encoding=UTF-8"]
    return [java, *locale, "-Xmx2G", "-jar", str(jar), "-", "-", "-stdio", "-l", "en", "-norm"]


class Meteor:
    """METEOR as a metric; a context manager, since it holds a Java process (some 10 s to start).

    Scores stay usable inside the `with` block only: the jar also computes the resampled values.
    timeout: seconds that one set of studies may take before the process is ended.
    """

    names = ("METEOR",)

    def __init__(self, java: str = "java", timeout: float = 900.0) -> None:
        self._java = java
        self._timeout = timeout
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[bytes] | None = None
        self._failure: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def metric(self) -> Metric:
        """This scorer in the form that `score_reports` takes."""
        return Metric(self.names, self.tally)

    def tally(self, cases: Cases) -> Tally:
        """METEOR 1.5 (pycocoevalcap jar, -l en -norm), aggregated over the corpus (R2Gen protocol)."""
        lines = [
            " ||| ".join(("SCORE", _words(reference), _words(hypothesis)))
            for hypothesis, reference in zip(cases.hypotheses, cases.references, strict=True)
        ]
        statistics = np.array([answer.split() for answer in self._ask(lines)], dtype=np.float64)
        return Tally(self.names, _without_perfect_chunks(statistics), self._from_sums)

    def _from_sums(self, sums: Array) -> Array:
        # EVAL answers one score per "|||" group and then the aggregate; a line a row keeps lines short.
        lines = ["EVAL ||| " + " ".join(map(str, row)) for row in sums]
        return np.array([float(answer) for answer in self._ask(lines, answers=2)])[1::2, None]

    def _ask(self, lines: list[str], answers: int = 1) -> list[str]:
        process = self._start()
        watchdog = threading.Timer(self._timeout, process.kill)
        watchdog.start()
        try:
            return [answer for line in lines for answer in _exchange(process, line, answers)]
        except (OSError, EOFError) as error:
            reason = self._last_error() or f"it ended or took longer than {self._timeout:.0f} s"
            self._failure = f"METEOR's Java process failed: {reason}"
            self.close()
            raise MetricUnavailableError(self._failure) from error
        finally:
            watchdog.cancel()

    def _start(self) -> "subprocess.Popen[str]":
        if self._failure is not None:
            raise MetricUnavailableError(self._failure)
        if self._process is None:
            java = shutil.which(self._java)
            if java is None:
                raise MetricUnavailableError("METEOR needs Java: there is no `java` on the path.")
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - close() ends it with the process
            self._process = subprocess.Popen(
                _command(java),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                encoding="utf-8",
            )
        return self._process

    def _last_error(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def close(self) -> None:
        """End the Java process, politely and then by force; safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()
        if self._errors is not None:
            self._errors.close()
            self._errors = None


def _exchange(process: "subprocess.Popen[str]", line: str, answers: int) -> list[str]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    replies = [process.stdout.readline().strip() for _ in range(answers)]
    if not all(replies):
        raise EOFError("no answer")
    return replies


def _words(text: str) -> str:
    return " ".join(text.replace("|||", " ").split()) or "."


def _without_perfect_chunks(statistics: Array) -> Array:
    """Statistics whose plain sum is the jar's aggregate: it counts no chunk for a perfect match.

    statistics: (studies, 23) as the jar prints them.
    """
    perfect = (
        (statistics[:, _CHUNKS] == 1)
        & (statistics[:, _HYPOTHESIS_MATCHES] == statistics[:, _HYPOTHESIS_WORDS])
        & (statistics[:, _REFERENCE_MATCHES] == statistics[:, _REFERENCE_WORDS])
    )
    summable = statistics.copy()
    summable[perfect, _CHUNKS] = 0
    return summable

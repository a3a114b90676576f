"""Files tried one after another in a child process, where a hang, a crash or a greedy decoder is seen.

A trial ends as a picture, as a refusal (one sentence of an ImageError) or as a fault: any other
exception, a sentence that is not one, a file too slow, or the death of the process.
"""

import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from radui.processing.images import ImageError, Radiograph, read_radiograph

LIMIT_SECONDS = 120  # wall time; a shared machine may be slow
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Trial:
    """What became of one file: "picture", the name of an ImageError, or "FAULT".

    seconds: of the processor. peak: MiB of resident memory above what the process held before, 0 where
    the system does not tell; the decoders' own child is not counted.
    """

    name: str
    outcome: str
    sentence: str
    seconds: float
    peak: float

    @property
    def is_fault(self) -> bool:
        """Whether this is what must not happen."""
        return self.outcome == "FAULT"


def read(data: bytes) -> tuple[str, str]:
    """(outcome, sentence) of one file in this process; an exception of a decoder is a fault."""
    try:
        fault = _unsound(read_radiograph(data))
        return ("FAULT", fault) if fault else ("picture", "")
    except ImageError as refusal:
        fault = _unclear(str(refusal))
        return ("FAULT", fault) if fault else (type(refusal).__name__, str(refusal))
    except Exception as error:
        return "FAULT", repr(error)[:300]


def _unsound(radiograph: Radiograph) -> str:
    pixels, display = radiograph.pixels, radiograph.display
    if (pixels.dtype, display.dtype) != (np.float32, np.uint8) or pixels.shape != display.shape:
        return "pixels and display do not agree in type or shape"
    if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
        return "pixels are not within [0, 1]"
    return "" if pixels.min() < pixels.max() else "pixels are all equal"


def _unclear(sentence: str) -> str:
    """A refusal is one printable line of some length that ends with a full stop."""
    sound = sentence.endswith(".") and sentence.isprintable() and 20 < len(sentence) < 250
    return "" if sound else f"not a clear sentence: {sentence[:100]!r}"


def run(files: Iterable[tuple[str, bytes]]) -> Iterator[Trial]:
    """Try files (name, bytes) in order; a child that dies is replaced, and its file is a fault."""
    worker = _Worker()
    try:
        for name, data in files:
            answer = worker.ask(data)
            yield Trial(name, *answer)
            if not worker.alive:
                worker = _Worker()
    finally:
        worker.stop()


class _Worker:
    def __init__(self) -> None:
        context = multiprocessing.get_context("fork")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        there.close()
        self.alive = True

    def ask(self, data: bytes) -> tuple[str, str, float, float]:
        started = time.perf_counter()
        self._here.send_bytes(data)
        fault = "did not end in time"
        if self._here.poll(LIMIT_SECONDS):
            try:
                return self._here.recv()
            except EOFError:
                self._process.join()
                fault = f"the process died with {self._process.exitcode}"
        self.stop()
        return "FAULT", fault, time.perf_counter() - started, 0.0

    def stop(self) -> None:
        self.alive = False
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        self._here.close()


def _serve(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    _silence()
    while True:
        try:
            data = pipe.recv_bytes()
        except EOFError:
            return
        before, started = _reset_peak(), time.process_time()
        outcome, sentence = read(data)
        seconds = time.process_time() - started
        pipe.send((outcome, sentence, seconds, max(0.0, _memory("VmHWM") - before)))


def _silence() -> None:
    """Decoders in C write their complaints straight to the terminal."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.dup2(nowhere, sys.stdout.fileno() if hasattr(sys.stdout, "fileno") else 1)


def _reset_peak() -> float:
    """Set the high-water mark of resident memory back and return what is resident now, in MiB."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _memory("VmHWM")
    return _memory("VmRSS")


def _memory(field: str) -> float:
    if not _STATUS.exists():
        return 0.0
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024

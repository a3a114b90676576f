"""Decoders in C++ that a damaged file can crash, kept in a child process: the file is lost, the page is not.

The child is started for the first compressed DICOM file, serves the next ones too, and ends with its
parent. Both ways a message is its length in eight bytes, then a DICOM file or a NumPy array; an
array of no bytes says that the file cannot be decoded.
"""

import os
import subprocess
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import Lock, Timer
from typing import IO

import numpy as np
import pydicom
from pydicom.pixels import pixel_array

LIMIT_SECONDS = 60
LIMIT_BYTES = 4 * 2**30
_LENGTH = 8
_ELEMENTS: list[str] = [
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "PixelData",
]


class DecoderError(Exception):
    """The decoder refused the file, crashed on it or took too long."""


class DecoderProcess:
    """A child process for one file at a time; threads wait for each other."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def decode(self, data: bytes) -> np.ndarray:
        """Stored values of a DICOM file of one frame, (height, width) or (height, width, 3).

        DecoderError where the decoder refuses the file, crashes on it or takes more than LIMIT_SECONDS.
        """
        with self._lock:
            child = self._running()
            timer = Timer(LIMIT_SECONDS, child.kill)
            timer.start()
            try:
                answer = _exchange(child, data)
            finally:
                timer.cancel()
        if not answer:
            raise DecoderError
        return np.load(BytesIO(answer))

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._child is None or self._child.poll() is not None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "radui.processing.decoder_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # decoders complain there, and may quote the file
                env=_environment(),
            )
        return self._child


def _environment() -> dict[str, str]:
    """This process's, by which the child finds radui too and starts no threads it has no use for."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}


def _exchange(child: "subprocess.Popen[bytes]", data: bytes) -> bytes:
    """Send a file, return the answer; no bytes where the child ends before it has answered."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        _send(child.stdin, data)
        answer = _receive(child.stdout)
    except OSError:
        answer = None
    if answer is None:
        child.kill()
        child.communicate()
    return answer or b""


def _send(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(len(message).to_bytes(_LENGTH, "big"))
    pipe.write(message)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes | None:
    """The next message; None where the other side is gone."""
    head = pipe.read(_LENGTH)
    length = int.from_bytes(head, "big")
    message = pipe.read(length) if len(head) == _LENGTH else b""
    return message if len(head) == _LENGTH and len(message) == length else None


def _serve() -> None:
    """Answer files until the parent is gone."""
    _limit_memory()
    files, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    while (data := _receive(files)) is not None:
        _send(answers, _answer(data))


def _answer(data: bytes) -> bytes:
    file = BytesIO()
    try:
        values = pixel_array(pydicom.dcmread(BytesIO(data), force=True, specific_tags=_ELEMENTS))
        np.save(file, values)
    except Exception:
        return b""
    return file.getvalue()


def _limit_memory() -> None:
    # Windows has no such module, macOS no such limit; the sizes in the header were checked before.
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))


if __name__ == "__main__":
    _serve()

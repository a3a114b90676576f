"""The app in a process of its own for a benchmark: its address, when it was up, and its memory."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

ROOT = Path(__file__).resolve().parents[1]
MIB = 2**20


class Server:
    """A running app; `up_seconds` from the start of its process to its first answer."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str, up_seconds: float) -> None:
        self.process, self.url, self.up_seconds = process, url, up_seconds

    def resident(self) -> float:
        """MiB now, child processes included."""
        own = psutil.Process(self.process.pid)
        return sum(each.memory_info().rss for each in [own, *own.children(recursive=True)]) / MIB

    def peak(self) -> float:
        """MiB of the main process at its most, where the system says so (Linux), else now."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return self.resident()
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) / 1024


@contextmanager
def serving(*options: str, cores: int | None = None, patience: float = 300) -> Iterator[Server]:
    """Run app.py with these options on a free port; on so many cores, where the system can tell it."""
    port = free_port()
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port), *options], cwd=ROOT, stdout=log, stderr=log
        )
        try:
            _pin(process.pid, cores)
            url = f"http://127.0.0.1:{port}"
            wait_for(url, process, patience)
            yield Server(process, url, time.perf_counter() - started)
        finally:
            process.terminate()
            process.wait()


def wait_for(url: str, process: "subprocess.Popen[bytes]", patience: float) -> None:
    """Wait until the page answers; RuntimeError where the app ends instead."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            urlopen(url, timeout=30).close()
            return
        except (URLError, ConnectionError, TimeoutError):
            if process.poll() is not None:
                raise RuntimeError(f"app.py ended with {process.returncode} before it answered.") from None
            time.sleep(0.02)
    raise RuntimeError(f"app.py did not answer within {patience:.0f} seconds.")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def _pin(pid: int, cores: int | None) -> None:
    if cores and hasattr(os, "sched_setaffinity"):
        allowed: Sequence[int] = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(pid, allowed[:cores])

"""Uploaded files -> bytes; the copies that the upload left on disk go at once."""

import shutil
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from gradio.utils import get_upload_folder


class UploadError(ValueError):
    """An upload that is no longer there, or a path that never was one; str() is one sentence."""


# Seconds. Gradio makes an empty file beside each upload that an event names, and forgets it.
EMPTY_AFTER, FORGOTTEN_AFTER = 60, 3600


class Waiting:
    """How many uploads a folder holds that nobody took yet: equal pictures share one."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def arrived(self, path: str) -> None:
        """One more upload lies at this path."""
        with self._lock:
            self._counts[_folder(path)] += 1

    def taken(self, path: str | Path) -> bool:
        """One upload was read; True where nobody waits for another in its folder."""
        folder = _folder(path)
        with self._lock:
            self._counts[folder] -= 1
            last = self._counts[folder] <= 0
            if last:
                del self._counts[folder]
            return last

    def forget(self, folder: Path) -> None:
        """Nobody comes for this folder any more."""
        with self._lock:
            self._counts.pop(str(folder.resolve()), None)


def _folder(path: str | Path) -> str:
    return str(Path(path).resolve().parent)


WAITING = Waiting()
"""Of the one folder of uploads that a process has."""


def take_files(paths: Sequence[str | Path]) -> list[bytes]:
    """Return the bytes of uploaded files and delete each with the folder that holds it.

    Gradio keeps an upload as <cache>/<hash of the content>/<name>, and the name may tell who was
    X-rayed. All are read before the first goes: equal pictures share a folder, which stays while another
    user's equal upload waits in it. UploadError when one
    is gone already, and for a path of any other shape: paths come from a browser or a script, and nothing
    but an upload may be read or deleted for them.
    """
    files = [_upload(path) for path in paths]
    try:
        return [file.read_bytes() for file in files]
    except FileNotFoundError as error:
        raise UploadError("The upload was lost on its way; choose the picture again.") from error
    finally:
        for file in files:
            if WAITING.taken(file):
                shutil.rmtree(file.parent, ignore_errors=True)
        sweep()


def _upload(path: str | Path) -> Path:
    file = Path(path).resolve()
    if file.parent.parent != Path(get_upload_folder()).resolve():
        raise UploadError("This is no upload; upload the picture first.")
    return file


def sweep() -> None:
    """Delete what nobody took from the folder of uploads: broken transfers, tabs that closed too early."""
    now = time.time()
    for path in Path(get_upload_folder()).glob("*"):
        try:
            facts = path.lstat()
            empty = path.is_file() and not facts.st_size
            if now - facts.st_ctime < (EMPTY_AFTER if empty else FORGOTTEN_AFTER):
                continue
            WAITING.forget(path)
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:  # gone meanwhile
            continue

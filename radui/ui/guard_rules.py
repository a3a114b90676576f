"""The rules of the guard: which routes the page needs, which names are whose, what an event may hold."""

import json
import re
from collections import OrderedDict
from typing import Any

from radui.ui.intake import WAITING

MAX_EVENT = 4 * 2**20
"""Bytes of one event: texts, answers and settings; pictures come by /upload."""
MAX_OWNED = 10_000
_API = "/gradio_api"
# Method and path of what is open before a login: nothing of a user is behind it.
OPEN = re.compile(
    r"(GET|HEAD) (/|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt|/(assets|static)/.+"
    rf"|{_API}/(startup-events|theme\.css))|POST /login/?"
)
# Of the page and of scripts. An event's number in a path may be another user's tab: Gradio looks for both.
# run/predict: Cancel does not wait in the queue.
NEEDED = re.compile(
    rf"GET (/config|/logout|{_API}/(info|upload_progress|queue/data|heartbeat/(?P<tab>[^/]+)))/?"
    rf"|GET {_API}/call/[^/]+/(?P<event>[^/]+)"
    rf"|POST {_API}/(upload|queue/join|run/predict|cancel|reset|call/[^/]+)/?"
)
UPLOAD = re.compile(rf"POST {_API}/upload/?")
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "SAMEORIGIN",
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors 'self'"
    ),
}


class RefusedError(Exception):
    """A request that goes no further; str() is one sentence for the caller."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Owners:
    """Who used a name first: it is theirs alone. The longest unused go when there are too many."""

    def __init__(self, limit: int = MAX_OWNED) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._limit = limit

    def claim(self, name: str, user: str) -> bool:
        """Whether the name is the user's, who gets it where it is nobody's."""
        owner = self._owners.setdefault(name, user)
        self._owners.move_to_end(name)
        if len(self._owners) > self._limit:
            self._owners.popitem(last=False)
        return owner == user


class Uploads:
    """Which uploads are whose. Equal files of two users have one path and belong to both."""

    def __init__(self, limit: int = MAX_OWNED) -> None:
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._limit = limit

    def note(self, answer: bytes, user: str) -> None:
        """Remember the paths in the answer to an upload as the user's; a refused upload has none."""
        try:
            paths = json.loads(answer)
        except ValueError:
            return
        for path in paths if isinstance(paths, list) else []:
            WAITING.arrived(str(path))
            self._known[user, str(path)] = None
            if len(self._known) > self._limit:
                self._known.popitem(last=False)

    def owns(self, path: str, user: str) -> bool:
        """Whether the user uploaded it."""
        return (user, path) in self._known


def read_event(data: bytes) -> dict[str, Any]:
    """An event as the browser sends it; RefusedError where it is none."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise RefusedError(400, "The event is not readable.")
    return event


def file_paths(event: dict[str, Any]) -> list[str]:
    """The paths of everything in an event that Gradio would take for a file, or would download."""
    found: list[str] = []
    waiting: list[Any] = [event]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            found += [str(each["path"])] if "path" in each else []
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return found


def name_of(host: str) -> str:
    """host:port or [v6]:port -> the name alone, in small letters."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.lower()

"""The page without a browser: its own HTTP calls, made by hand, for load and for trials of its locks."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

API = "gradio_api"


class PageClient:
    """A visitor with a cookie jar of its own. config: of the page, once it may be read."""

    def __init__(self, url: str, seconds: float = 60.0) -> None:
        self.http = httpx.Client(base_url=url.rstrip("/") + "/", timeout=seconds, trust_env=False)

    def close(self) -> None:
        """Let go of the connections."""
        self.http.close()

    def log_in(self, name: str, password: str) -> int:
        """Log in; returns the status."""
        return self.http.post("login", data={"username": name, "password": password}).status_code

    def config(self) -> dict[str, Any]:
        """Components and dependencies of the page, as the browser gets them."""
        found: dict[str, Any] = self.http.get("config").raise_for_status().json()
        return found

    def upload(self, data: bytes, name: str) -> dict[str, Any]:
        """Upload a file; returns what an event has to hold for it."""
        answer = self.http.post(f"{API}/upload", files={"files": (name, data)}).raise_for_status()
        return {"path": answer.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def join(self, event: dict[str, Any]) -> httpx.Response:
        """Send an event as it is."""
        return self.http.post(f"{API}/queue/join", json=event)

    def call(
        self, session: str, function: int, data: list[Any], event_data: Any = None
    ) -> list[dict[str, Any]]:
        """Send an event and return all messages about it, the completed one last.

        httpx.HTTPStatusError where the page refuses it.
        """
        event = {"fn_index": function, "data": data, "event_data": event_data, "session_hash": session}
        number = self.join(event).raise_for_status().json()["event_id"]
        return list(self._messages(session, number))

    def _messages(self, session: str, number: str) -> Iterator[dict[str, Any]]:
        with self.http.stream("GET", f"{API}/queue/data", params={"session_hash": session}) as stream:
            for line in stream.iter_lines():
                if not line.startswith("data:"):
                    continue
                message = json.loads(line[5:])
                if message.get("event_id") in (number, None):
                    yield message
                if message.get("msg") in ("process_completed", "unexpected_error", "close_stream"):
                    return

    @contextmanager
    def tab(self) -> Iterator[str]:
        """An open browser tab: its session hash, alive until the block ends."""
        session = secrets.token_hex(6)
        with self.http.stream("GET", f"{API}/heartbeat/{session}") as stream:
            stream.raise_for_status()
            yield session


def function_of(config: dict[str, Any], element: str, event: str) -> int:
    """The number of the dependency that answers an event of the component with this elem_id."""
    numbers = {each["id"] for each in config["components"] if each["props"].get("elem_id") == element}
    return next(
        int(each["id"])
        for each in config["dependencies"]
        if any(target in numbers and name == event for target, name in each["targets"])
    )

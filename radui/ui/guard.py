"""What is asked of the page over HTTP, before Gradio sees it: an ASGI layer that lets the needed through.

Gradio opens many routes for other kinds of app (files, proxies, deep links, recordings, direct calls). Here
everything is closed but what the page in the browser asks for, and that to its own user alone: no script of
another site, no name that a foreign server gave this machine, no tab, upload or stream of somebody else's.
"""

from collections.abc import Callable
from errno import EDQUOT, ENOSPC
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radui.ui.guard_rules import (
    HEADERS,
    MAX_EVENT,
    NEEDED,
    OPEN,
    UPLOAD,
    Owners,
    RefusedError,
    Uploads,
    file_paths,
    name_of,
    read_event,
)
from radui.ui.streams import sentence


class _GradioApp(Protocol):
    """What Gradio's server tells of logins."""

    auth: Any
    cookie_id: str
    tokens: dict[str, str]


class Guard:
    """The layer.

    hosts: whether the page is reached under a name; None lets any pass, as where a login is asked for.
    behind_proxy: whether a proxy's X-Forwarded-Host is believed.
    user_header: the header in which a single sign-on names the user.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Callable[[str], bool] | None = None,
        behind_proxy: bool = False,
        user_header: str | None = None,
    ) -> None:
        self.app = app
        self.hosts, self.behind_proxy, self.user_header = hosts, behind_proxy, user_header
        self.tabs, self.uploads = Owners(), Uploads()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is refused, hand every other one on."""
        if scope["type"] == "websocket":  # the page has none
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = Request(scope, receive)
        try:
            receive, send = await self._passed(request, _with_headers(send))
        except RefusedError as refusal:
            return await JSONResponse({"detail": str(refusal)}, refusal.status)(
                scope, receive, _with_headers(send)
            )
        return await self._answered(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer; where it fails before its first word, say so in a sentence."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception as error:
            if begun:
                raise
            status, text = _failure(error)
            await JSONResponse({"detail": text}, status)(scope, receive, send)

    async def _passed(self, request: Request, send: Send) -> tuple[Receive, Send]:
        """How the request goes on; raises RefusedError."""
        line = f"{request.method} {request.scope['path']}"
        self._check_place(request, line)
        if OPEN.fullmatch(line):
            return request.receive, send
        needed = NEEDED.fullmatch(line)
        if not needed:
            raise RefusedError(404, "There is nothing here.")
        user = self._user(request)
        if user is None:
            raise RefusedError(401, "You are not logged in; load the page again.")
        for tab in (needed["tab"], needed["event"], request.query_params.get("session_hash")):
            self._check_tab(tab, user)
        if UPLOAD.fullmatch(line):
            return request.receive, self._noting_uploads(send, user)
        if request.method == "POST":
            return await self._checked_event(request, user), send
        return request.receive, send

    def _check_place(self, request: Request, line: str) -> None:
        """Refuse what another site's page sends, and names of this machine that are not ours."""
        host = request.headers.get("host", "")
        if self.hosts is not None and not self.hosts(name_of(host)):
            raise RefusedError(421, "The page has another name; open the address that it printed.")
        elsewhere = request.headers.get("sec-fetch-site") in ("cross-site", "same-site")
        # A link from elsewhere opens the page; what it shows cannot be read from there.
        if elsewhere and not (line == "GET /" and request.headers.get("sec-fetch-mode") == "navigate"):
            raise RefusedError(403, "Requests from other sites are not answered.")
        known = {host.lower()}
        if self.behind_proxy:
            known.add(request.headers.get("x-forwarded-host", host).lower())
        origin = request.headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] not in known:
            raise RefusedError(
                403, "Requests from other sites are not answered; a proxy has to pass on Host."
            )

    def _user(self, request: Request) -> str | None:
        """Who asks: a name, "" where no login is asked for, None for nobody."""
        if self.user_header:
            return request.headers.get(self.user_header)
        app: _GradioApp = request.scope["app"]
        if app.auth is None:
            return ""
        names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
        return next((user for name in names if (user := app.tokens.get(request.cookies.get(name, "")))), None)

    def _check_tab(self, session: str | None, user: str) -> None:
        if session and not self.tabs.claim(session, user):
            raise RefusedError(403, "This is another user's browser tab.")

    async def _checked_event(self, request: Request, user: str) -> Receive:
        """The event, read, and found to be about the user's own tab and uploads only."""
        # A form of another site can send no JSON without asking first.
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise RefusedError(415, "Events are sent as JSON.")
        data = await _read(request)
        event = read_event(data)
        self._check_tab(str(event.get("session_hash") or ""), user)
        if not all(self.uploads.owns(path, user) for path in file_paths(event)):
            raise RefusedError(403, "There is no such upload of yours; choose the file again.")
        return _replaying(data, request.receive)

    def _noting_uploads(self, send: Send, user: str) -> Send:
        chunks: list[bytes] = []

        async def note(message: Message) -> None:
            if message["type"] == "http.response.body":
                chunks.append(message.get("body", b""))
                if not message.get("more_body"):
                    self.uploads.note(b"".join(chunks), user)
            await send(message)

        return note


def _failure(error: Exception) -> tuple[int, str]:
    if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
        return 507, "The disk for uploads is full; free some space where TMPDIR points to, then try again."
    return 500, sentence(error)


async def _read(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_EVENT:
            raise RefusedError(413, f"An event has at most {MAX_EVENT // 2**20} MiB.")
    return bytes(data)


def _replaying(data: bytes, receive: Receive) -> Receive:
    """A body that was read, for its second reader; then whatever else the client says."""
    waiting: list[Message] = [{"type": "http.request", "body": data, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _with_headers(send: Send) -> Send:
    ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *ours]
        await send(message)

    return sender

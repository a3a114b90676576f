"""A reverse proxy in small: a browser or script stays with the app that answered it first.

For trying several app processes on one machine; in earnest nginx or Caddy do this (docs/deployment.md).
A request goes to the app that its cookie names, one without a cookie to the next app in turn.
"""

import itertools
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

COOKIE = "radui_worker"
HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", "host", "te", "trailer"}


def build(apps: Sequence[str], prefix: str = "") -> Starlette:
    """The proxy of apps by their addresses; `prefix` is stripped, as the apps' --root-path asks."""
    turn = itertools.count()
    workers = {str(number): app for number, app in enumerate(apps)}
    client = httpx.AsyncClient(timeout=None)

    async def forward(request: Request) -> Response:
        chosen = request.cookies.get(COOKIE)
        worker = chosen if chosen in workers else str(next(turn) % len(apps))
        path = request.url.path.removeprefix(prefix) or "/"
        url = httpx.URL(workers[worker]).copy_with(path=path, query=request.url.query.encode())
        headers = [(name, value) for name, value in request.headers.items() if name not in HOP]
        headers += [("x-forwarded-host", request.headers["host"]), ("x-forwarded-proto", "http")]
        asked = client.build_request(request.method, url, headers=headers, content=await request.body())
        answer = await client.send(asked, stream=True)
        # Passed on as it comes: Gradio sends the words of a report as events of one long answer.
        found = StreamingResponse(answer.aiter_raw(), answer.status_code, background=_Close(answer))
        found.raw_headers = [(n.lower(), v) for n, v in answer.headers.raw if n.lower().decode() not in HOP]
        if worker != chosen:
            found.set_cookie(COOKIE, worker, httponly=True, samesite="lax")
        return found

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await client.aclose()

    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"]
    return Starlette(routes=[Route("/{path:path}", forward, methods=methods)], lifespan=lifespan)


class _Close:
    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer

    async def __call__(self) -> None:
        await self.answer.aclose()


@contextmanager
def proxying(apps: Sequence[str], prefix: str = "") -> Iterator[str]:
    """Run the proxy in a thread; yields its address, prefix included."""
    listening = socket.create_server(("127.0.0.1", 0))
    server: Any = uvicorn.Server(uvicorn.Config(build(apps, prefix), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}{prefix}"
    finally:
        server.should_exit = True
        thread.join(10)

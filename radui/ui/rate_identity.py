"""Who sits before the browser: asked anew in every handler, since anybody can post to any of them."""

from collections.abc import Callable, Sequence
from html import escape
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import gradio as gr

from radui.store.connection import Store
from radui.store.errors import RuleError
from radui.store.readers import Reader, find_reader, local_reader, log_in
from radui.ui.streams import sentence

LOOPBACK = ("127.0.0.0/8", "::1")
Network = IPv4Network | IPv6Network
Identify = Callable[[gr.Request], Reader]
"""Request -> active reader; StoreError with a sentence where it is nobody's."""


def by_machine(store: Store) -> Identify:
    """One reader for all who reach the page: the single user's way, without login."""
    return lambda request: local_reader(store)


def by_login(store: Store) -> Identify:
    """The reader whose name and password were given at the login."""
    return lambda request: find_reader(store, _named(request.username))


def by_header(store: Store, header: str, proxies: Sequence[str] = LOOPBACK) -> Identify:
    """The reader whom a proxy names in a header after its single sign-on.

    proxies: addresses or networks of the proxy; from anywhere else the header says nothing. A header that
    comes twice is refused: one of them would be the caller's own.
    """
    trusted = [ip_network(each) for each in proxies]

    def identify(request: gr.Request) -> Reader:
        if not _comes_from(request, trusted):
            raise RuleError("Readers come through the sign-on of your site; open the page at its address.")
        names = request.headers.getlist(header)
        return find_reader(store, _named(names[0] if len(names) == 1 else None))

    return identify


def _comes_from(request: gr.Request, networks: Sequence[Network]) -> bool:
    """Whether the other end of the connection, not what it forwards, lies in one of the networks."""
    try:
        peer = ip_address(request.client.host)
    except (AttributeError, ValueError):
        return False
    return any(peer in network for network in networks)


def password_check(store: Store) -> Callable[[str, str], bool]:
    """Return the function that Gradio asks at a login."""
    return lambda name, password: log_in(store, name, password) is not None


def admin(reader: Reader) -> Reader:
    """Return the reader if it is an admin, else raise RuleError."""
    if reader.role != "admin":
        raise RuleError("Only an admin does this; ask one, or log in as one.")
    return reader


def admins_only(
    identify: Identify, notice: gr.HTML, answer: Callable[..., dict[Any, Any]]
) -> Callable[..., dict[Any, Any]]:
    """Return the handler answer(reader, *inputs) for admins alone; what goes wrong is said in the notice."""

    def handler(request: gr.Request, *inputs: Any) -> dict[Any, Any]:
        try:
            return {notice: "", **answer(admin(identify(request)), *inputs)}
        except Exception as error:
            return {notice: escape(sentence(error))}

    return handler


def _named(name: str | None) -> str:
    if not name:
        raise RuleError("You are not logged in; load the page again.")
    return name

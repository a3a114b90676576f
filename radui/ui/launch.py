"""Command line -> running page. Gradio is imported only after the environment keeps it off the network."""

import argparse
import atexit
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from radui.ui.auth import VARIABLE, checker
from radui.ui.hosts import is_loopback
from radui.ui.options import parse_options
from radui.ui.throttle import slowed


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the page until it is interrupted."""
    options = parse_options(arguments)
    if problem := listening_problem(options.host, options.port):
        sys.exit(problem)
    prepare_environment()
    from radui.engine import Engine
    from radui.ui.page import launch_settings
    from radui.ui.ratings_file import open_ratings

    engine = Engine(options.checkpoints, options.device, options.batch)
    store = open_ratings(options)
    page = _build(options, engine, store)
    # A service is stopped by SIGTERM; only as an exception does it lead to the clean-up at exit.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if options.sso_header:
        # Else the server would take whom the proxy forwards for, not the proxy, as the other end.
        os.environ["FORWARDED_ALLOW_IPS"] = ""
    settings = server_settings(options)
    if options.reading_room and store and not options.sso_header:
        from radui.ui.rate_identity import password_check

        settings["auth"] = slowed(password_check(store))
    page.launch(**launch_settings(guard_settings(options)), **settings, prevent_thread_lock=True)
    # Torch and the checkpoints take seconds; they come while the user looks for a picture, and not before
    # the page is up, which they would hold back.
    Thread(target=engine.warm_up, daemon=True).start()
    page.block_thread()


def _build(options: argparse.Namespace, engine: Any, store: Any) -> Any:
    """The page of a single user, or the reading room."""
    from radui.ui.page import DELETE_UPLOADS, build_page
    from radui.ui.rate_identity import LOOPBACK, by_header, by_login
    from radui.ui.rate_room import build_room

    if not options.reading_room:
        return build_page(engine, store, options.references and _read_corpus(options.references))
    identify = by_login(store)
    if options.sso_header:
        identify = by_header(store, options.sso_header, options.proxy or LOOPBACK)
    return build_room(engine, store, identify, DELETE_UPLOADS)


def _read_corpus(path: Path) -> Any:
    """The reports that CIDEr weighs words by; a file that cannot be used ends the program."""
    from radui.scores import CorpusError, read_corpus

    try:
        return read_corpus(path)
    except CorpusError as error:
        sys.exit(str(error))


def prepare_environment() -> None:
    """Keep Gradio off the network and its uploads in a private folder that goes when the program ends."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    os.environ.pop(VARIABLE, None)  # the password is known by now, and no child process needs it
    try:
        folder = tempfile.mkdtemp(prefix="radui-")
    except OSError:
        raise SystemExit(
            "No folder for temporary files can be written to; name one in TMPDIR or mount one at /tmp."
        ) from None
    os.environ["GRADIO_TEMP_DIR"] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def server_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options in the words of `gr.Blocks.launch`."""
    return {
        "server_name": options.host,
        "server_port": options.port,
        "root_path": options.root_path,
        "auth": slowed(checker(options.users)) if options.users else None,
    }


def guard_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options in the words of `Guard`.

    Without a login the page answers to this machine's own names only: a foreign server may give its name to
    127.0.0.1, and its scripts would be this page's own then. A login cookie is not sent under that name.
    """
    logins = bool(options.users or options.reading_room)
    public = urlsplit(options.root_path or "").hostname
    return {
        "hosts": None if logins else lambda name: is_loopback(name) or name == public,
        "behind_proxy": bool(options.root_path or options.sso_header),
        "user_header": options.sso_header,
    }


def listening_problem(host: str, port: int) -> str | None:
    """Why nothing can listen there, as a sentence: the port is taken or reserved, the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except (OSError, OverflowError) as error:
        cause = error.strerror if isinstance(error, OSError) else "there is no such port"
        return f"Cannot listen on {host}, port {port} ({cause}); choose another with --host or --port."
    return None

"""Command line -> running page. Gradio is imported only after the environment keeps it off the network."""

import argparse
import atexit
import ipaddress
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

from radui.batching import LARGEST
from radui.ui.auth import VARIABLE, AuthError, checker, environment_users, read_users
from radui.ui.hosts import is_loopback
from radui.ui.throttle import slowed

ROOT = Path(__file__).resolve().parents[2]


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


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the checked options; what cannot work ends the program with a sentence.

    `users` is added: {user: password hash}, empty when no login is asked for.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        options.users = read_users(options.auth) if options.auth else environment_users(os.environ)
    except AuthError as error:
        parser.error(str(error))
    if not (options.users or options.reading_room) and not is_loopback(options.host):
        parser.error(
            f"--host {options.host} lets other machines in, so it needs --auth (or RADUI_AUTH=user:password)."
        )
    if problem := _room_problem(options) or _proxy_problem(options):
        parser.error(problem)
    if not os.path.isdir(options.checkpoints):  # Path.is_dir raises where the folder above may not be read
        parser.error(
            f"The checkpoint folder {options.checkpoints} does not exist; give it with --checkpoints."
        )
    if options.db and not _is_writable(options.db):
        parser.error(f"The folder of the database {options.db} cannot be written to; choose another --db.")
    return options


def _room_problem(options: argparse.Namespace) -> str | None:
    """Why the options for ratings do not go together, as a sentence."""
    if options.no_ratings and options.db:
        return "--db keeps ratings and --no-ratings keeps none; leave one of them out."
    if options.reading_room and not options.db:
        return "--reading-room needs --db, the file that holds its readers and their ratings."
    if options.reading_room and options.users:
        return (
            "--reading-room has readers of its own; add them with `python -m radui store add-reader` and "
            "leave --auth (and RADUI_AUTH) out."
        )
    if options.sso_header and not options.reading_room:
        return "--sso-header names the readers of a reading room, so it needs --reading-room."
    if options.db and len(options.users) > 1:
        return (
            "--db with several users in --auth would mix their ratings; give each reader a login with "
            "--reading-room."
        )
    return None


def _proxy_problem(options: argparse.Namespace) -> str | None:
    """Why the options for single sign-on do not go together, as a sentence."""
    if options.sso_header and not (options.proxy or is_loopback(options.host)):
        return f"--sso-header with --host {options.host} needs --proxy, whose header alone counts."
    if options.proxy and not options.sso_header:
        return "--proxy is the address that --sso-header counts from; give both."
    for text in options.proxy:
        try:
            ipaddress.ip_network(text)
        except ValueError:
            return f"--proxy {text} is no address or network, as 10.0.0.5 or 10.0.0.0/24."
    return None


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Chest radiograph reports side by side. Research use only, not for diagnosis.",
    )
    _serving_options(parser)
    _rating_options(parser)
    _model_options(parser)
    return parser


def _serving_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (%(default)s)")
    parser.add_argument("--auth", type=Path, help="file of user:hash lines (python -m radui.ui.auth USER)")
    parser.add_argument("--root-path", help="path of the page behind a proxy, as in /radui")


def _rating_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--db",
        type=Path,
        help="SQLite file for ratings; its folder has to be writable (default of a single user: ratings.db "
        "in the user's own data folder, which the Rating tab names)",
    )
    parser.add_argument("--no-ratings", action="store_true", help="keep no ratings: leave their tabs out")
    parser.add_argument(
        "--reading-room",
        action="store_true",
        help="only the tabs of ratings, for readers and admins of --db who log in; blinded",
    )
    parser.add_argument(
        "--sso-header",
        metavar="NAME",
        help="readers are named by this header of a proxy's single sign-on",
    )
    parser.add_argument(
        "--proxy",
        nargs="+",
        default=[],
        metavar="ADDRESS",
        help="addresses or networks of that proxy (default: this machine); elsewhere the header is ignored",
    )


def _model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoints", type=Path, default=ROOT / "checkpoints", help="folder of the trained systems"
    )
    parser.add_argument(
        "--references",
        type=Path,
        help="reports that CIDEr weighs words by: annotation.json of IU X-Ray, or a text, a report a line",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps (%(default)s)")
    parser.add_argument(
        "--batch",
        type=int,
        default=LARGEST,
        choices=range(1, 65),
        metavar="N",
        help="studies of several users that are decoded together; 1: one after the other (%(default)s)",
    )


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


def _is_writable(path: Path) -> bool:
    return not path.is_dir() and os.access(path.parent, os.W_OK)

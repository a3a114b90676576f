"""Command line -> running page. Gradio is imported only after the environment keeps it off the network."""

import argparse
import atexit
import ipaddress
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import Any

from radui.ui.auth import AuthError, checker, environment_users, read_users

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the page until it is interrupted."""
    options = parse_options(arguments)
    prepare_environment()
    from radui.engine import Engine
    from radui.ui.page import build_page, launch_settings

    engine = Engine(options.checkpoints, options.device)
    page = build_page(engine)
    # A service is stopped by SIGTERM; only as an exception does it lead to the clean-up at exit.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Torch and the checkpoints take seconds; they come while the user looks for a picture.
    Thread(target=engine.warm_up, daemon=True).start()
    page.launch(**launch_settings(), **server_settings(options))


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
    if not options.users and not _is_loopback(options.host):
        parser.error(
            f"--host {options.host} lets other machines in, so it needs --auth (or RADUI_AUTH=user:password)."
        )
    if not options.checkpoints.is_dir():
        parser.error(
            f"The checkpoint folder {options.checkpoints} does not exist; give it with --checkpoints."
        )
    if options.db and not _is_writable(options.db):
        parser.error(f"The folder of the database {options.db} cannot be written to; choose another --db.")
    return options


def prepare_environment() -> None:
    """Keep Gradio off the network and its uploads in a private folder that goes when the program ends."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    folder = tempfile.mkdtemp(prefix="radui-")
    os.environ["GRADIO_TEMP_DIR"] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def server_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options in the words of `gr.Blocks.launch`."""
    return {
        "server_name": options.host,
        "server_port": options.port,
        "root_path": options.root_path,
        "auth": checker(options.users) if options.users else None,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Chest radiograph reports side by side. Research use only, not for diagnosis.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (%(default)s)")
    parser.add_argument(
        "--checkpoints", type=Path, default=ROOT / "checkpoints", help="folder of the trained systems"
    )
    parser.add_argument(
        "--db", type=Path, help="SQLite file for readers' ratings; its folder has to be writable"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps (%(default)s)")
    parser.add_argument("--auth", type=Path, help="file of user:hash lines (python -m radui.ui.auth USER)")
    parser.add_argument("--root-path", help="path of the page behind a proxy, as in /radui")
    return parser


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_writable(path: Path) -> bool:
    return not path.is_dir() and os.access(path.parent, os.W_OK)

"""The options of app.py: what cannot work together ends the program with a sentence."""

import argparse
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

from radui.batching import LARGEST
from radui.ui.auth import AuthError, environment_users, read_users
from radui.ui.hosts import is_loopback

ROOT = Path(__file__).resolve().parents[2]


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


def _is_writable(path: Path) -> bool:
    return not path.is_dir() and os.access(path.parent, os.W_OK)

"""Where ratings are kept: the file of --db, else one of the user's own for a page without login."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from radui.store.connection import Store
from radui.store.errors import StoreError
from radui.store.migrations import open_store


def open_ratings(options: argparse.Namespace) -> Store | None:
    """Return the store at its newest version, None where nobody's ratings are kept.

    What is wrong with the file of --db ends the program. Without --db a single user's ratings go to
    `home_file`; where that cannot be, the page comes without ratings and standard error says why.
    """
    if options.db:
        try:
            return open_store(options.db)
        except StoreError as error:
            sys.exit(str(error))
    if options.no_ratings or len(options.users) > 1:  # several users would mix their ratings
        return None
    path = home_file(os.environ)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open_store(path)
    except (OSError, StoreError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        print(
            f"No ratings are kept, since {path} cannot be used ({reason}); name a file with --db.",
            file=sys.stderr,
        )
        return None


def home_file(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Return ratings.db in the user's folder for data of programs."""
    if folder := environment.get("XDG_DATA_HOME"):
        return Path(folder, "radui", "ratings.db")
    home = "Library/Application Support" if platform == "darwin" else ".local/share"
    return Path.home() / home / "radui" / "ratings.db"

"""Who may open the page: a file of user:hash lines, or one user in the environment.

`python -m radui.ui.auth USER` asks for a password and prints the line to put into the file.
"""

import getpass
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from radui.store.passwords import hash_password, is_hash, verify

VARIABLE = "RADUI_AUTH"


class AuthError(ValueError):
    """A password file that cannot be used; str() is one sentence."""


def read_users(path: Path) -> dict[str, str]:
    """Return {user: hash} of a file of user:hash lines; empty lines and # comments are skipped."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise AuthError(f"The password file {path} cannot be read: {error.strerror}.") from error
    users = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, _, stored = line.strip().partition(":")
        if not user or not is_hash(stored):
            raise AuthError(
                f"Line {number} of {path} is not user:hash; make it with `python -m radui.ui.auth USER`."
            )
        users[user] = stored
    if not users:
        raise AuthError(f"{path} names no user; add one with `python -m radui.ui.auth USER`.")
    return users


def environment_users(environment: Mapping[str, str]) -> dict[str, str]:
    """Return {user: hash} of RADUI_AUTH=user:password, empty when it is not set."""
    if VARIABLE not in environment:
        return {}
    user, _, password = environment[VARIABLE].partition(":")
    if not user or not password:
        raise AuthError(f"{VARIABLE} has to be user:password.")
    return {user: hash_password(password)}


def checker(users: Mapping[str, str]) -> Callable[[str, str], bool]:
    """Return the function that Gradio asks at a login."""
    unknown = hash_password("")

    def check(user: str, password: str) -> bool:
        return verify(password, users.get(user, unknown)) and user in users

    return check


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m radui.ui.auth USER")
    print(f"{sys.argv[1]}:{hash_password(getpass.getpass())}")

"""Who may open the page: a file of user:hash lines, or one user in the environment.

`python -m radui.ui.auth USER` asks for a password and prints the line to put into the file.
"""

import base64
import getpass
import hashlib
import hmac
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

# scrypt at 2**14, 8, 1: 16 MiB and some 50 ms a login.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
VARIABLE = "RADUI_AUTH"


class AuthError(ValueError):
    """A password file that cannot be used; str() is one sentence."""


def hash_password(password: str, salt: bytes | None = None) -> str:
    """Return scrypt$<salt>$<hash>, both base64."""
    salt = salt or os.urandom(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL)
    return "$".join(("scrypt", base64.b64encode(salt).decode(), base64.b64encode(digest).decode()))


def verify(password: str, stored: str) -> bool:
    """Return whether the password has the stored hash, in a time that does not tell where it differs."""
    salt = base64.b64decode(stored.split("$")[1])
    return hmac.compare_digest(hash_password(password, salt), stored)


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
        if not user or stored.count("$") != 2 or not stored.startswith("scrypt$"):
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

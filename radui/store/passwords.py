"""Password hashes by scrypt, of readers and of `--auth` files: scrypt$<salt>$<hash>, the last two base64."""

import base64
import binascii
import hashlib
import hmac
import os

# 2**14, 8, 1: 16 MiB and some 50 ms a login.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1


def hash_password(password: str, salt: bytes | None = None) -> str:
    """Return scrypt$<salt>$<hash>; the salt is drawn unless it is given."""
    salt = salt or os.urandom(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL)
    return "$".join(("scrypt", base64.b64encode(salt).decode(), base64.b64encode(digest).decode()))


def verify(password: str, stored: str) -> bool:
    """Return whether the password has the stored hash, in a time that does not tell where it differs."""
    salt = base64.b64decode(stored.split("$")[1])
    return hmac.compare_digest(hash_password(password, salt), stored)


def is_hash(text: str) -> bool:
    """Return whether a text has the form that `hash_password` gives."""
    scheme, _, rest = text.partition("$")
    try:
        parts = [base64.b64decode(part, validate=True) for part in rest.split("$")]
    except binascii.Error:
        return False
    return scheme == "scrypt" and len(parts) == 2 and all(parts)

"""Pictures of a study as PNG files beside the database, named by the SHA-256 of their bytes.

Beside it and not in it: ten thousand radiographs are tens of gigabytes, which every backup and migration
would copy, while the database of their ratings stays some megabytes that open at once. Eight bits of the
display, since that is what readers saw. A PNG made from pixels alone carries no name, date or text.
"""

import os
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from sqlite_utils import Database

from radui.records import Radiograph
from radui.store.connection import Store
from radui.store.errors import DamagedError, NotFoundError, typed_errors


def save_picture(store: Store, radiograph: Radiograph) -> str:
    """Write a picture's display, whole and on the disk before it has its name; return its SHA-256."""
    data = encode(radiograph)
    digest = sha256(data).hexdigest()
    write_once(picture_path(store, digest), data)
    return digest


def encode(radiograph: Radiograph) -> bytes:
    """The display as an 8-bit grey PNG of the original size."""
    import cv2

    return bytes(cv2.imencode(".png", radiograph.display)[1])


def write_once(path: Path, data: bytes) -> None:
    """Write a file that never changes, unless it is there; never leaves half of it under its name."""
    if path.exists():
        return
    with typed_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{token_hex(4)}")
        try:
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def register_picture(database: Database, digest: str, radiograph: Radiograph) -> None:
    """Add the row of a saved picture, unless it is there."""
    width, height = radiograph.size
    database.execute(
        "INSERT OR IGNORE INTO pictures (picture_sha256, width, height, view) VALUES (?, ?, ?, ?)",
        [digest, width, height, radiograph.view],
    )


def picture_path(store: Store, digest: str) -> Path:
    """Where the picture of this SHA-256 lies."""
    return store.pictures / f"{digest}.png"


def read_picture(store: Store, digest: str) -> bytes:
    """The PNG of a SHA-256; NotFoundError where it is gone, DamagedError where it is another picture."""
    try:
        data = picture_path(store, digest).read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(
            f"The picture {digest} is missing; copy the folder {store.pictures.name} beside the database."
        ) from error
    if sha256(data).hexdigest() != digest:
        raise DamagedError(f"The picture {digest} has changed on disk; bring it back from a backup.")
    return data

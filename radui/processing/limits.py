"""What is refused whatever the format: too many bytes or pixels, too few pixels, no contrast, no memory."""

import numpy as np

from radui.processing.errors import EmptyFile, NoContrast, TooLarge, TooSmall

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 40_000_000
MIN_SIDE_PIXELS = 32


def check_bytes(data: bytes) -> None:
    """Raise EmptyFile or TooLarge for a file of no bytes or of more than MAX_BYTES."""
    if not data:
        raise EmptyFile("The file is empty; export the picture again and choose the new file.")
    if len(data) > MAX_BYTES:
        raise TooLarge(
            f"The file has {len(data) / 2**20:.0f} MiB and at most {MAX_BYTES >> 20} MiB are read; "
            "export one picture at a lower resolution."
        )


def check_size(width: int, height: int) -> None:
    """Raise TooLarge or TooSmall for the pixel size that a header announces, before decoding."""
    if width * height > MAX_PIXELS:
        raise TooLarge(
            f"The picture is {width} x {height} pixels and at most {MAX_PIXELS / 1e6:.0f} million are read; "
            "export it at a lower resolution."
        )
    if min(width, height) < MIN_SIDE_PIXELS:
        raise TooSmall(
            f"The picture is {width} x {height} pixels and each side needs at least {MIN_SIDE_PIXELS}; "
            "choose the full-size radiograph."
        )


def check_contrast(
    values: np.ndarray, cause: str = "All pixels of the picture have the same value", least: float = 0
) -> None:
    """Raise NoContrast when the values span no more than `least`, or there are none."""
    if values.size == 0 or not float(values.max()) - float(values.min()) > least:
        raise NoContrast(f"{cause}, so there is nothing to read; choose another picture or export it again.")


def is_out_of_memory(error: BaseException) -> bool:
    """Python's own; torch's on a GPU by its name and on a CPU by its words: torch is not imported here."""
    kind = type(error).__name__
    return kind in ("MemoryError", "OutOfMemoryError") or (
        kind == "RuntimeError" and "allocate memory" in str(error)
    )

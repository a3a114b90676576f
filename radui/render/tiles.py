"""Small pictures to choose from, and how far a drawing is -> HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from radui.records import ByteArray
from radui.render.synthesis import data_url, mark_bar, synthetic_png

SIDE = 168


@dataclass(frozen=True)
class Tile:
    """A button with a picture, None while there is none yet; key: what it tells when it is pressed."""

    key: str
    title: str
    picture: ByteArray | None = None
    pressed: bool = False


def tiles_html(tiles: Sequence[Tile], note: str = "", ready: bool = True) -> str:
    """Return a strip of tiles with a note beside it; ready: whether they can be pressed."""
    buttons = "".join(_tile_html(tile, ready) for tile in tiles)
    return (
        f'<div class="rd-tiles" role="group" aria-label="Drawn pictures">{buttons}<p>{escape(note)}</p></div>'
    )


def progress_html(text: str, done: int = 0, total: int = 0) -> str:
    """Return a line that says how far a drawing is, with a bar where there is something to do."""
    bar = f'<progress max="{total}" value="{done}" aria-label="Rows drawn"></progress>' if total else ""
    return f'<p class="rd-drawn"><b>{escape(text)}</b>{bar}</p>'


def small_png(picture: ByteArray) -> bytes:
    """Encode a picture, grey or RGB, reduced, marked and named as synthetic."""
    import cv2
    import numpy as np

    height = round(SIDE * picture.shape[0] / picture.shape[1])
    small = cv2.resize(picture, (SIDE, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
    mark_bar(small)
    return synthetic_png(small, "Reduced picture", "thumbnail", level=1)


def _tile_html(tile: Tile, ready: bool) -> str:
    picture = "<i></i>" if tile.picture is None else f'<img alt="" src="{data_url(small_png(tile.picture))}">'
    disabled = "" if ready and tile.picture is not None else " disabled"
    pressed = str(tile.pressed).lower()
    return (
        f'<button type="button" data-key="{escape(tile.key)}" aria-pressed="{pressed}"{disabled}>'
        f"{picture}<span>{escape(tile.title)}</span></button>"
    )

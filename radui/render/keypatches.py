"""Keypatches of a synthesis -> HTML: which words chose them, what their codes decode to, where they lay."""

from collections.abc import Sequence
from html import escape

import numpy as np

from radui.records import ByteArray, Keypatch
from radui.render.synthesis import data_url, mark_bar, synthetic_png

SIDE = 112
NOTE = (
    "Patches of training radiographs that fit these words best, handed to the model as hints. Picture: a "
    "keypatch's own codes decoded on their own, a texture of no patient. Square: where it lay."
)
NONE = "No keypatches: this checkpoint draws without hints of AdaMatch."


def keypatches_html(report: str, keypatches: Sequence[Keypatch]) -> str:
    """Return the report with the words that chose a keypatch marked, and each keypatch with its words."""
    if not keypatches:
        return f'<p class="rd-small">{NONE}</p>'
    items = "".join(_item(number, each, report) for number, each in enumerate(keypatches, 1))
    return (
        f'<p class="rd-small">{NOTE}</p><p class="rd-chosen-words">{_marked_words(report, keypatches)}</p>'
        f'<ol class="rd-keypatches">{items}</ol>'
    )


def texture_png(texture: ByteArray) -> bytes:
    """Encode a keypatch's texture, enlarged and marked, as a PNG that says what it is."""
    import cv2

    picture = cv2.resize(texture, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    mark_bar(picture)
    return synthetic_png(picture, "Codes of a keypatch, decoded on their own", "texture", level=1)


def _item(number: int, keypatch: Keypatch, report: str) -> str:
    words = ", ".join(
        f"<b>{escape(report[start:end])}</b> {value:.2f}"
        for (start, end), value in zip(keypatch.spans, keypatch.similarities, strict=True)
    )
    return (
        f"<li>{_texture(number, keypatch)}{_place(keypatch)}"
        f"<p>{number}. {words or 'chosen by a stop'}<small>fitted “{escape(keypatch.fitted)}” in training; "
        f"codes {' '.join(map(str, keypatch.codes)) or 'none'}</small></p></li>"
    )


def _texture(number: int, keypatch: Keypatch) -> str:
    if keypatch.texture is None:
        return ""
    source = data_url(texture_png(keypatch.texture))
    return f'<img src="{source}" width="56" height="56" alt="Texture of keypatch {number}, synthetic">'


def _place(keypatch: Keypatch) -> str:
    """A square for the picture that it came from, and in it where the keypatch lay."""
    x0, y0, x1, y1 = (100 * share for share in keypatch.box)
    where = f"lay {x0:.0f} to {x1:.0f} % from the left, {y0:.0f} to {y1:.0f} % from the top"
    return (
        f'<svg class="rd-place" viewBox="0 0 100 100" role="img" aria-label="{where}">'
        f'<rect width="100" height="100"/><rect class="rd-lay" x="{x0:.1f}" y="{y0:.1f}" '
        f'width="{max(x1 - x0, 2):.1f}" height="{max(y1 - y0, 2):.1f}"/></svg>'
    )


def _marked_words(report: str, keypatches: Sequence[Keypatch]) -> str:
    """The report with each choosing word marked by the numbers of its keypatches."""
    chose: dict[tuple[int, int], list[int]] = {}
    for number, keypatch in enumerate(keypatches, 1):
        for span in keypatch.spans:
            chose.setdefault(span, []).append(number)
    parts, position = [], 0
    for (start, end), numbers in sorted(chose.items()):
        if start < position:  # two tokens of one word
            continue
        marks = ", ".join(map(str, numbers))
        parts.append(
            f"{escape(report[position:start])}<mark>{escape(report[start:end])}<sup>{marks}</sup></mark>"
        )
        position = end
    return "".join(parts) + escape(report[position:])

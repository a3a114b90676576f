"""Synthetic radiographs -> pictures that say so, in their pixels and in their file."""

import io
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from radui.records import ByteArray, Radiograph, Synthesis

MARK = "SYNTHETIC"
NOTICE = f"{MARK} radiographs, of no patient. Research use only, not for diagnosis."
SCALE = 2  # the drawn picture is small; the mark is drawn on the enlarged one and stays readable


def marked(pixels: ByteArray) -> ByteArray:
    """Return a drawing (S, S) enlarged twice, (2 S, 2 S) uint8, with SYNTHETIC burnt into its pixels.

    The words stand in a bar at the top and faintly across the middle, so that a crop keeps one of them.
    """
    import cv2

    side = pixels.shape[0] * SCALE
    picture = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    mark_bar(picture)
    across = np.zeros_like(picture)
    _write(across, (side // 8, side * 3 // 5), side / 380, 255)
    shaded = np.where(across > 0, 0.65 * picture.astype(np.float32) + 0.35 * 255, picture)
    marked_picture: ByteArray = shaded.round().astype(np.uint8)
    return marked_picture


def mark_bar(picture: ByteArray) -> None:
    """Write SYNTHETIC into a black bar at the top of a grey or colour picture, in place."""
    side = picture.shape[1]
    bar = max(16, side // 18)
    picture[:bar] = 0
    _write(picture, (side // 50, bar * 3 // 4), bar / 40, 255)


def _write(picture: ByteArray, origin: tuple[int, int], size: float, level: int) -> None:
    import cv2

    colour = (level,) * 3 if picture.ndim == 3 else level
    cv2.putText(
        picture, MARK, origin, cv2.FONT_HERSHEY_DUPLEX, size, colour, max(1, round(size)), cv2.LINE_AA
    )


def synthesis_png(synthesis: Synthesis, level: int = 6) -> bytes:
    """Encode the marked drawing as a grey PNG whose text chunks say what it is and how it was drawn."""
    how = f"view={synthesis.view} seed={synthesis.seed} {synthesis.sampling}"
    return synthetic_png(marked(synthesis.pixels), synthesis.report, how, level)


def synthetic_png(picture: ByteArray, description: str, comment: str, level: int = 6) -> bytes:
    """Encode a marked picture, grey or RGB, as a PNG that says in its text chunks that no patient has it.

    level: of zlib; 1 is fast, for what is only shown.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    facts = PngInfo()
    facts.add_text("Title", f"{MARK} radiograph, of no patient")
    facts.add_text("Software", "radui, AdaMatch-Cyclic")
    facts.add_text("Warning", "Drawn by a model to a report. Research use only, not for diagnosis.")
    facts.add_itxt("Description", description)
    facts.add_text("Comment", comment)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", pnginfo=facts, compress_level=level)
    return stream.getvalue()


def synthesis_payload(synthesis: Synthesis, caption: str) -> dict[str, Any]:
    """Return the marked drawing as a view of the viewer, placed in the drawing's own pixels."""
    height, width = synthesis.pixels.shape
    source = data_url(synthesis_png(synthesis, level=1))
    return {"src": source, "width": width, "height": height, "caption": caption, "synthetic": True}


def data_url(png: bytes) -> str:
    """Return a PNG as a data URL."""
    return f"data:image/png;base64,{b64encode(png).decode('ascii')}"


def as_radiograph(synthesis: Synthesis) -> Radiograph:
    """Return what systems read back: the drawing itself, and the marked one wherever it is shown."""
    import cv2

    height, width = synthesis.pixels.shape
    display = cv2.resize(marked(synthesis.pixels), (width, height), interpolation=cv2.INTER_AREA)
    pixels = synthesis.pixels.astype(np.float32) / np.float32(255)
    return Radiograph(display.astype(np.uint8), pixels, synthesis.view)


def recipe_json(syntheses: Mapping[str, Synthesis]) -> str:
    """Return what draws these pictures again, and their codes and keypatches, by title."""
    document = {
        "notice": NOTICE,
        "pictures": {title: recipe(one) for title, one in syntheses.items()},
    }
    return json.dumps(document, indent=1, ensure_ascii=False)


def recipe(synthesis: Synthesis) -> dict[str, Any]:
    """Return what draws this picture again, its codes and its keypatches, ready for JSON."""
    keypatches = [
        {name: value for name, value in asdict(each).items() if name != "texture"}
        for each in synthesis.keypatches
    ]
    return {
        "report": synthesis.report,
        "view": synthesis.view,
        "seed": synthesis.seed,
        "sampling": asdict(synthesis.sampling),
        "codes": synthesis.codes,
        "keypatches": keypatches,
    }

"""Synthetic radiographs -> pictures that say so, in their pixels and in their file."""

import io

import numpy as np

from radui.records import ByteArray, Synthesis

MARK = "SYNTHETIC"
SCALE = 2  # the drawn picture is small; the mark is drawn on the enlarged one and stays readable


def marked(synthesis: Synthesis) -> ByteArray:
    """Return the drawing enlarged twice, (2 S, 2 S) uint8, with SYNTHETIC burnt into its pixels.

    The words stand in a bar at the top and faintly across the middle, so that a crop keeps one of them.
    """
    import cv2

    side = synthesis.pixels.shape[0] * SCALE
    picture = cv2.resize(synthesis.pixels, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    bar = max(16, side // 18)
    picture[:bar] = 0
    _write(picture, (side // 50, bar * 3 // 4), bar / 40, 255)
    across = np.zeros_like(picture)
    _write(across, (side // 8, side * 3 // 5), side / 380, 255)
    shaded = np.where(across > 0, 0.65 * picture.astype(np.float32) + 0.35 * 255, picture)
    marked_picture: ByteArray = shaded.round().astype(np.uint8)
    return marked_picture


def _write(picture: ByteArray, origin: tuple[int, int], size: float, level: int) -> None:
    import cv2

    cv2.putText(picture, MARK, origin, cv2.FONT_HERSHEY_DUPLEX, size, level, max(1, round(size)), cv2.LINE_AA)


def synthesis_png(synthesis: Synthesis) -> bytes:
    """Encode the marked drawing as a grey PNG whose text chunks say what it is and how it was drawn."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    facts = PngInfo()
    facts.add_text("Title", f"{MARK} radiograph, of no patient")
    facts.add_text("Software", "radui, AdaMatch-Cyclic")
    facts.add_text("Warning", "Drawn by a model to a report. Research use only, not for diagnosis.")
    facts.add_itxt("Description", synthesis.report)
    facts.add_text("Comment", f"view={synthesis.view} seed={synthesis.seed} {synthesis.sampling}")
    stream = io.BytesIO()
    Image.fromarray(marked(synthesis)).save(stream, "PNG", pnginfo=facts)
    return stream.getvalue()

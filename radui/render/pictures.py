"""Radiographs -> lossless pictures for the browser."""

from base64 import b64encode
from typing import Any

from radui.records import Radiograph

LONGEST_SIDE = 1024


def display_png(radiograph: Radiograph, longest: int = LONGEST_SIDE) -> bytes:
    """Encode the display pixels as an 8-bit grey PNG whose long side is at most `longest` pixels."""
    import cv2

    width, height = radiograph.size
    scale = min(1.0, longest / max(width, height))
    reduced = max(1, round(width * scale)), max(1, round(height * scale))
    return bytes(
        cv2.imencode(".png", cv2.resize(radiograph.display, reduced, interpolation=cv2.INTER_AREA))[1]
    )


def picture_payload(radiograph: Radiograph, longest: int = LONGEST_SIDE) -> dict[str, Any]:
    """Return what the viewer needs to show one picture.

    src: data URL of the PNG, possibly reduced; width, height: of the original, in whose pixels the
    viewer places everything.
    """
    width, height = radiograph.size
    encoded = b64encode(display_png(radiograph, longest)).decode("ascii")
    return {"src": f"data:image/png;base64,{encoded}", "width": width, "height": height}

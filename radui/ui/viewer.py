"""The viewer component that every tab uses: pictures go in, maps come by the browser's own events.

Its `select` event brings the box that the reader drew: {view, box}, box (x0, y0, x1, y1) in original
pixels or None when it was taken away. It comes from a browser: check it with `drawn_box`.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any

import gradio as gr

from radui.records import Box, GateVerdict, Study
from radui.render.colormaps import color_tables
from radui.render.pictures import picture_payload
from radui.render.warning import gate_warning
from radui.ui import asset_files


@dataclass(frozen=True)
class DrawnBox:
    """A region that the reader drew on one view, in original pixels."""

    view: int
    box: Box


NOTHING = (
    "Drop one or two chest radiographs here",
    "PNG, JPEG, TIFF or DICOM, 8 or 16 bit; or choose an example on the left",
)


def build_viewer(name: str, nothing: tuple[str, str] = NOTHING) -> gr.HTML:
    """Return an empty viewer; report cards reach it by its `name`.

    nothing: what it says before there is a picture, in large and in small type.
    """
    template = asset_files.read("viewer.html").replace("@nothing", nothing[0]).replace("@hint", nothing[1])
    return gr.HTML(
        value=None,
        html_template=template,
        js_on_load="radui.mountViewer(element, props, watch, (region) => trigger('select', region))",
        apply_default_css=False,
        elem_id=f"viewer-{name}",
        viewer=name,
        captions={"id": "", "texts": []},
        tables=color_tables(),
    )


def viewer_value(name: str, study: Study, verdicts: tuple[GateVerdict, ...] = ()) -> dict[str, Any]:
    """Return the pictures of a study for the viewer; `name` tells it a new study from the same one."""
    views = [picture_payload(view) for view in study.views]
    warning = gate_warning(verdicts) if verdicts else None
    for view, caption in zip(views, captions(study, verdicts), strict=True):
        view["caption"] = caption
    return {"id": name, "views": views, "warning": warning}


def captions(study: Study, verdicts: tuple[GateVerdict, ...] = ()) -> list[str]:
    """Return a caption a view: the side by the DICOM header, else by the gate with its probability."""
    names = [(view.view or f"view {index}").capitalize() for index, view in enumerate(study.views, 1)]
    for index, verdict in enumerate(verdicts):
        if study.views[index].view is None and verdict.passed:
            names[index] = f"{verdict.view.capitalize()} ({verdict.view_probability:.2f})"
    return names


def captions_value(name: str, study: Study, verdicts: tuple[GateVerdict, ...]) -> dict[str, Any]:
    """Return captions, and the gate's warning, that came after the pictures of the study of that name."""
    return {"id": name, "texts": captions(study, verdicts), "warning": gate_warning(verdicts)}


def drawn_box(view: Any, box: Any, study: Study) -> DrawnBox | None:
    """Return the box that a browser reports, clipped to its picture; None where it is none of this study."""
    if not isinstance(view, int) or not 0 <= view < len(study.views):
        return None
    if not isinstance(box, (list, tuple)) or len(box) != 4 or not all(map(_is_number, box)):
        return None
    width, height = study.views[view].size
    x0, x1 = (float(min(max(value, 0), width)) for value in (box[0], box[2]))
    y0, y1 = (float(min(max(value, 0), height)) for value in (box[1], box[3]))
    return DrawnBox(view, (x0, y0, x1, y1)) if x1 > x0 and y1 > y0 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)

"""The viewer component that every tab uses: pictures go in, maps come by the browser's own events."""

from typing import Any

import gradio as gr

from radui.records import GateVerdict, Study
from radui.render.colormaps import color_tables
from radui.render.pictures import picture_payload
from radui.ui import asset_files


def build_viewer(name: str) -> gr.HTML:
    """Return an empty viewer; report cards reach it by its `name`."""
    return gr.HTML(
        value=None,
        html_template=asset_files.read("viewer.html"),
        js_on_load="radui.mountViewer(element, props, watch)",
        apply_default_css=False,
        elem_id=f"viewer-{name}",
        viewer=name,
        captions={"id": "", "texts": []},
        tables=color_tables(),
    )


def viewer_value(name: str, study: Study) -> dict[str, Any]:
    """Return the pictures of a study for the viewer; `name` tells it a new study from the same one."""
    views = [picture_payload(view) for view in study.views]
    for view, caption in zip(views, captions(study), strict=True):
        view["caption"] = caption
    return {"id": name, "views": views}


def captions(study: Study, verdicts: tuple[GateVerdict, ...] = ()) -> list[str]:
    """Return a caption a view: the side by the DICOM header, else by the gate with its probability."""
    names = [(view.view or f"view {index}").capitalize() for index, view in enumerate(study.views, 1)]
    for index, verdict in enumerate(verdicts):
        if study.views[index].view is None and verdict.passed:
            names[index] = f"{verdict.view.capitalize()} ({verdict.view_probability:.2f})"
    return names


def captions_value(name: str, study: Study, verdicts: tuple[GateVerdict, ...]) -> dict[str, Any]:
    """Return captions that came after the pictures of the study of that name."""
    return {"id": name, "texts": captions(study, verdicts)}

"""Files for the user, sent through the page itself: nothing is left on disk for others to fetch."""

from base64 import b64encode
from collections.abc import Callable
from secrets import token_hex
from typing import Any

import gradio as gr

from radui.render.exports import Case, case_arrays, case_json, case_text
from radui.render.report_pdf import case_pdf
from radui.render.report_sr import case_sr

# kind -> (file name, media type, how it is made)
KINDS: dict[str, tuple[str, str, Callable[[Case], bytes]]] = {
    "text": ("radui-reports.txt", "text/plain", lambda case: case_text(case).encode()),
    "json": ("radui-reports.json", "application/json", lambda case: case_json(case).encode()),
    "pdf": ("radui-reports.pdf", "application/pdf", case_pdf),
    "sr": ("radui-reports.dcm", "application/dicom", case_sr),
    "arrays": ("radui-arrays.zip", "application/zip", case_arrays),
}


def build_download() -> gr.HTML:
    """Return a component without looks that saves each file that it is given."""
    return gr.HTML(
        value=None,
        html_template="",
        js_on_load="radui.mountDownload(props, watch)",
        apply_default_css=False,
        elem_classes="rd-live",
    )


def file_value(kind: str, case: Case) -> dict[str, Any]:
    """Return a file of one of `KINDS` as the component takes it."""
    name, mime, make = KINDS[kind]
    return file_of(name, mime, make(case))


def file_of(name: str, mime: str, data: bytes) -> dict[str, Any]:
    """Return a file as the component takes it."""
    return {"id": token_hex(4), "name": name, "mime": mime, "data": b64encode(data).decode("ascii")}

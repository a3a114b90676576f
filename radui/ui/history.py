"""The strip of studies that a browser tab had before: in server memory only, gone when the tab closes."""

from collections.abc import Sequence

import gradio as gr

from radui.render.pictures import picture_payload
from radui.ui.examples import THUMBNAIL_SIDE
from radui.ui.sessions import PastStudy


def build_history() -> gr.HTML:
    """Return an empty strip; its `select` event carries the `number` of the study that was clicked."""
    return gr.HTML(
        value="",
        js_on_load=(
            "element.addEventListener('click', event => {"
            " const button = event.target.closest('button');"
            " if (button) trigger('select', {number: Number(button.dataset.number)}); })"
        ),
        apply_default_css=False,
        elem_id="history",
    )


def history_html(past: Sequence[PastStudy]) -> str:
    """Return a thumbnail and the number of reports for each past study, newest first."""
    if not past:
        return ""
    return (
        '<p class="rd-label">Earlier in this tab</p>'
        '<div class="rd-examples" role="group" aria-label="Studies that this tab had before">'
        f"{''.join(map(_button, past))}</div>"
    )


def _button(past: PastStudy) -> str:
    thumbnail = picture_payload(past.loaded.study.views[0], THUMBNAIL_SIDE)["src"]
    reports = sum(update.prediction is not None and not update.problem for update in past.updates.values())
    text = f"{reports} report{'' if reports == 1 else 's'}"
    return (
        f'<button type="button" data-number="{past.loaded.number}"><img alt="" src="{thumbnail}">'
        f"<span>Study {past.loaded.number}<br>{text}</span></button>"
    )

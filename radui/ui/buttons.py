"""Strips of buttons whose number changes: one component, one event."""

from collections.abc import Iterable
from html import escape

import gradio as gr


def build_buttons(value: str = "", elem_id: str | None = None) -> gr.HTML:
    """Return a component whose `select` event carries the `key` of the button that was pressed."""
    return gr.HTML(
        value=value,
        js_on_load=(
            "element.addEventListener('click', event => {"
            " const button = event.target.closest('button[data-key]');"
            " if (button) trigger('select', {key: button.dataset.key}); })"
        ),
        apply_default_css=False,
        elem_id=elem_id,
    )


def strip_html(label: str, choices: Iterable[tuple[str, str]], hint: str = "") -> str:
    """Return a labelled strip of text buttons, (text, key) each; the hint alone where there are none."""
    buttons = "".join(
        f'<button type="button" data-key="{escape(key)}">{escape(text)}</button>' for text, key in choices
    )
    inside = f'<div class="rd-strip" role="group" aria-label="{escape(label)}">{buttons}</div>'
    nothing = f'<p class="rd-small">{escape(hint)}</p>'
    return f'<p class="rd-label">{escape(label)}</p>{inside if buttons else nothing}'

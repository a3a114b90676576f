"""The drawn example studies that ship with the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import gradio as gr

from radui.processing.images import read_radiograph
from radui.render.pictures import picture_payload

FOLDER = Path(__file__).parent / "examples"
THUMBNAIL_SIDE = 128


@dataclass(frozen=True)
class Example:
    """A study by name and its picture files, frontal first."""

    title: str
    files: tuple[Path, ...]

    def read(self) -> list[bytes]:
        """Return the bytes of its pictures."""
        return [path.read_bytes() for path in self.files]


def list_examples(folder: Path = FOLDER) -> list[Example]:
    """Return the examples of a folder of `<name>-<view>.png` files, by name."""
    groups: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*-*.png")):
        groups.setdefault(path.stem.rpartition("-")[0], []).append(path)
    return [Example(name.replace("-", " ").capitalize(), tuple(files)) for name, files in groups.items()]


def build_examples(examples: Sequence[Example]) -> gr.HTML:
    """Return a strip of thumbnails; its `select` event carries the `index` of the example."""
    buttons = "".join(_button(index, example) for index, example in enumerate(examples))
    return gr.HTML(
        value=(
            '<p class="rd-label">Drawn examples</p>'
            f'<div class="rd-examples" role="group" aria-label="Drawn examples">{buttons}</div>'
        ),
        js_on_load=(
            "element.addEventListener('click', event => {"
            " const button = event.target.closest('button');"
            " if (button) trigger('select', {index: Number(button.dataset.index)}); })"
        ),
        apply_default_css=False,
    )


def _button(index: int, example: Example) -> str:
    thumbnail = picture_payload(read_radiograph(example.files[0].read_bytes()), THUMBNAIL_SIDE)["src"]
    return (
        f'<button type="button" data-index="{index}"><img alt="" src="{thumbnail}">'
        f"<span>{escape(example.title)}</span></button>"
    )

"""A checkpoint's model card, Markdown, -> HTML that is safe to show whatever stands in it."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


def card_to_html(markdown: str) -> str:
    """Return the card as HTML: tags are escaped, no picture is fetched, links lead to the web only."""
    return _reader().render(markdown)


@cache
def _reader() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    # Cards also link to files beside them, which the page does not serve: those stay words.
    reader.validateLink = lambda url: url.startswith(("https://", "http://"))  # type: ignore[method-assign]
    reader.add_render_rule("link_open", _link)
    return reader


def _link(self: object, tokens: list, index: int, options: object, env: object) -> str:
    from html import escape

    address = escape(str(tokens[index].attrs["href"]))
    return f'<a href="{address}" target="_blank" rel="noopener noreferrer">'

"""The page's style sheets and scripts, read once when the page is built."""

from pathlib import Path

FOLDER = Path(__file__).parent / "assets"

_STYLES = ("page.css", "viewer.css", "report.css")
_SCRIPTS = ("heatmap.js", "pane.js", "viewer.js", "report.js", "page.js")


def read(name: str) -> str:
    """Return the text of one asset."""
    return (FOLDER / name).read_text(encoding="utf-8")


def head() -> str:
    """Return the elements for the page's head: all styles, and the scripts that define `window.radui`.

    The styles do not go through Gradio's `css`, which drops container queries; nested under its root
    element they outweigh those of its components.
    """
    styles, scripts = ("\n".join(map(read, names)) for names in (_STYLES, _SCRIPTS))
    styles = f"{read('palette.css')}\n.gradio-container {{\n{styles}\n}}"
    return f"<style>\n{styles}\n</style>\n<script>\n{scripts}\n</script>"

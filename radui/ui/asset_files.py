"""The page's style sheets and scripts, read once when the page is built."""

from pathlib import Path

FOLDER = Path(__file__).parent / "assets"

_STYLES = (
    "page.css",
    "viewer.css",
    "report.css",
    "tables.css",
    "explain.css",
    "synthesize.css",
    "rate.css",
    "results.css",
    "dialogs.css",
)
_SCRIPTS = (
    *("grid.js", "sources.js", "picture.js", "overlay.js", "gestures.js", "pane.js"),
    *(
        "share.js",
        "evidence_bar.js",
        "stamp.js",
        "snapshot.js",
        "viewer.js",
        "report.js",
        "differences.js",
        "tables.js",
    ),
    *("prototypes.js", "explain.js", "rate_parts.js", "rate_errors.js", "rate_report.js"),
    *("rate_vote.js", "rate_line.js", "rate.js", "dialogs.js", "page.js"),
)


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

"""WCAG AA: text has a contrast of 4.5 with every ground that it stands on, in both themes."""

import re

import pytest

from radui.ui.asset_files import head, read
from radui.ui.theme import DARK_GROUND, build_theme, dark_palette

PAIRS = [
    (text, ground)
    for text in ("text", "muted", "accent")
    for ground in ("ground", "panel", "raised", "field")
]
PAIRS += [("warn", "warn-ground"), ("bad", "bad-ground"), ("bad", "panel"), ("positive", "panel")]
PAIRS += [("on-accent", "accent-fill"), ("on-accent", "accent-hover")]


def palettes() -> dict[str, dict[str, str]]:
    blocks = re.findall(
        r"^(:root|:root\[data-theme=\"light\"\]) \{(.*?)^\}", read("palette.css"), re.S | re.M
    )
    colors = [dict(re.findall(r"--rd-([\w-]+): (#[0-9a-f]{6});", body)) for _, body in blocks]
    return {"dark": colors[0], "light": colors[1]}


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_contrast(theme, text, ground):
    palette = palettes()[theme]
    assert contrast(palette[text], palette[ground]) >= 4.5


def test_the_first_paint_is_the_dark_ground():
    assert palettes()["dark"]["ground"] == DARK_GROUND


def test_nothing_is_asked_of_another_host():
    assert not re.search(r"https?://(?!www\.w3\.org)", head())


def test_without_a_style_sheet_the_theme_shows_the_dark_palette():
    """Gradio's login page has the theme and nothing else of ours."""
    assert dark_palette() == palettes()["dark"]
    theme = build_theme()
    assert theme.input_border_color == theme.input_border_color_dark == "var(--rd-line, #2a3542)"
    assert theme.body_text_color == "var(--rd-text, #e8eef4)"

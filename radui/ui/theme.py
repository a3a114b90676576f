"""Gradio's theme in the page's own palette: `assets/palette.css` holds the colours of both themes."""

import re
from typing import Any

import gradio as gr
from gradio.themes.utils import fonts

from radui.ui.asset_files import read

# The ground that is painted before any style sheet is there; --rd-ground of the dark palette.
DARK_GROUND = "#0b0f14"

_COLORS = {
    "body_text_color": "text",
    "body_text_color_subdued": "muted",
    "background_fill_primary": "panel",
    "background_fill_secondary": "raised",
    "border_color_primary": "line",
    "border_color_accent": "accent",
    "color_accent": "accent",
    "color_accent_soft": "raised",
    "link_text_color": "accent",
    "link_text_color_hover": "accent",
    "link_text_color_active": "accent",
    "link_text_color_visited": "accent",
    "block_background_fill": "panel",
    "block_border_color": "line",
    "block_info_text_color": "muted",
    "block_label_background_fill": "panel",
    "block_label_border_color": "line",
    "block_label_text_color": "muted",
    "block_title_text_color": "muted",
    "panel_background_fill": "panel",
    "panel_border_color": "line",
    "accordion_text_color": "text",
    "checkbox_background_color": "field",
    "checkbox_background_color_focus": "field",
    "checkbox_background_color_hover": "field",
    "checkbox_background_color_selected": "accent-fill",
    "checkbox_border_color": "muted",
    "checkbox_border_color_focus": "accent",
    "checkbox_border_color_hover": "accent",
    "checkbox_border_color_selected": "accent-fill",
    "checkbox_label_text_color": "text",
    "checkbox_label_text_color_selected": "text",
    "error_background_fill": "panel",
    "error_border_color": "bad",
    "error_text_color": "bad",
    "error_icon_color": "bad",
    "input_background_fill": "field",
    "input_background_fill_focus": "field",
    "input_background_fill_hover": "field",
    "input_border_color": "line",
    "input_border_color_focus": "accent",
    "input_border_color_hover": "muted",
    "input_placeholder_color": "muted",
    "loader_color": "accent",
    "slider_color": "accent",
    "button_primary_background_fill": "accent-fill",
    "button_primary_background_fill_hover": "accent-hover",
    "button_primary_border_color": "accent-fill",
    "button_primary_border_color_hover": "accent-hover",
    "button_primary_text_color": "on-accent",
    "button_primary_text_color_hover": "on-accent",
    "button_secondary_background_fill": "raised",
    "button_secondary_background_fill_hover": "line",
    "button_secondary_border_color": "line",
    "button_secondary_border_color_hover": "muted",
    "button_secondary_text_color": "text",
    "button_secondary_text_color_hover": "text",
}
_CLEAR = (
    "checkbox_label_background_fill",
    "checkbox_label_background_fill_hover",
    "checkbox_label_background_fill_selected",
    "checkbox_label_border_color",
    "checkbox_label_border_color_hover",
    "checkbox_label_border_color_selected",
    "block_title_background_fill",
)
_SIZES = {
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_padding": "0",
    "block_radius": "6px",
    "block_title_text_weight": "600",
    "checkbox_label_padding": "2px 0",
    "checkbox_label_shadow": "none",
    "checkbox_label_gap": "4px",
    "checkbox_shadow": "none",
    "input_radius": "6px",
    "input_shadow": "none",
    "input_shadow_focus": "none",
    "input_border_width": "1px",
    "layout_gap": "14px",
    "form_gap_width": "0px",
    "button_large_radius": "6px",
    "button_small_radius": "6px",
    "button_medium_radius": "6px",
    "button_border_width": "1px",
    "button_primary_shadow": "none",
    "button_secondary_shadow": "none",
}


def build_theme() -> gr.themes.Base:
    """Return a theme whose every colour is a variable of the palette, the same name by day and by night."""
    theme = gr.themes.Base(
        font=[fonts.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[fonts.LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"],
        text_size=gr.themes.sizes.text_sm,
        spacing_size=gr.themes.sizes.spacing_sm,
        radius_size=gr.themes.sizes.radius_sm,
    )
    dark = dark_palette()
    # Gradio's login page loads no style sheet of ours: there the dark palette's own values show.
    colors = {name: f"var(--rd-{color}, {dark[color]})" for name, color in _COLORS.items()}
    colors |= dict.fromkeys(_CLEAR, "transparent")
    colors["body_background_fill"] = DARK_GROUND
    return theme.set(**_for_both(theme, colors), **_SIZES)


def dark_palette() -> dict[str, str]:
    """Return the colours of the dark theme by name, as `assets/palette.css` has them first."""
    first, _ = read("palette.css").split("}", 1)
    return dict(re.findall(r"--rd-([a-z-]+): (#[0-9a-f]{6});", first))


def _for_both(theme: gr.themes.Base, colors: dict[str, str]) -> dict[str, Any]:
    """Set the dark variant of each colour too, where the theme has one."""
    dark = {f"{name}_dark": color for name, color in colors.items() if hasattr(theme, f"{name}_dark")}
    return {**colors, **dark}

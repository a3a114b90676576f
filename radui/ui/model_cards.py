"""Model cards one click away: the README.md of each checkpoint folder, in a dialog of the page."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

import gradio as gr

from radui.engine import Engine
from radui.render.model_card import card_to_html

CARD = "README.md"
OTHERS = {"observation_classifier": "Classifier", "gate": "Gate"}
_MISSING = (
    "This checkpoint came without a model card, so nothing is known of its training, scores and limits."
)


def read_cards(engine: Engine) -> dict[str, str]:
    """Return the cards that are there, as HTML by title: of the systems, then of classifier and gate."""
    titles = {status.name: status.title for status in engine.systems()} | OTHERS
    found = {title: _read(engine.checkpoints / name / CARD) for name, title in titles.items()}
    return {title: card_to_html(text) for title, text in found.items() if text}


def build_cards(cards: Mapping[str, str]) -> gr.HTML:
    """Return the dialog; any button with data-model-card="TITLE" on the page opens it at that card."""
    articles = "".join(
        f'<article data-title="{escape(title)}" hidden>{card}</article>' for title, card in cards.items()
    )
    return gr.HTML(
        '<dialog id="rd-model-card" class="rd-dialog rd-prose" aria-label="Model card">'
        '<form method="dialog"><button type="submit" aria-label="Close the card">Close</button></form>'
        f"<p data-missing hidden>{_MISSING}</p>{articles}</dialog>",
        js_on_load="radui.mountCards(element)",
        apply_default_css=False,
    )


def card_buttons_html(cards: Mapping[str, str]) -> str:
    """Return a line of buttons, one a card."""
    buttons = "".join(
        f'<button type="button" data-model-card="{escape(title)}">{escape(title)}</button>' for title in cards
    )
    return f'<p class="rd-card-buttons"><span>Model cards</span>{buttons}</p>' if cards else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""

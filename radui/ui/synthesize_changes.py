"""What changes on the Synthesize tab at each step: {component: its new value}."""

from math import isqrt
from typing import Any

import gradio as gr

from radui.records import Synthesis
from radui.render.difference import difference, difference_map, difference_picture, difference_png
from radui.render.keypatches import keypatches_html
from radui.render.pictures import picture_payload
from radui.render.readback import readback_html
from radui.render.report import Phase
from radui.render.synthesis import recipe_json, synthesis_payload, synthesis_png
from radui.render.tiles import Tile, progress_html, tiles_html
from radui.ui.downloads import file_of
from radui.ui.report_card import card_value, update_value
from radui.ui.streams import Update
from radui.ui.studio import PAIR, Studio
from radui.ui.synthesize_layout import SynthesizeLayout

Changes = dict[Any, Any]
KEYPATCH_ROWS = 3  # of the first the keypatches are known; they are sent more than once, as all that is small


def buttons(page: SynthesizeLayout, studio: Studio, running: bool) -> Changes:
    """Offer the buttons that draw, or Cancel while something is under way."""
    complete = studio.shown is not None and studio.shown.complete
    return {
        **{button: gr.update(interactive=not running) for button in page.asking},
        page.cancel: gr.update(interactive=running),
        page.read: gr.update(interactive=not running and complete),
    }


def waiting(page: SynthesizeLayout, studio: Studio) -> Changes:
    """Show that drawing has begun."""
    return {
        **buttons(page, studio, running=True),
        **no_reads(page),
        page.notice: "",
        page.said: "",
        page.progress: progress_html("Reading the report …", 0, 1),
        page.tiles: tiles(studio, ready=False),
    }


def drawn(page: SynthesizeLayout, studio: Studio, seconds: float) -> Changes:
    """Show the newest rows. All that is small is sent again: an update may be lost behind the next one."""
    row, _ = _row(studio)
    shown = pictures(page, studio) if row <= KEYPATCH_ROWS else {page.viewer: viewer_study(studio)}
    return {**buttons(page, studio, running=True), **shown, page.progress: _progress(studio, seconds)}


def finished(page: SynthesizeLayout, studio: Studio, text: str) -> Changes:
    """Show what was drawn, complete or not, and that nothing is under way."""
    return {
        **buttons(page, studio, running=False),
        **pictures(page, studio),
        page.tiles: tiles(studio),
        page.progress: progress_html(text),
        page.said: text,
    }


def failed(page: SynthesizeLayout, studio: Studio, problem: str) -> Changes:
    """Say why nothing was drawn; what was drawn before stays."""
    return {
        **buttons(page, studio, running=False),
        **pictures(page, studio),
        page.notice: problem,
        page.progress: progress_html(""),
        page.tiles: tiles(studio),
    }


def chosen(page: SynthesizeLayout, studio: Studio) -> Changes:
    """Show the drawing that was chosen, with what was read back from it if it was."""
    return {**pictures(page, studio), page.tiles: tiles(studio), **no_reads(page)}


def pictures(page: SynthesizeLayout, studio: Studio) -> Changes:
    """Show the chosen drawing in the viewer, and its keypatches."""
    shown = studio.shown
    latest = shown.latest if shown else None
    hints = keypatches_html(latest.report, latest.keypatches) if latest else ""
    return {page.viewer: viewer_study(studio), page.keypatches: hints}


def viewer_study(studio: Studio) -> dict[str, Any] | None:
    """Return what the viewer shows: a drawing, the pair with its difference, or the original beside it."""
    shown = {each.title: each.latest for each in studio.drawings if each is studio.shown or _both(studio)}
    seen = {title: latest for title, latest in shown.items() if latest is not None}
    views = [synthesis_payload(latest, title) for title, latest in seen.items()]
    if not views:
        return None
    if studio.original is not None:
        views.insert(0, {**picture_payload(studio.original), "caption": "Original"})
    found = studio.pair if studio.chosen == PAIR else None
    return {
        "id": f"drawn {studio.count} {studio.chosen} {len(views)} {bool(found)}",
        "grown": sum(latest.rows_drawn + latest.complete for latest in seen.values()),
        "views": views,
        "map": _difference(*found) if found else None,
    }


def tiles(studio: Studio, ready: bool = True) -> str:
    """Return the drawings to choose from, and a pair's difference with its numbers."""
    found = [
        Tile(
            str(index),
            each.title,
            each.latest.pixels if each.latest and each.complete else None,
            studio.chosen == index,
        )
        for index, each in enumerate(studio.drawings)
    ]
    pair, note = studio.pair, ""
    if pair:
        apart = difference(*pair)
        found.append(Tile(PAIR, "Difference", difference_picture(apart), studio.chosen == PAIR))
        note = f"{apart.text} Blue: darker after the change; red: brighter."
    return tiles_html(found, note, ready) if len(found) > 1 else ""


def reading(page: SynthesizeLayout, studio: Studio, running: bool = True) -> Changes:
    """Show the reports that are read back, and where they agree with the wanted one."""
    cards = {page.cards[name]: _card(page, name, update, running) for name, update in studio.reads.items()}
    return {**buttons(page, studio, running), **cards, page.agreed: agreed(page, studio)}


def no_reads(page: SynthesizeLayout) -> Changes:
    """Take the reports that were read back away."""
    cards = {card: card_value("", Phase.IDLE) for card in page.cards.values()}
    return {**cards, page.agreed: ""}


def agreed(page: SynthesizeLayout, studio: Studio) -> str:
    """Return how the reports that were read back stand to the wanted one."""
    if studio.shown is None or not studio.reads:
        return ""
    reports = {page.titles[name]: studio.reports.get(name) for name in studio.reads}
    found = [one.prediction.findings for one in studio.reads.values() if one and one.prediction]
    return readback_html(studio.shown.order.report, reports, next(filter(None, found), ()), _keywords(studio))


def _keywords(studio: Studio) -> list[str]:
    """The keywords that AdaMatch chose for the picture that was read back."""
    read = [one.prediction.evidence for one in studio.reads.values() if one and one.prediction]
    kept = [evidence.patches.keywords for evidence in read if evidence and evidence.patches]
    return [keyword.text for keyword in next(iter(kept), ())]


def save(studio: Studio, kind: str) -> dict[str, Any] | str:
    """Return a file of what is shown, or the sentence that says why there is none."""
    done = {each.title: each.latest for each in studio.drawings if each.latest and each.complete}
    if kind == "difference":
        if not studio.pair:
            return "There is no pair yet: open Change one finding and press Draw both."
        before, after = studio.pair
        data = difference_png(difference(before, after), before, after)
        return file_of("radui-synthetic-difference.png", "image/png", data)
    shown = studio.shown
    if not done or shown is None or shown.latest is None or not shown.complete:
        return "There is no complete picture to save yet; press Draw first."
    if kind == "recipe":
        data = recipe_json(done).encode()
        return file_of("radui-synthetic-recipe.json", "application/json", data)
    return file_of(f"radui-synthetic-seed-{shown.order.seed}.png", "image/png", synthesis_png(shown.latest))


def _both(studio: Studio) -> bool:
    return studio.paired and (studio.chosen == PAIR or studio.pair is None)


def _difference(before: Synthesis, after: Synthesis) -> dict[str, Any]:
    found = difference(before, after)
    return {"title": "pair", "label": "Difference", "evidence": [difference_map(found)]}


def _card(page: SynthesizeLayout, name: str, update: Update | None, running: bool) -> dict[str, Any]:
    title, phase = page.titles[name], None
    if not running and not (update and update.finished):
        phase = Phase.STOPPED
    if update is None:
        return card_value(title, phase or Phase.WAITING)
    return update_value(title, update, phase)


def _progress(studio: Studio, seconds: float) -> str:
    sides = [each.latest.pixels.shape[0] for each in studio.drawings if each.latest]
    total = sides[0] * len(studio.drawings)
    done = sum(each.latest.rows_drawn for each in studio.drawings if each.latest)
    number = sum(each.complete for each in studio.drawings) + 1
    which = f"picture {min(number, len(studio.drawings))} of {len(studio.drawings)}, "
    row, rows = _row(studio)
    text = f"Drawing {which if len(studio.drawings) > 1 else ''}row {row} of {rows}, {seconds:.1f} s"
    return progress_html(text, done, total)


def _row(studio: Studio) -> tuple[int, int]:
    """Which row of codes was drawn last, of how many."""
    latest = studio.shown.latest if studio.shown else None
    if latest is None or not latest.rows_drawn:
        return 0, 0
    rows = isqrt(len(latest.codes) * latest.pixels.shape[0] // latest.rows_drawn)
    return len(latest.codes) // rows, rows

"""The tabs of the reading room, and the page that is nothing else: what blinded readers open."""

from typing import Any

import gradio as gr

from radui.engine import Engine
from radui.store.connection import Store
from radui.store.errors import StoreError
from radui.ui import asset_files
from radui.ui.blocks import Page
from radui.ui.intake import sweep
from radui.ui.questions import RESEARCH_NOTICE
from radui.ui.rate import RatingTab
from radui.ui.rate_identity import Identify
from radui.ui.rate_studies import StudiesTab
from radui.ui.results import ResultsTab
from radui.ui.sessions import Sessions


def add_tabs(
    store: Store, identify: Identify, engine: Engine, sessions: Sessions | None = None, visible: bool = True
) -> list[gr.Tab]:
    """Add Rating, Results and Studies inside the surrounding `gr.Tabs`; return the last two.

    visible: whether those two show from the start. What they hold is fetched for admins alone either way.
    """
    titles = {status.name: status.title for status in engine.systems()}
    with gr.Tab("Rating", elem_classes="rd-tab", id="rating"):
        RatingTab(store, identify, titles, sessions)
    with gr.Tab("Results", elem_classes="rd-tab", id="results", visible=visible) as results_tab:
        results = ResultsTab(store, identify, titles)
    with gr.Tab("Studies", elem_classes="rd-tab", id="studies", visible=visible) as studies_tab:
        studies = StudiesTab(store, identify, engine)
    results.open(results_tab)
    studies.open(studies_tab)
    return [results_tab, studies_tab]


def build_room(engine: Engine, store: Store, identify: Identify, delete_cache: tuple[int, int]) -> gr.Blocks:
    """Return the page of a reading room with logins. It names no system: a blinded reader's browser gets
    nothing that the tabs of a single user would bring."""
    with Page(title="radui", fill_width=True, analytics_enabled=False, delete_cache=delete_cache) as page:
        gr.HTML(asset_files.read("header.html").replace("@notice", RESEARCH_NOTICE), apply_default_css=False)
        with gr.Tabs(elem_id="tabs"):
            admin_tabs = add_tabs(store, identify, engine, visible=False)

        def greet(request: gr.Request) -> dict[Any, Any]:
            try:
                is_admin = identify(request).role == "admin"
            except StoreError:
                is_admin = False
            return {tab: gr.update(visible=is_admin) for tab in admin_tabs}

        page.load(greet, None, admin_tabs, show_progress="hidden", api_visibility="private")

        def forget(request: gr.Request) -> None:
            # Gradio keeps the last value of every component of a closed tab, pictures among them.
            page.state_holder.session_data.pop(request.session_hash, None)
            sweep()

        page.unload(forget)
    return page

"""The whole page: header, one tab after another, and the settings it is launched with."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from radui.engine import Engine
from radui.processing.limits import MAX_BYTES
from radui.scores import Corpus
from radui.store.connection import Store
from radui.ui import asset_files
from radui.ui.api import ScriptApi
from radui.ui.api_synthesis import SynthesisApi
from radui.ui.blocks import Page
from radui.ui.compare import CompareTab
from radui.ui.explain import ExplainTab
from radui.ui.guard import Guard
from radui.ui.hosts import is_loopback
from radui.ui.intake import sweep
from radui.ui.model_cards import build_cards, read_cards
from radui.ui.questions import RESEARCH_NOTICE
from radui.ui.rate_identity import by_machine
from radui.ui.rate_room import add_tabs
from radui.ui.sessions import MAX_SESSIONS, Sessions, session_key
from radui.ui.streams import USERS
from radui.ui.synthesize import SynthesizeTab
from radui.ui.theme import build_theme

# Seconds: how often uploads that a handler did not delete are looked for, and their age when they go.
DELETE_UPLOADS = (600, 3600)


def build_page(engine: Engine, store: Store | None = None, corpus: Corpus | None = None) -> gr.Blocks:
    """Return the page; nothing of a user is kept outside `Sessions`, ratings in the store apart.

    store: of a single user's ratings; without one the tabs that need it are left out. corpus: what CIDEr
    weighs words by; without one it is not shown.
    """
    sessions, cards = Sessions(engine.forget), read_cards(engine)
    with Page(title="radui", fill_width=True, analytics_enabled=False, delete_cache=DELETE_UPLOADS) as page:
        gr.HTML(asset_files.read("header.html").replace("@notice", RESEARCH_NOTICE), apply_default_css=False)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Compare", elem_classes="rd-tab"):
                compare = CompareTab(engine, sessions, cards, corpus, rated=store is not None)
            with gr.Tab("Explain", elem_classes="rd-tab") as explain_tab:
                explain = ExplainTab(engine, sessions)
            with gr.Tab("Synthesize", elem_classes="rd-tab") as synthesize_tab:
                synthesize = SynthesizeTab(engine, sessions)
            if store is not None:
                add_tabs(store, by_machine(store), engine, sessions)
        # After the tabs: these stand in the header's line, right under it.
        _build_notice()
        build_cards(cards)
        explain.open(explain_tab)
        synthesize.open(synthesize_tab)
        ScriptApi(engine, corpus).connect()
        SynthesisApi(engine).connect()
        page.load(
            compare.refresh, None, compare.page.of_systems, show_progress="hidden", api_visibility="private"
        )
        page.unload(_forgetting(page, sessions))
    return page


def _forgetting(page: Any, sessions: Sessions) -> Callable[[gr.Request], None]:
    """What is done when a browser tab closes."""

    def forget(request: gr.Request) -> None:
        sessions.drop(session_key(request))
        # Gradio keeps the last value of every component of a closed tab, pictures among them.
        page.state_holder.session_data.pop(request.session_hash, None)
        sweep()

    return forget


def _build_notice() -> None:
    """What has to be accepted once a browser tab before anything else can be reached."""
    gr.HTML(
        asset_files.read("notice.html").replace("@notice", RESEARCH_NOTICE),
        js_on_load="radui.mountNotice(element)",
        apply_default_css=False,
    )


def launch_settings(guard: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what `gr.Blocks.launch` needs for the looks of the page and for keeping pictures private.

    guard: options of `Guard`; without any the page is reached as this machine itself only.
    """
    options = {"hosts": is_loopback} if guard is None else guard
    return {
        "app_kwargs": {"middleware": [Middleware(Guard, **options)]},
        "theme": build_theme(),
        "head": asset_files.head(),
        "favicon_path": str(Path(asset_files.FOLDER, "icon.svg")),
        "footer_links": [],
        "run_history": False,
        "share": False,
        "max_file_size": MAX_BYTES,
        "state_session_capacity": MAX_SESSIONS,
        "max_threads": 2 * USERS + 16,
        "show_error": True,
        "ssr_mode": False,
        "enable_monitoring": False,
    }

"""The page in a real browser on the shipped checkpoints."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

CHECKPOINTS = Path(__file__).parents[3] / "checkpoints"
NEEDED = ("xpronet", "observation_classifier", "gate")
MISSING = [name for name in NEEDED if not (CHECKPOINTS / name / "model.safetensors").exists()]


@pytest.mark.skipif(bool(MISSING), reason=f"no checkpoint of {', '.join(MISSING)}")
def test_xpronet_reports_an_example_and_a_word_shows_its_map(serve_page, visit):
    from radui.engine import Engine

    with serve_page(Engine(CHECKPOINTS)) as server:
        page = visit(server.url)
        page.load_example()
        plain = page.pixels()
        page.tab.click("#run")
        # A drawn film may not pass the gate; then the page has to ask.
        page.tab.wait_for_selector("#question, #card-xpronet [data-phase=done]")
        if page.tab.is_visible("#question"):
            page.tab.click("#accept")
        page.wait_for_phase("xpronet", "done")
        assert len(page.report("xpronet").split()) > 3
        page.tab.click("#card-xpronet .rd-word[role] >> nth=1")
        page.settle()
        assert page.pixels() != plain
        numbers = page.tab.locator("#card-xpronet .rd-number").all_inner_texts()
        assert all(0 <= float(number) <= 1 for number in numbers)

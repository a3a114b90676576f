"""The page in a real browser on the shipped checkpoints."""

import json
from pathlib import Path

import numpy as np
import pytest

from radui.observations import State
from radui.processing.labeler import label

CHECKPOINTS = Path(__file__).parents[3] / "checkpoints"
NEEDED = (
    "xpronet",
    "medrat",
    "otdrg",
    "adamatch",
    "adamatch_cyclic",
    "observation_classifier",
    "gate",
)
SYSTEMS = ("xpronet", "medrat", "otdrg", "adamatch_cyclic")
MISSING = [name for name in NEEDED if not (CHECKPOINTS / name / "model.safetensors").exists()]


pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(MISSING), reason=f"no checkpoint of {', '.join(MISSING)}"),
]


@pytest.fixture(scope="module")
def server(serve_page):
    from radui.engine import Engine

    with serve_page(Engine(CHECKPOINTS)) as running:
        yield running


@pytest.fixture
def study(dicom_writer, tmp_path):
    """A drawn patient with an effusion as two DICOM files."""
    from train.data.synthetic import draw_study

    drawn = draw_study(3, ("Pleural Effusion",))
    paths = tmp_path / "IM0001", tmp_path / "IM0002"
    for path, film, view in zip(paths, (drawn.frontal, drawn.lateral), ("PA", "LL"), strict=True):
        dicom_writer(path, film.astype(np.uint16) * 16, view)
    return paths


def report(page):
    """Have all systems report on the study that is loaded, whatever the gate asks."""
    page.tab.click("#run")
    page.tab.wait_for_selector("#question, #card-xpronet [data-phase=done]")
    if page.tab.is_visible("#question"):
        page.tab.click("#accept")
    for system in SYSTEMS:
        page.wait_for_phase(system, "done")


def changed(page, before, viewer="compare"):
    """The pixels of a viewer once they are others than `before`."""
    page.settle()
    now = page.tab.evaluate(f"document.querySelector('#viewer-{viewer} canvas').toDataURL()")
    assert now != before
    return now


def explain(page, system):
    page.tab.click("button[role=tab] >> text=Explain")
    page.tab.check(f'#explain-system input[value="{system}"]')
    page.tab.wait_for_selector("#card-explain [data-phase=done]")
    page.settle()


def test_from_a_dicom_study_to_four_reports_their_maps_and_a_file(server, visit, study):
    page = visit(server.url)
    page.load(*study)
    plain = page.pixels()
    report(page)
    assert all(len(page.report(system).split()) > 3 for system in SYSTEMS)
    # The classifier sees it, and XProNet follows its labels; a report that denies it would not do.
    assert label(page.report("xpronet"))["Pleural Effusion"] == State.POSITIVE
    page.tab.click("#card-medrat .rd-word[role] >> nth=1")
    mapped = changed(page, plain)
    page.tab.fill('#viewer-compare [data-setting="opacity"]', "0.9")
    changed(page, mapped)
    with page.tab.expect_download() as waiting:
        page.tab.click("button >> text=JSON")
    saved = Path(waiting.value.path()).read_text()
    assert {"XProNet", "MedRAT", "OTDRG", "AdaMatch-Cyclic"} <= set(json.dumps(json.loads(saved)).split('"'))
    assert "Secret" not in saved

    explain(page, "otdrg")
    slider = page.tab.locator(".rd-transport input[type=range]").first
    slider.evaluate("input => { input.value = 1; input.dispatchEvent(new Event('input', {bubbles: true})); }")
    slider.dispatch_event("pointerup")
    page.tab.wait_for_selector(".rd-figures div:has(dt:text-is('ε')) dd:text-is('10') >> nth=0")

    explain(page, "adamatch_cyclic")
    before = page.tab.evaluate("document.querySelector('#viewer-explain canvas').toDataURL()")
    page.tab.click("#card-explain .rd-word[role] >> nth=1")
    changed(page, before, "explain")
    assert page.tab.evaluate("() => radui.viewers.get('explain').panes[0].overlay.boxes.length") > 9


def test_a_report_is_drawn_by_the_model_that_ships_and_read_back(server, visit):
    page = visit(server.url)
    page.tab.click("button[role=tab] >> text=Synthesize")
    page.tab.wait_for_selector("#draw:enabled")
    page.tab.click("#report-examples button >> text=Effusion")
    page.tab.wait_for_function("document.querySelector('#wanted textarea').value.includes('effusion')")
    page.tab.click("#draw")
    page.tab.wait_for_selector("#drawn >> text=Drawn in")
    assert page.tab.locator("#keypatches li").count() > 0
    page.tab.click("#read-back")
    page.tab.wait_for_selector("#card-read-medrat [data-phase=done]")

"""The Synthesize tab in a real browser, on tiny checkpoints of random weights: all of it but the quality."""

import shutil

import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from radui.models.adamatch import AdaMatch, AdaMatchConfig
from radui.models.adamatch_cyclic import AdaMatchCyclic, AdaMatchCyclicConfig
from radui.models.codebooks import CodebookConfig, Codebooks, Keypatches, Keyword
from radui.models.registry import save
from radui.models.vqgan import VQGANConfig
from radui.nn.decoding import BeamConfig
from radui.nn.language_model import LanguageModelConfig
from radui.nn.pvt import StageConfig
from radui.nn.quantizer import QuantizerConfig
from radui.nn.text_encoder import TextConfig
from radui.processing.instructions import instruction_texts
from radui.processing.tokenizer import ReportTokenizer
from radui.processing.tokens import WordTokens
from radui.records import Preprocessing
from radui.ui.example_reports import EXAMPLE_REPORTS

pytestmark = pytest.mark.browser

REPORT = EXAMPLE_REPORTS["Effusion"]
CODES = 64


def save_adamatch(folder, vocabulary):
    """AdaMatch with a codebook of eight keypatches of four codes each."""
    torch.manual_seed(4)
    stages = (StageConfig(8, 16, heads=2), StageConfig(4, 16, heads=2), StageConfig(2, 24, heads=2))
    text = TextConfig("words", len(vocabulary), 16, 1, 2, 32, 64)
    usual = {"backbone": None, "preprocessing": Preprocessing(size=32), "match_stage": 2, "width": 16}
    save(folder, "adamatch", AdaMatch(AdaMatchConfig(stages=stages, text=text, **usual)).eval(), {})
    WordTokens(vocabulary, 40).save(folder)
    corner = torch.rand(8, 2) * 0.6
    patches = Keypatches(
        F.normalize(torch.randn(8, 16), dim=1),
        torch.randint(CODES, (8, 4)),
        torch.cat([corner, corner + 0.3], 1),
        ("heart", "effusion") * 4,
    )
    keywords = (Keyword("effusion", "disease disorder", 9), Keyword("heart", "biological structure", 5))
    Codebooks(CodebookConfig(limit=5), keywords, patches).save(folder)


def save_cyclic(folder):
    """A language model that draws 8 x 8 codes, and writes several different words."""
    texts = [*EXAMPLE_REPORTS.values(), *instruction_texts()]
    tokenizer = ReportTokenizer.build([text.lower() for text in texts] + instruction_texts(), 400)
    torch.manual_seed(21)
    vqgan = VQGANConfig(
        channels=16,
        multipliers=(1, 1),
        quantizer=QuantizerConfig(codes=CODES, width=4),
        preprocessing=Preprocessing(64, "squash", 64, 0.0, 1.0),
    )
    model = AdaMatchCyclic(
        AdaMatchCyclicConfig(
            vqgan=vqgan,
            language_model=LanguageModelConfig("", "", 0, "float32", len(tokenizer), 32, 2, 2, 1, 48),
            decoding=BeamConfig(3, 12),
        )
    )
    with torch.no_grad():
        for weight in (model.code_embedding.weight, model.place_embedding.weight, model.code_output.weight):
            weight.normal_()
        model.language_model.base.lm_head.weight *= 20
    save(folder, "adamatch_cyclic", model, {"training": {"hints": True}}, half=False)
    tokenizer.save(folder / "tokenizer.json")


@pytest.fixture(scope="module")
def server(trained, vocabulary, tmp_path_factory, serve_page):
    from radui.engine import Engine

    root = tmp_path_factory.mktemp("checkpoints") / "all"
    shutil.copytree(trained, root)
    save_adamatch(root / "adamatch", vocabulary)
    save_cyclic(root / "adamatch_cyclic")
    with serve_page(Engine(root)) as running:
        yield running


def open_tab(page):
    page.tab.click("button[role=tab] >> text=Synthesize")
    page.tab.wait_for_selector("#draw:enabled")
    page.tab.wait_for_selector("#viewer-synthesis .rd-nothing:visible")


def watch_rows(page):
    """Note each state of the line that says how far the drawing is."""
    page.tab.evaluate(
        """() => {
            window.rows = [];
            const note = () => window.rows.push(document.querySelector("#drawn").innerText.trim());
            new MutationObserver(note).observe(document.querySelector("#drawn"), {
                childList: true, subtree: true, characterData: true });
        }"""
    )


def drawn_rows(page):
    texts = page.tab.evaluate("window.rows")
    found = [int(text.split("row ")[1].split()[0]) for text in texts if "row " in text]
    return [row for number, row in enumerate(found) if number == 0 or found[number - 1] != row]


def wait_drawn(page):
    page.tab.wait_for_selector("#drawn >> text=Drawn in")
    page.settle()


def pixels(page, pane=0, viewer="synthesis"):
    canvas = f"document.querySelectorAll('#viewer-{viewer} .rd-pane canvas')[{pane}]"
    return page.tab.evaluate(f"{canvas}.toDataURL()")


def saved(page, button):
    with page.tab.expect_download() as waiting:
        page.tab.click(button)
    return waiting.value.suggested_filename, Image.open(waiting.value.path())


def test_a_report_is_drawn_row_by_row_saved_and_read_back(server, visit):
    page = visit(server.url)
    open_tab(page)
    page.tab.click("#report-examples button >> text=Effusion")
    page.tab.wait_for_function("document.querySelector('#wanted textarea').value.includes('effusion')")
    watch_rows(page)
    place = "document.querySelector('#synthesis-saves').getBoundingClientRect().top"
    before = page.tab.evaluate(place)
    page.tab.click("#draw")
    page.tab.wait_for_selector("#drawn >> text=row")
    during = page.tab.evaluate(place)
    wait_drawn(page)
    assert before == during == page.tab.evaluate(place)
    rows = drawn_rows(page)
    assert rows == sorted(rows)
    assert len(rows) >= 3
    assert page.tab.is_visible("#viewer-synthesis .rd-synthetic >> nth=0")
    assert page.tab.locator("#keypatches li img").count() > 0
    assert page.tab.locator("#keypatches mark").first.inner_text().split("\n")[0][:5] in REPORT

    for button in ('#synthesis-saves [data-key="picture"]', '#viewer-synthesis [data-action="save"]'):
        name, image = saved(page, button)
        assert "synthetic" in name
        assert "SYNTHETIC" in image.text["Title"]
        image.load()

    page.tab.click("#read-back")
    for system in ("xpronet", "adamatch_cyclic"):
        page.tab.wait_for_selector(f"#card-read-{system} [data-phase=done]")
    assert "of 4" in page.tab.inner_text("#agreed .rd-agreed")
    assert page.tab.inner_text("#agreed .rd-matrix thead").split()[1] == "Wanted"
    plain = pixels(page)
    page.tab.click("#card-read-adamatch_cyclic .rd-word[role] >> nth=0")
    page.settle()
    assert pixels(page) != plain


def go_to(page, selector, text="", longest=60):
    """Press Tab until the focus is there, on an element with this text."""
    there = """([what, text]) => {
        const at = document.activeElement;
        return at.matches(what) && at.innerText.includes(text);
    }"""
    for _ in range(longest):
        if page.tab.evaluate(there, [selector, text]):
            return
        page.tab.keyboard.press("Tab")
    raise AssertionError(f"Tab does not come to {selector}")


def test_from_the_report_to_what_is_read_back_without_a_mouse(server, visit):
    page = visit(server.url, accept=False)
    page.tab.wait_for_function("document.activeElement.matches('#rd-accept button')")
    page.tab.keyboard.press("Enter")
    page.tab.wait_for_selector("#rd-accept", state="hidden")
    go_to(page, "#tabs button[role=tab]", "Synthesize")
    page.tab.keyboard.press("Enter")
    page.tab.wait_for_selector("#draw:enabled")
    go_to(page, "#wanted textarea")
    page.tab.keyboard.type(REPORT)
    page.tab.keyboard.press("Control+Enter")
    wait_drawn(page)
    assert page.tab.input_value("#wanted textarea") == REPORT
    go_to(page, "#draw")
    watch_rows(page)
    page.tab.keyboard.press("Enter")
    page.tab.wait_for_function("window.rows.some(text => text.includes('Drawn in'))")
    go_to(page, "#readers input")
    page.tab.wait_for_selector("#read-back:enabled")
    go_to(page, "#read-back")
    page.tab.keyboard.press("Enter")
    for system in ("xpronet", "adamatch_cyclic"):
        page.tab.wait_for_selector(f"#card-read-{system} [data-phase=done]")
    assert "Keywords that AdaMatch sees in the picture" in page.tab.inner_text("#agreed")


def test_one_finding_is_changed_and_the_difference_has_a_range(server, visit):
    page = visit(server.url)
    open_tab(page)
    page.tab.fill("#wanted textarea", "The heart is normal in size. No pneumothorax.")
    page.tab.click("#change button")
    page.tab.wait_for_function(
        "document.querySelector('#changed textarea')?.value.includes('There is a pleural effusion')"
    )
    page.tab.click("#draw-pair")
    page.tab.wait_for_selector('#tiles [data-key="pair"]')
    page.tab.wait_for_selector("#viewer-synthesis .rd-viewer[data-map=true]")
    assert page.tab.locator("#viewer-synthesis .rd-caption:visible").all_inner_texts() == ["Before", "After"]
    assert "grey levels 0 to" in page.tab.inner_text("#viewer-synthesis .rd-subject-text")
    assert "codes differ" in page.tab.inner_text("#tiles")
    assert "SYNTHETIC" in saved(page, '#synthesis-saves [data-key="difference"]')[1].text["Title"]
    page.tab.click('#tiles [data-key="0"]')
    page.tab.wait_for_selector("#viewer-synthesis .rd-viewer[data-map=false]")
    assert page.tab.locator("#viewer-synthesis .rd-caption:visible").all_inner_texts() == ["Before"]


def test_a_report_that_cannot_be_drawn_says_why(server, visit):
    page = visit(server.url)
    open_tab(page)
    for report, sentence in (
        ("", "is empty"),
        ("heart " * 99, "too long"),
        ("Zyxqu wvutz.", "knows no word"),
    ):
        page.tab.fill("#wanted textarea", report)
        page.tab.click("#draw")
        page.tab.wait_for_selector(f"#synthesis-notice >> text={sentence}")
        page.tab.wait_for_selector("#draw:enabled")


def test_adamatch_cyclic_reports_with_boxes_that_moved(server, visit):
    """The Compare tab's card has clickable words, and the Explain tab shows the patches as boxes."""
    page = visit(server.url)
    page.load_example()
    page.tab.click("#run")
    page.tab.wait_for_selector("#question:visible, #card-adamatch_cyclic [data-phase=done]")
    if page.tab.is_visible("#question"):
        page.tab.click("#accept")
    page.wait_for_phase("adamatch_cyclic", "done")
    plain = page.pixels()
    page.tab.click("#card-adamatch_cyclic .rd-word[role] >> nth=0")
    page.settle()
    assert page.pixels() != plain
    assert "cosine" in page.tab.inner_text("#viewer-compare .rd-subject-text")
    page.tab.wait_for_selector("#run:enabled")
    page.tab.click("button[role=tab] >> text=Explain")
    page.tab.click("#explain-system label >> text=AdaMatch-Cyclic")
    page.tab.wait_for_selector("#explain-has >> text=32 boxes")
    plain = pixels(page, viewer="explain")
    page.tab.click("#card-explain .rd-word[role] >> nth=0")
    page.settle()
    assert pixels(page, viewer="explain") != plain

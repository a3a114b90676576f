"""What the page owes its users: the notice, the model cards, and a link to its settings."""

from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.browser

CARD = """# XProNet, tiny

<img src=x onerror="document.title = 'broken in'"> scores:

| | F1 |
|---|---|
| effusion | .30 |

Fails on [small](https://example.org/paper) effusions, see [code](train/x.py) and [trap](javascript:alert(1)).
![picture](https://example.org/picture.png)
"""

# All that is written into a saved picture.
PAINTED = """() => {
    const texts = [];
    const context = CanvasRenderingContext2D.prototype;
    const own = context.fillText;
    context.fillText = function (text, ...rest) { texts.push(text); own.call(this, text, ...rest); };
    radui.picture(radui.viewers.get("compare"));
    context.fillText = own;
    return texts.join("|");
}"""


@pytest.fixture(scope="module")
def server(fake_engine, serve_page, tmp_path_factory):
    engine = fake_engine.FakeEngine(failing=())
    engine.checkpoints = tmp_path_factory.mktemp("checkpoints")
    (engine.checkpoints / "xpronet").mkdir()
    (engine.checkpoints / "xpronet" / "README.md").write_text(CARD)
    with serve_page(engine) as running:
        yield running


def test_the_notice_comes_before_all_else_and_once_a_tab(server, visit):
    page = visit(server.url, accept=False)
    page.tab.wait_for_selector("#rd-accept[open]")
    assert "not for diagnosis" in page.tab.inner_text("#rd-accept")
    # Nothing behind it can be reached, by the pointer or by the keyboard, and Escape is no way round.
    box = page.tab.locator("#run").bounding_box()
    reached = page.tab.evaluate(
        "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('#run'))", [box["x"] + 5, box["y"] + 5]
    )
    assert not reached
    for _ in range(3):
        page.tab.keyboard.press("Escape")
    # Chromium closes a dialog at repeated Escapes whatever the page says; its close event opens it again.
    page.tab.wait_for_selector("#rd-accept[open]")
    assert page.tab.evaluate("document.activeElement.textContent") == "I understand"
    page.tab.keyboard.press("Enter")
    page.tab.wait_for_selector("#rd-accept", state="hidden")
    page.load_example()
    page.tab.click("#run")
    page.wait_for_phase("xpronet", "done")
    page.tab.wait_for_selector("#run:enabled")
    page.tab.reload()
    page.tab.wait_for_selector("#run")
    page.settle()
    page.errors.clear()  # of Gradio's streams, which loading the page again cuts off
    assert not page.tab.is_visible("#rd-accept")
    # Another browser tab has to accept it again.
    other = visit(server.url, accept=False)
    other.tab.wait_for_selector("#rd-accept[open]")


def test_a_model_card_is_one_click_away_and_its_html_is_text(server, visit):
    page = visit(server.url)
    page.tab.click("#card-xpronet [data-model-card]")
    card = page.tab.locator("#rd-model-card article:visible")
    assert "<img src=x" in card.inner_text()
    assert page.tab.title() == "radui"
    assert card.locator("td").all_inner_texts() == ["effusion", ".30"]
    assert card.locator("img").count() == 0
    links = [link.get_attribute("href") for link in card.locator("a").all()]
    assert links == ["https://example.org/paper", "https://example.org/picture.png"]  # nothing is fetched
    page.tab.keyboard.press("Escape")
    assert not page.tab.is_visible("#rd-model-card")
    page.tab.click("#card-medrat [data-model-card]")
    assert "without a model card" in page.tab.inner_text("#rd-model-card")
    page.tab.click("#rd-model-card >> text=Close")
    page.tab.click(".rd-card-buttons >> text=XProNet")
    assert "scores" in page.tab.inner_text("#rd-model-card article:visible")


def choose_settings(page):
    """Depart from every setting that a link restores."""
    tab = page.tab
    tab.uncheck('#systems input[name="otdrg"]')
    for name, value in (("opacity", "0.8"), ("threshold", "0.4")):
        tab.fill(f'#viewer-compare [data-setting="{name}"]', value)
    tab.select_option('#viewer-compare [data-setting="layer"]', "1")
    tab.select_option('#viewer-compare [data-setting="head"]', "7")
    tab.select_option('#viewer-compare [data-setting="scale"]', "report")
    tab.select_option('#viewer-compare [data-setting="colours"]', "inferno")
    tab.click('#viewer-compare [data-toggle="smooth"]')
    tab.select_option("#viewer-compare [data-preset]", "2")
    tab.click("#observations button")
    tab.check('#labels input[name="Edema"]')
    tab.uncheck('#labels input[name="Cardiomegaly"]')
    tab.fill("textarea >> nth=0", "Mrs Secret coughs.")


def test_a_link_restores_the_settings_and_nothing_of_the_patient(server, visit):
    page = visit(server.url)
    page.load_example()
    page.tab.click("#run")
    page.wait_for_phase("xpronet", "done")
    page.tab.click("#card-xpronet .rd-word >> nth=5")
    page.tab.wait_for_selector("#run:enabled")
    choose_settings(page)
    page.tab.click("#card-xpronet .rd-word >> nth=5")
    page.settle()
    look = page.pixels()
    page.tab.click("#rd-share")
    page.tab.wait_for_selector("#rd-share [role=status]:not(:empty)")
    link = page.tab.url
    settings = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    assert settings == {
        "tab": "compare",
        "systems": "xpronet,medrat",
        "labels": "Edema,Pleural Effusion",
        "window": "150,85",
        "opacity": "0.8",
        "threshold": "0.4",
        "layer": "0",  # counted from 0 here, from 1 in the list
        "head": "6",
        "scale": "report",
        "colours": "inferno",
        "source": "word_maps",
        "smooth": "0",
        "lines": "0",
    }

    other = visit(link)
    assert other.study() == ""
    assert not other.tab.is_checked('#systems input[name="otdrg"]')
    assert other.tab.input_value("textarea >> nth=0") == ""
    other.load_example()
    other.tab.wait_for_selector('#labels input[name="Edema"]:checked')
    assert "the link" in other.tab.inner_text("#labels")
    ticked = other.tab.locator("#labels input:checked").all()
    assert [box.get_attribute("name") for box in ticked] == ["Edema", "Pleural Effusion"]
    other.tab.click("#run")
    other.wait_for_phase("xpronet", "done")
    other.tab.click("#card-xpronet .rd-word >> nth=5")
    other.settle()
    assert other.pixels() == look


def test_a_link_to_another_tab_and_nonsense_in_it(server, visit):
    query = "?tab=explain&systems=r2gen&labels=Gout&opacity=7&layer=-1&colours=<b>&scale=word%22&window=0,9"
    page = visit(server.url + query)
    page.tab.wait_for_selector("button[role=tab][aria-selected=true] >> text=Explain")
    page.tab.click("button[role=tab] >> text=Compare")
    assert page.tab.locator("#systems input:checked").count() == 3
    assert page.tab.input_value('#viewer-compare [data-setting="opacity"]') == "0.55"
    page.load_example()
    page.tab.click("#observations button")  # closed until it is asked for
    page.tab.wait_for_selector('#labels input[name="Edema"]')
    assert page.tab.locator("#labels input:checked").count() == 2
    assert "W 255" in page.tab.inner_text(".rd-state-line >> nth=0")


def test_the_saved_picture_carries_the_gates_warning(server, visit, pictures):
    page = visit(server.url)
    page.load(pictures["page.png"])
    page.tab.wait_for_selector("#question", state="visible")
    assert "WARNING: Picture 1 does not look like a chest radiograph." in page.tab.evaluate(PAINTED)
    page.load(pictures["film.png"])
    page.tab.wait_for_function("document.querySelectorAll('.rd-caption')[0].textContent.includes('0.97')")
    assert "WARNING" not in page.tab.evaluate(PAINTED)

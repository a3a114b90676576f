"""Explain in a real browser: the epsilon slider and the prototypes on tiny checkpoints, adaptive patches."""

import shutil

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tiny(trained, otdrg, tokenizer, tmp_path_factory):
    """The tiny checkpoints with OTDRG's beside them."""
    from radui.models import registry

    root = tmp_path_factory.mktemp("explained") / "checkpoints"
    shutil.copytree(trained, root)
    registry.save(root / "otdrg", "otdrg", otdrg, {}, half=False)
    tokenizer.save(root / "otdrg" / "tokenizer.json")
    return root


def report_and_explain(page, system):
    """Run all systems on an example and open one of them in Explain."""
    page.load_example()
    page.tab.click("#run")
    page.wait_for_phase(system, "done")
    page.tab.wait_for_selector("#run:enabled")
    page.tab.click("button[role=tab] >> text=Explain")
    page.tab.wait_for_selector(f'#explain-system input[value="{system}"]')
    page.tab.check(f'#explain-system input[value="{system}"]')
    page.wait_for_phase("explain", "done")


def explained_pixels(page):
    page.settle()
    return page.tab.evaluate("document.querySelector('#viewer-explain canvas').toDataURL()")


def figure(page, name):
    return page.tab.inner_text(f".rd-figures div:has(dt:text-is('{name}')) dd >> nth=0")


def set_epsilon(page, exponent):
    """Move the slider as a hand does, to its release."""
    slider = page.tab.locator(".rd-transport input[type=range]").first
    slider.evaluate(
        "(input, value) => { input.value = value;"
        " input.dispatchEvent(new Event('input', { bubbles: true })); }",
        str(exponent),
    )
    slider.dispatch_event("pointerup")
    wanted = f"{10**exponent:.3g}"
    page.tab.wait_for_selector(f".rd-figures div:has(dt:text-is('ε')) dd:text-is('{wanted}') >> nth=0")


def test_another_epsilon_solves_the_plan_again_while_one_looks(tiny, serve_page, visit):
    from radui.engine import Engine

    with serve_page(Engine(tiny)) as server:
        page = visit(server.url)
        report_and_explain(page, "otdrg")
        page.tab.wait_for_selector(".rd-transport:visible")
        show = "() => document.dispatchEvent(new CustomEvent('radui:show', { detail: SHOWN }))"
        shown = (
            "{ viewer: 'explain', card: [...radui.cards].find((card) => card.props.viewer === 'explain'), "
            "title: 'OTDRG', selection: { label: 'Edema', tokens: [], observations: [4] } }"
        )
        page.tab.evaluate(show.replace("SHOWN", shown))
        assert "share of the mass" in page.tab.inner_text("#viewer-explain .rd-subject-text")
        before, entropy = explained_pixels(page), float(figure(page, "Entropy, nats"))
        set_epsilon(page, 1)
        blurred = float(figure(page, "Entropy, nats"))
        assert "The report was written with" in page.tab.inner_text(".rd-transport")
        assert "Edema" in page.tab.inner_text("#viewer-explain .rd-subject-text")  # the map stays chosen
        after = explained_pixels(page)
        assert after != before
        set_epsilon(page, -2)
        sharp = float(figure(page, "Entropy, nats"))
        assert sharp < blurred
        assert sharp <= entropy <= blurred + 1e-6 or sharp < entropy
        assert explained_pixels(page) != after
        assert "converged" in figure(page, "Iterations")

        page.tab.check('#explain-system input[value="xpronet"]')
        page.tab.wait_for_selector(".rd-transport:visible", state="detached")
        page.tab.wait_for_selector("#card-explain h3:text-is('XProNet')")
        page.tab.click("#card-explain .rd-word[role] >> nth=0")
        rows = page.tab.locator(".rd-stage .rd-scores tbody tr >> nth=0")
        assert rows.locator("td").count() == 3
        name, weight, _ = rows.locator("td").all_inner_texts()
        assert name.rsplit(" ", 1)[1].isdigit()
        assert 0 < float(weight) <= 1
        canvas = page.tab.locator("#viewer-explain canvas").first.bounding_box()
        page.tab.mouse.click(canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2)
        assert "% of their prototypes" in page.tab.inner_text(".rd-proto-note >> nth=0")


def test_adaptive_patches_have_arrows_and_their_words(fake_engine, serve_page, visit):
    with serve_page(fake_engine.FakeEngine(failing=(), untrained=())) as server:
        page = visit(server.url)
        report_and_explain(page, "adamatch_cyclic")
        plain = explained_pixels(page)
        page.tab.click("#card-explain .rd-word[role] >> nth=7")
        assert "cosine" in page.tab.inner_text("#viewer-explain .rd-subject-text")
        boxes = explained_pixels(page)
        assert boxes != plain
        page.tab.fill('#viewer-explain [data-setting="threshold"]', "0.2")
        assert explained_pixels(page) != boxes
        drawn = page.tab.evaluate("() => radui.viewers.get('explain').panes[0].overlay.boxes.length")
        assert drawn == 49
        canvas = page.tab.locator("#viewer-explain canvas").first.bounding_box()
        page.tab.mouse.click(canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2)
        assert page.tab.inner_text("#card-explain .rd-stance").startswith("There most: ")


def test_a_patch_that_was_clicked_stays_outlined_beside_its_words(serve_page, fake_engine, visit):
    with serve_page(fake_engine.FakeEngine(failing=(), untrained=())) as running:
        page = visit(running.url)
        page.load_example()
        page.tab.click("#run")
        page.wait_for_phase("adamatch_cyclic", "done")
        page.tab.click("button[role=tab] >> text=Explain")
        page.tab.click("#explain-system label >> text=AdaMatch-Cyclic")
        page.tab.wait_for_selector("#explain-has >> text=keywords of the pictures: heart, effusion")
        page.tab.click("#card-explain .rd-word[role] >> nth=2")
        canvas = page.tab.locator("#viewer-explain .rd-pane canvas").first
        look = "() => document.querySelector('#viewer-explain .rd-pane canvas').toDataURL()"
        page.tab.mouse.move(1, 1)
        page.settle()
        before = page.tab.evaluate(look)
        size = canvas.bounding_box()
        canvas.click(position={"x": size["width"] / 2, "y": size["height"] * 0.6})
        page.tab.wait_for_selector("#card-explain >> text=There most")
        page.tab.mouse.move(1, 1)
        page.settle()
        assert page.tab.evaluate(look) != before

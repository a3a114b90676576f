"""The Compare tab as its users meet it: a real browser against the running page."""

import re
import time

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(fake_engine, serve_page):
    with serve_page(fake_engine.FakeEngine()) as running:
        yield running


@pytest.fixture
def holding_server(fake_engine, serve_page):
    with serve_page(fake_engine.FakeEngine(hold=True)) as running:
        yield running


def slide(tab, setting, value):
    tab.evaluate(
        """([setting, value]) => {
            const input = document.querySelector(`.rd-viewer [data-setting="${setting}"]`);
            input.value = value;
            input.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        [setting, str(value)],
    )


def wait_until(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def run_reports(page, word=5):
    page.tab.click("#run")
    page.wait_for_phase("xpronet", "done")
    page.tab.click(f"#card-xpronet .rd-word >> nth={word}")
    page.settle()


def test_a_report_grows_and_a_word_shows_its_map(holding_server, visit, pictures):
    page = visit(holding_server.url)
    page.load(pictures["film.png"])
    plain = page.pixels()
    page.tab.click("#run")
    page.wait_for_phase("xpronet", "writing")
    page.tab.wait_for_selector("#card-xpronet .rd-word >> nth=2")
    assert page.report("xpronet") == "The heart is"
    assert page.tab.is_disabled("#run")
    assert page.pixels() == plain
    holding_server.engine.go.set()
    page.wait_for_phase("xpronet", "done")
    assert (
        page.report("xpronet")
        == "The heart is enlarged. A small effusion blunts the left costophrenic angle."
    )
    page.tab.click("#card-xpronet .rd-word >> nth=6")
    page.settle()
    assert page.pixels() != plain
    assert page.tab.inner_text(".rd-subject b") == "effusion"
    assert page.tab.get_attribute("#card-xpronet .rd-word >> nth=6", "aria-pressed") == "true"


def test_two_views_from_png_and_dicom_without_an_extension(server, visit, pictures):
    page = visit(server.url)
    page.load(pictures["film.png"], pictures["IM0001"])
    page.tab.wait_for_function("document.querySelectorAll('.rd-caption')[0].textContent.includes('0.97')")
    assert page.tab.locator(".rd-pane:visible").count() == 2
    assert page.tab.locator(".rd-caption").all_inner_texts() == ["Frontal (0.97)", "Lateral"]
    before = page.pixels(0), page.pixels(1)
    run_reports(page)
    assert page.pixels(0) != before[0]
    assert page.pixels(1) != before[1]


def test_uploads_and_names_leave_no_trace(server, visit, pictures):
    page = visit(server.url)
    page.load(pictures["IM0001"])
    assert not [path for path in server.uploads.rglob("*") if path.is_file() and path.stat().st_size]
    assert not list(server.uploads.rglob("IM0001"))
    assert "Secret" not in page.tab.content()
    assert "IM0001" not in page.tab.content()


def test_the_same_picture_twice_can_be_loaded(server, visit, pictures):
    page = visit(server.url)
    page.load(pictures["film.png"], pictures["film.png"])
    page.load(pictures["film.png"])
    assert page.tab.locator(".rd-pane:visible").count() == 1


def test_overlay_settings_act_in_the_browser_alone(server, visit):
    page = visit(server.url)
    page.load_example()
    run_reports(page)
    page.tab.wait_for_selector("#run:enabled")
    asked = len(page.requests)
    seen = [page.pixels()]
    for act in (
        lambda: slide(page.tab, "opacity", 0.1),
        lambda: slide(page.tab, "threshold", 0.7),
        lambda: page.tab.click('[data-toggle="smooth"]'),
        lambda: page.tab.click('[data-toggle="lines"]'),
        lambda: page.tab.select_option('[data-setting="layer"]', "1"),
        lambda: page.tab.select_option('[data-setting="head"]', "7"),
        lambda: page.tab.select_option('[data-setting="scale"]', "report"),
        lambda: page.tab.select_option('[data-setting="colours"]', "inferno"),
        lambda: page.tab.click('[data-toggle="overlay"]'),
    ):
        act()
        page.settle()
        seen.append(page.pixels())
    assert len(set(seen)) == len(seen)
    assert len(page.requests) == asked


def test_window_zoom_pan_invert_and_reset(server, visit):
    page = visit(server.url)
    page.load_example()
    plain = page.pixels()
    box = page.tab.locator(".rd-pane canvas").first.bounding_box()
    centre = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    states = [plain]

    def changed(act):
        act()
        page.settle()
        states.append(page.pixels())
        return states[-1] != states[-2]

    def drag():
        page.tab.mouse.move(*centre)
        page.tab.mouse.down()
        page.tab.mouse.move(centre[0] - 60, centre[1] + 30)
        page.tab.mouse.up()

    assert changed(drag)
    assert "W 195" in page.tab.inner_text(".rd-state-line >> nth=0")
    assert changed(lambda: page.tab.mouse.wheel(0, -300))
    for key in ("i", "+", "2"):
        assert changed(lambda key=key: page.tab.keyboard.press(key))
    page.tab.keyboard.press("p")
    assert changed(drag)
    page.tab.keyboard.press("r")
    page.settle()
    assert page.pixels() == plain


def test_the_pointer_reads_out_value_and_patch(server, visit):
    page = visit(server.url)
    page.load_example()
    run_reports(page)
    box = page.tab.locator(".rd-pane canvas").first.bounding_box()
    page.tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    text = page.tab.inner_text(".rd-hover")
    assert re.search(r"x (199|200)\s+y (199|200)\s+grey \d+\s+patch 4,4\s+attention 0\.\d+", text)
    low, high = (float(page.tab.inner_text(f".rd-{end}")) for end in ("low", "high"))
    assert 0 <= low < high < 1


def test_words_by_keyboard(server, visit):
    page = visit(server.url)
    page.load_example()
    run_reports(page, word=0)
    first = page.pixels()
    page.tab.keyboard.press("ArrowRight")
    page.tab.keyboard.press("ArrowRight")
    page.tab.keyboard.press("Enter")
    page.settle()
    assert page.tab.inner_text(".rd-subject b") == "is"
    assert page.pixels() != first


def test_a_failing_system_says_why_and_blocks_nobody(server, visit):
    page = visit(server.url)
    page.load_example()
    run_reports(page)
    page.wait_for_phase("otdrg", "failed")
    assert page.report("otdrg") == "The checkpoint otdrg is damaged; copy it again."
    assert page.report("medrat").startswith("Heart size")
    assert not page.tab.is_visible("#card-adamatch_cyclic")
    page.tab.click(".rd-untrained summary >> nth=0")
    assert "python -m train.adamatch_cyclic" in page.tab.inner_text(".rd-untrained")
    chips = page.tab.locator("#card-xpronet .rd-chip").all_inner_texts()
    assert [chip.split() for chip in chips] == [
        ["+", "Cardiomegaly", "0.85"],
        ["+", "Pleural", "Effusion", "0.85"],
    ]
    assert page.tab.locator(".rd-matrix tbody tr").count() == 14


def test_cancel_stops_the_systems_and_keeps_what_was_written(holding_server, visit):
    page = visit(holding_server.url)
    page.load_example()
    page.tab.click("#run")
    page.wait_for_phase("xpronet", "writing")
    page.tab.click("#cancel")
    page.wait_for_phase("xpronet", "stopped")
    wait_until(lambda: set(holding_server.engine.stopped) == {"xpronet", "medrat"})
    assert page.report("xpronet").startswith("The heart")
    assert page.tab.is_enabled("#run")
    holding_server.engine.go.set()
    page.tab.click("#run")
    page.wait_for_phase("xpronet", "done")


def test_the_gate_asks_before_a_report(server, visit, pictures):
    page = visit(server.url)
    page.load(pictures["page.png"])
    page.tab.wait_for_selector("#question", state="visible")
    assert "does not look like a chest radiograph (probability 0.03)" in page.tab.inner_text("#question")
    calls = len(server.engine.calls)
    page.tab.click("#run")
    page.tab.wait_for_selector("#question", state="visible")
    page.tab.wait_for_timeout(500)
    assert len(server.engine.calls) == calls
    page.tab.click("#accept")
    page.wait_for_phase("xpronet", "done")
    assert not page.tab.is_visible("#question")


def test_the_picture_can_be_taken_back_instead(server, visit, pictures):
    page = visit(server.url)
    page.load(pictures["page.png"])
    page.tab.click("#decline")
    page.tab.wait_for_selector(".rd-nothing", state="visible")
    page.tab.click("#run")
    page.tab.wait_for_selector(".rd-notice:has-text('Choose a radiograph first.')")


def test_a_bad_file_is_refused_with_a_sentence(server, visit, pictures):
    page = visit(server.url)
    page.tab.set_input_files('.rd-files input[type="file"]', str(pictures["broken.png"]))
    page.tab.wait_for_selector(".rd-notice:not(:empty)")
    notice = page.tab.inner_text(".rd-notice")
    assert notice.endswith(".")
    assert "Traceback" not in notice
    page.load(pictures["film.png"])
    page.tab.wait_for_selector(".rd-notice:empty", state="attached")


def test_labels_are_ticked_and_can_be_changed(server, visit):
    page = visit(server.url)
    page.load_example()
    page.tab.click("#observations button")
    page.tab.wait_for_selector('#labels input[name="Edema"]')
    ticked = page.tab.locator("#labels input:checked")
    assert [box.get_attribute("name") for box in ticked.all()] == ["Cardiomegaly", "Pleural Effusion"]
    page.tab.fill("textarea", "Short of breath.")
    page.tab.check('#labels input[name="Edema"]')
    page.tab.click("#regenerate")
    page.wait_for_phase("xpronet", "done")
    assert page.report("xpronet") == "Written from 3 labels."
    _, indication, labels = next(call for call in server.engine.calls[::-1] if call[0] == "xpronet")
    assert indication == "Short of breath."
    assert set(labels) == {"Cardiomegaly", "Pleural Effusion", "Edema"}


def test_a_picture_dropped_on_the_viewer_is_loaded(server, visit):
    page = visit(server.url)
    before = page.study()
    page.tab.evaluate(
        """async () => {
            const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
            const context = canvas.getContext("2d");
            context.fillStyle = "#888";
            context.fillRect(8, 8, 40, 40);
            const blob = await new Promise((done) => canvas.toBlob(done));
            const dropped = new DataTransfer();
            dropped.items.add(new File([blob], "dropped.png", { type: "image/png" }));
            document.querySelector(".rd-panes").dispatchEvent(
                new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }),
            );
        }"""
    )
    page.wait_for_study(before)


def test_two_tabs_do_not_mix_and_a_closed_one_is_forgotten(fake_engine, serve_page, visit):
    engine = fake_engine.FakeEngine()
    with serve_page(engine) as server:
        one, other = visit(server.url), visit(server.url)
        one.load_example(0)
        assert other.study() == ""
        other.tab.click("#run")
        other.tab.wait_for_selector(".rd-notice:has-text('Choose a radiograph first.')")
        kept = set(server.page.state_holder.session_data)
        one.tab.close()
        wait_until(lambda: engine.forgotten)
        wait_until(lambda: set(server.page.state_holder.session_data) < kept)


def test_both_themes_and_the_notice(server, visit):
    page = visit(server.url)
    assert page.tab.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.tab.is_visible("text=Research use only, not for diagnosis")
    dark = page.tab.evaluate("getComputedStyle(document.body).backgroundColor")
    page.tab.click("#rd-theme")
    assert page.tab.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    page.tab.reload()
    page.tab.wait_for_selector(".rd-viewer")
    assert page.tab.evaluate("document.documentElement.dataset.theme") == "light"


def test_nothing_jumps_while_a_report_is_written(holding_server, visit):
    page = visit(holding_server.url)
    page.load_example()
    page.tab.wait_for_timeout(500)
    places = """() => ["#card-xpronet .rd-stated", "#card-medrat .rd-stance", "#matrix tr:last-child"].map(
        (one) => document.querySelector(one).getBoundingClientRect().top)"""
    before = page.tab.evaluate(places)
    page.tab.click("#run")
    page.wait_for_phase("xpronet", "writing")
    during = page.tab.evaluate(places)
    holding_server.engine.go.set()
    page.wait_for_phase("xpronet", "done")
    assert before == during == page.tab.evaluate(places)


def drag(page, viewer, start, end):
    """Drag on the first view of a viewer; start and end are shares of the pane."""
    box = page.tab.locator(f"#viewer-{viewer} .rd-pane canvas").first.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.tab.mouse.move(*places[0])
    page.tab.mouse.down()
    page.tab.mouse.move(*places[1], steps=3)
    page.tab.mouse.up()


def test_a_flipped_picture_is_marked_and_keys_have_their_help(server, visit):
    page = visit(server.url)
    page.load_example()
    plain = page.pixels()
    page.tab.hover("#viewer-compare canvas >> nth=0")
    assert not page.tab.is_visible(".rd-flipped >> nth=0")
    page.tab.keyboard.press("x")
    page.settle()
    assert page.tab.locator(".rd-flipped:visible").all_inner_texts() == ["FLIPPED"]
    assert page.pixels() != plain
    page.tab.keyboard.press("x")
    page.settle()
    assert page.pixels() == plain
    page.tab.keyboard.press("h")
    assert page.tab.is_visible(".rd-help")
    keys = page.tab.locator(".rd-help dt").all_inner_texts()
    assert {"w", "z", "i", "r", "f", "x", "d", "m", "1 2 3 4"} <= set(keys)
    page.tab.keyboard.press("Escape")
    assert not page.tab.is_visible(".rd-help")


def test_patches_by_keyboard_and_the_words_that_looked_there(server, visit):
    page = visit(server.url)
    page.load_example()
    run_reports(page)
    page.tab.focus("#viewer-compare canvas >> nth=0")
    page.tab.keyboard.press("Shift+ArrowRight")
    page.tab.keyboard.press("Shift+ArrowRight")
    assert "patch 4,5" in page.tab.inner_text("#viewer-compare .rd-hover")
    page.tab.keyboard.press("Enter")
    assert page.tab.inner_text("#card-xpronet .rd-stance").startswith("There most: ")
    assert page.tab.inner_text("#card-medrat .rd-stance").startswith("There most: ")
    shares = page.tab.eval_on_selector_all(
        "#card-xpronet .rd-word",
        "words => words.map(word => Number(word.style.getPropertyValue('--rd-share')))",
    )
    assert max(shares) == 1
    assert len(shares) == 12


def test_a_finding_shows_where_the_others_stand(server, visit):
    page = visit(server.url)
    page.load_example()
    run_reports(page)
    page.wait_for_phase("medrat", "done")
    page.tab.click("#card-xpronet .rd-mark >> nth=0")
    assert page.tab.inner_text("#card-xpronet .rd-stance") == "Cardiomegaly: positive"
    assert page.tab.inner_text("#card-medrat .rd-stance") == "Cardiomegaly: negative"
    assert page.tab.locator("#card-medrat .rd-sentence.rd-on-topic").count() == 1
    assert "Cardiomegaly" in page.tab.inner_text("tr.rd-on-topic")
    page.tab.click("#matrix tr >> text=Pneumothorax")
    assert page.tab.inner_text("#card-xpronet .rd-stance") == "Pneumothorax: not mentioned"
    assert page.tab.inner_text("#card-medrat .rd-stance") == "Pneumothorax: negative"


def test_words_that_differ_are_marked(server, visit):
    page = visit(server.url)
    page.load_example()
    run_reports(page)
    page.wait_for_phase("medrat", "done")
    marked = page.tab.locator("#card-medrat .rd-differs")
    assert marked.count() == 0
    page.tab.select_option("[data-marks]", "unique")
    assert "Heart" not in marked.all_inner_texts()  # the other report has it too
    assert {"size", "upper", "Pneumothorax".lower()} <= set(marked.all_inner_texts())
    page.tab.select_option("[data-marks]", "XProNet")
    assert "is" not in marked.all_inner_texts()[:3]
    assert page.tab.locator("#card-xpronet .rd-differs").count() == 0


def test_what_is_shown_can_be_saved(server, visit):
    page = visit(server.url)
    page.load_example()
    run_reports(page)
    page.tab.wait_for_selector("#run:enabled")
    for button, name, start in (
        ('[data-kind="json"]', "radui-reports.json", b"{"),
        ('#viewer-compare [data-action="save"]', "radui-picture.png", b"\x89PNG"),
    ):
        with page.tab.expect_download() as waiting:
            page.tab.click(button)
        assert waiting.value.suggested_filename == name
        with open(waiting.value.path(), "rb") as file:
            assert file.read().startswith(start)


def test_an_earlier_study_comes_back(server, visit):
    page = visit(server.url)
    page.load_example()
    run_reports(page)
    page.tab.wait_for_selector("#run:enabled")
    first = page.study()
    page.load_example(1)
    assert page.report("xpronet").startswith("Choose a radiograph")
    second = page.study()
    page.tab.click("#history button")
    page.wait_for_study(second)
    assert page.study() == first
    page.wait_for_phase("xpronet", "done")
    assert page.report("xpronet").startswith("The heart is enlarged.")


def test_the_evidence_of_two_systems_and_a_measured_map(fake_engine, serve_page, visit):
    with serve_page(fake_engine.FakeEngine(failing=())) as running:
        page = visit(running.url)
        page.tab.click("button[role=tab] >> text=Explain")
        assert "press Run" in page.tab.inner_text("#explain-empty")
        page.tab.click("button[role=tab] >> text=Compare")
        page.load_example()
        run_reports(page)
        page.tab.wait_for_selector("#run:enabled")
        page.tab.click("button[role=tab] >> text=Explain")
        page.wait_for_phase("explain", "done")
        page.tab.wait_for_selector('#viewer-explain .rd-viewer[data-study]:not([data-study=""])')
        page.tab.click("#card-explain .rd-word >> nth=1")
        page.tab.wait_for_selector(
            "#viewer-explain [data-map=true], #viewer-explain .rd-viewer[data-map=true]"
        )
        assert "Cardiomegaly" in page.tab.inner_text(".rd-stage .rd-scores >> nth=0")
        page.tab.keyboard.press("d")
        page.tab.click('#viewer-explain [data-tool="box"]')
        drag(page, "explain", (0.4, 0.3), (0.6, 0.7))
        page.tab.wait_for_selector(".rd-agreement")
        assert "in the box" in page.tab.inner_text("#viewer-explain .rd-subject-text")
        page.tab.click("[data-measure]")
        page.tab.wait_for_function("document.querySelectorAll('.rd-curve b').length === 6")
        page.tab.click("#explain-system label >> text=OTDRG")
        page.tab.wait_for_selector("#card-explain >> text=The lungs are clear")
        page.tab.click("#card-explain .rd-chip >> text=Lung Opacity")
        page.settle()
        assert "share of the mass" in page.tab.inner_text("#viewer-explain .rd-subject-text")
        assert page.tab.is_visible("text=Entropy, nats")

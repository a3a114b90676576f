"""A single user in a real browser: reports of the Compare tab, regions and drawn pictures are rated, and
stand in the file."""

import json

import pytest

from radui.processing.images import read_study
from radui.reading_study import drawn_picture
from radui.store.creation import create_study, prepare_case
from radui.store.migrations import open_store
from radui.store.plan import GeneratedReport, NewCase, Questions, StudyPlan
from radui.store.queues import open_study
from radui.store.readers import local_reader
from radui.store.tables import read_table

pytestmark = pytest.mark.browser
TITLES = {"xpronet": "XProNet", "medrat": "MedRAT"}


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "ratings.db")


@pytest.fixture
def server(serve_page, fake_engine, store):
    with serve_page(fake_engine.FakeEngine(), store) as running:
        yield running


def run_example(page):
    page.load_example()
    page.tab.click("#run")
    for system in TITLES:
        page.wait_for_phase(system, "done")


def rate(tab, letters, preference):
    """Answer the case on the page; the first letter's report is called unusable."""
    for letter in letters:
        report = f".rd-form [data-letter={letter}]"
        tab.check(f"{report} [data-answer=no_errors]")
        choose(tab, "hallucination", "false", report)
        choose(tab, "acceptability", 1 if letter == letters[0] else 5, report)
        choose(tab, "clarity", 4, report)
    choose(tab, "image_quality_sufficient", "true")
    choose(tab, "confidence", 3)
    choose(tab, "preference", preference)
    tab.wait_for_selector(".rd-form [data-part=open]:text-is('Complete')")


def choose(tab, answer, value, within=""):
    tab.check(f"{within} [data-answer={answer}] [data-value='{value}']", force=True)


def test_reports_of_the_compare_tab_are_rated_and_stand_in_the_file(server, store, visit):
    page = visit(server.url)
    assert page.tab.is_disabled("#rate-these")
    run_example(page)
    page.tab.click("#rate-these:enabled")
    page.tab.wait_for_selector(".rd-form .rd-rated >> nth=1")
    assert page.tab.inner_text(".rd-form [data-part=outcome]") == ""
    texts = page.tab.locator(".rd-form .rd-rated-text").all_inner_texts()
    assert len(texts) == 2
    shown = page.tab.inner_text(".rd-form [data-part=reports]").lower()
    assert not any(name in shown for name in TITLES)
    rate(page.tab, "AB", "B")
    page.tab.click(".rd-form [data-action=submit]")
    page.tab.wait_for_selector(".rd-form [data-part=outcome]:has-text('Saved at')")

    told = page.tab.inner_text(".rd-form [data-part=outcome]")
    levels = {row["system"]: row["acceptability"] for row in read_table(store, "report_ratings")}
    assert sorted(levels.values()) == [1, 5]
    for system, level in levels.items():
        assert f"{'A' if level == 1 else 'B'} was {TITLES[system]}" in told
    (preferred,) = read_table(store, "preferences")
    assert levels[preferred["preferred_system"]] == 5
    (rating,) = read_table(store, "current_ratings")
    assert rating["confidence"] == 3


def test_a_form_that_stands_there_takes_the_next_study_of_the_compare_tab(server, store, visit):
    page = visit(server.url)
    run_example(page)
    page.tab.click("button[role=tab] >> text=Rating")
    page.tab.wait_for_selector(".rd-form [data-part=empty]:visible")
    for _ in range(2):
        page.tab.click("button[role=tab] >> text=Compare")
        page.tab.click("#rate-these:enabled")
        page.tab.wait_for_selector(".rd-form .rd-rated >> nth=1")
    assert page.tab.inner_text(".rd-form [data-part=number]") == "Case 1 of 1"


def test_without_a_store_there_is_nothing_to_rate_with(serve_page, fake_engine, visit):
    with serve_page(fake_engine.FakeEngine()) as running:
        page = visit(running.url)
        run_example(page)
        assert not page.tab.is_visible("#rate-these")


WIDTH, HEIGHT = 200, 240  # of film.png
ONLY = dict.fromkeys(("errors", "acceptability", "hallucination", "clarity", "image_quality"), False)


def open_case(store, pictures, questions, generate):
    """A study of one case and one report for whoever sits at the machine."""
    study_id = create_study(store, StudyPlan("films", ("xpronet",), questions=questions))
    study = read_study([pictures["film.png"].read_bytes()])
    prepare_case(store, study_id, NewCase("one", study), generate)
    open_study(store, study_id, [local_reader(store).reader_id])
    return study_id


def draw_box(tab, start, end):
    """Drag a box in the viewer; start and end as shares of the pane. Returns it in canvas places (x, y)."""
    tab.click("#viewer-rating [data-tool=box]")
    pane = tab.locator("#viewer-rating .rd-pane canvas").first.bounding_box()
    places = [(pane["x"] + x * pane["width"], pane["y"] + y * pane["height"]) for x, y in (start, end)]
    tab.mouse.move(*places[0])
    tab.mouse.down()
    tab.mouse.move(*places[1], steps=5)
    tab.mouse.up()
    return pane, places


def test_a_box_for_words_is_stored_in_pixels_of_the_original(serve_page, fake_engine, store, pictures, visit):
    questions = Questions(**ONLY)
    report = "Small effusion on the left."
    open_case(store, pictures, questions, lambda *_: GeneratedReport(report))
    with serve_page(fake_engine.FakeEngine(), store) as running:
        page = visit(running.url)
        tab = page.tab
        tab.click("button[role=tab] >> text=Rating")
        tab.wait_for_selector(".rd-form .rd-rated >> nth=0")
        tab.wait_for_selector("#viewer-rating .rd-viewer[data-study]:not([data-study=''])")
        pane, places = draw_box(tab, (0.4, 0.3), (0.6, 0.7))
        words = tab.locator(".rd-form .rd-said")
        words.nth(1).click()
        tab.click(".rd-picked button:has-text('Region')")
        tab.wait_for_selector(".rd-regions li:has-text('box on view 1')")
        choose(tab, "support", "partly", ".rd-regions li")
        choose(tab, "confidence", 4)
        tab.click(".rd-form [data-action=submit]")
        tab.wait_for_selector(".rd-form [data-part=outcome]:has-text('Saved at')")
    (row,) = read_table(store, "explanation_ratings")
    assert (row["quote"], row["support"], row["view_number"]) == ("effusion", "partly", 0)
    # The picture stands in the middle of its pane, as large as fits.
    zoom = min(pane["width"] / WIDTH, pane["height"] / HEIGHT)
    left, top = (
        pane["x"] + (pane["width"] - zoom * WIDTH) / 2,
        pane["y"] + (pane["height"] - zoom * HEIGHT) / 2,
    )
    expected = [side for x, y in places for side in ((x - left) / zoom, (y - top) / zoom)]
    assert json.loads(row["box_json"]) == pytest.approx(expected, abs=3)


def test_drawn_pictures_are_judged_for_realism_and_agreement(serve_page, fake_engine, store, pictures, visit):
    engine = fake_engine.FakeEngine(untrained=())

    def generate(system, study):
        report = fake_engine.SENTENCES[system]
        return GeneratedReport(report, picture=drawn_picture(engine, report))

    open_case(store, pictures, Questions(**ONLY, pictures=True), generate)
    with serve_page(engine, store) as running:
        page = visit(running.url)
        tab = page.tab
        tab.click("button[role=tab] >> text=Rating")
        tab.wait_for_selector(".rd-rated img.rd-synthetic")
        assert "realism" in tab.inner_text(".rd-rated-state")
        choose(tab, "confidence", 4)
        choose(tab, "realism", 2)
        choose(tab, "agreement", 5)
        tab.fill("[data-answer=missing]", "the effusion")
        tab.click(".rd-form [data-action=submit]")
        tab.wait_for_selector(".rd-form [data-part=outcome]:has-text('Saved at')")
    (row,) = read_table(store, "picture_ratings")
    assert (row["realism"], row["agreement"], row["missing_findings"]) == (2, 5, "the effusion")
    (candidate,) = read_table(store, "candidates")
    assert row["picture_sha256"] == candidate["picture_sha256"]

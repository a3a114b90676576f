"""A whole reading study in a real browser: created on the page, read by two, with a restart between."""

import gzip
import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from radui.store.migrations import open_store
from radui.store.readers import add_reader
from radui.store.tables import find_study, list_studies, read_table

pytestmark = pytest.mark.browser
PASSWORD = "long enough"
NAMES = ("xpronet", "medrat", "otdrg", "adamatch")
# Acceptability by system and the preferred system, case by case, of each reader.
PLANNED = {
    "ann": {
        "0001": ({"xpronet": 5, "medrat": 2}, "xpronet"),
        "0002": ({"xpronet": 4, "medrat": 3}, "medrat"),
    },
    "ben": {
        "0001": ({"xpronet": 4, "medrat": 2}, "xpronet"),
        "0002": ({"xpronet": 3, "medrat": 3}, "xpronet"),
    },
}


@pytest.fixture
def room(fake_engine, tmp_path):
    """room(): serve the reading room of one file until `stop`, as often as asked."""
    from radui.ui.page import DELETE_UPLOADS, launch_settings
    from radui.ui.rate_identity import by_login, password_check
    from radui.ui.rate_room import build_room

    store = open_store(tmp_path / "ratings.db")
    add_reader(store, "ada", "admin", PASSWORD)
    engine = fake_engine.FakeEngine(failing=())
    engine.checkpoints = tmp_path / "checkpoints"
    for name in ("xpronet", "medrat", "otdrg", "gate", "observation_classifier"):
        (engine.checkpoints / name).mkdir(parents=True)
        (engine.checkpoints / name / "config.json").write_text("{}")
    pages = []

    def serve():
        page = build_room(engine, store, by_login(store), DELETE_UPLOADS)
        settings = {**launch_settings(), "auth": password_check(store)}
        _, url, _ = page.launch(**settings, prevent_thread_lock=True, quiet=True)
        pages.append(page)
        return SimpleNamespace(url=url, store=store, stop=lambda: page.close(verbose=False))

    yield serve
    for page in pages:
        page.close(verbose=False)


@pytest.fixture
def enter(chromium):
    """enter(url, name): a browser of its own, logged in, with all that it received."""
    contexts = []

    def enter(url, name):
        context = chromium.new_context(viewport={"width": 1440, "height": 1000})
        contexts.append(context)
        context.set_default_timeout(120_000)
        tab = context.new_page()
        visitor = SimpleNamespace(tab=tab, errors=[], received=[], leave=context.close)
        tab.on("pageerror", lambda error: visitor.errors.append(str(error)))
        tab.on("response", lambda response: visitor.received.append(response))
        tab.goto(url)
        tab.fill("input >> nth=0", name)
        tab.fill("input[type=password]", PASSWORD)
        tab.click("button:has-text('Login')")
        tab.wait_for_selector(".rd-form [data-part=empty]:visible, .rd-form .rd-rated >> nth=0")
        return visitor

    yield enter
    for context in contexts:
        context.close()


def bodies(visitor):
    """All texts that the browser received, scripts of the page's framework apart."""
    for response in visitor.received:
        if any(part in response.url for part in ("/assets/", "/static/", "/heartbeat")):
            continue  # the last one never ends
        try:
            data = response.body()
        except Exception:  # a redirect or a stream that is open still has no body
            continue
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        yield response.url, data.decode("utf-8", "ignore").lower()


def wait_until(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def create_study_on_the_page(tab, pictures: list[Path]):
    tab.click("button[role=tab] >> text=Studies")
    tab.wait_for_selector("#plan-systems input >> nth=0")
    for name in PLANNED:
        tab.fill("#reader-name input, #reader-name textarea", name)
        tab.fill("#reader-password input", PASSWORD)
        tab.click("#reader-add")
        tab.wait_for_selector(f"#plan-readers label:has-text('{name}')")
    tab.fill("#plan-title input, #plan-title textarea", "films")
    tab.set_input_files("#plan-files input[type=file]", [str(path) for path in pictures])
    tab.wait_for_selector("#plan-files :text('film.png')")
    tab.uncheck("#plan-systems label:has-text('OTDRG') input")
    for name in PLANNED:
        tab.check(f"#plan-readers label:has-text('{name}') input")
    tab.click("#create")
    tab.wait_for_selector("#study-told :text('is open: 2 cases, 2 readers')")


def shown_system(store, assignment):
    """{letter: system} and the case's name, from the file; the page does not know."""
    letters = {row["candidate_id"]: row for row in read_table(store, "candidates")}
    cases = {row["case_id"]: row["name"] for row in read_table(store, "cases")}
    with store.reading() as database:
        rows = list(
            database.query(
                "SELECT letter, candidate_id FROM assignment_letters WHERE assignment_id = ?", [assignment]
            )
        )
    systems = {row["letter"]: letters[row["candidate_id"]]["system"] for row in rows}
    return systems, cases[letters[rows[0]["candidate_id"]]["case_id"]]


def current(tab):
    return tab.get_attribute(".rd-form", "data-assignment")


def wait_for_saved(tab):
    tab.wait_for_selector(".rd-form [data-part=saved]:text-is('Saved')")


def press(tab, *keys):
    for key in keys:
        tab.keyboard.press(key)


def rate(tab, store, name, submit=True):
    """Rate the case on the page as planned, by keyboard where there is a key."""
    systems, case = shown_system(store, current(tab))
    levels, preferred = PLANNED[name][case]
    for letter, system in systems.items():
        press(tab, letter.lower())
        if system == "medrat":  # its first two words are wrong, significantly so
            press(tab, "ArrowRight", "ArrowLeft", "Shift+ArrowRight", "m")
            tab.select_option(f"[data-letter={letter}] [data-answer=category]", "wrong_severity")
            tab.check(f"[data-letter={letter}] .rd-error [data-value=true]", force=True)
            press(tab, letter.lower())
        else:
            press(tab, "n")
        press(tab, "h", str(levels[system]))
        tab.check(f"[data-letter={letter}] [data-answer=clarity] [data-value='5']", force=True)
    tab.check("[data-answer=image_quality_sufficient] [data-value=true]", force=True)
    tab.check("[data-answer=confidence] [data-value='4']", force=True)
    wait_for_saved(tab)
    letter = next(letter for letter, system in systems.items() if system == preferred)
    tab.check(f"[data-answer=preference] [data-value={letter}]", force=True)
    tab.wait_for_selector(".rd-form [data-part=open]:text-is('Complete')")
    wait_for_saved(tab)
    if submit:
        before = current(tab)
        press(tab, "Control+Enter")
        tab.wait_for_selector(".rd-form [data-part=outcome]:has-text('Saved at')")
        wait_until(lambda: current(tab) != before or tab.is_visible(".rd-form [data-part=empty]"))


def test_a_reading_study_from_its_creation_to_its_results(room, enter, pictures, tmp_path):
    served = room()
    store = served.store
    second = tmp_path / "second.png"
    second.write_bytes(pictures["page.png"].read_bytes())
    ada = enter(served.url, "ada")
    create_study_on_the_page(ada.tab, [pictures["film.png"], second])
    assert list_studies(store)[0]["readers"] == 2
    ada.leave()

    ann, ben = enter(served.url, "ann"), enter(served.url, "ben")
    assert not ann.tab.is_visible("button[role=tab] >> text=Results")
    first = current(ann.tab)
    rate(ann.tab, store, "ann", submit=False)
    # Ben sees nothing of Ann's draft, not even on the same case.
    assert ben.tab.locator(".rd-form input:checked").count() == 0
    for _ in PLANNED["ben"]:
        rate(ben.tab, store, "ben")
    ben.tab.wait_for_selector(".rd-form :text('No case is left in this study')")
    check_blind(ben)

    # The server stops while Ann's first case is a draft; she goes on where she was.
    served.stop()
    served = room()
    ann = enter(served.url, "ann")
    assert current(ann.tab) == first
    assert ann.tab.inner_text(".rd-form [data-part=open]") == "Complete"
    assert ann.tab.locator(".rd-errors li").count() == 1
    # One step back: the last answer was the preference, saved by itself.
    press(ann.tab, "Control+z")
    ann.tab.wait_for_selector(".rd-form [data-part=open]:has-text('the preference')")
    for _ in PLANNED["ann"]:
        if ann.tab.is_visible(".rd-form [data-part=case]"):
            again(ann.tab, store)
    check_blind(ann)
    check_numbers(store)
    check_results_page(enter(served.url, "ada").tab)


def check_blind(visitor):
    """Nothing that the browser received names a system; then the reader goes."""
    received = list(bodies(visitor))
    assert len(received) > 5
    assert {url: name for url, text in received for name in NAMES if name in text} == {}
    assert not any(name in visitor.tab.content().lower() for name in NAMES)
    assert visitor.errors == []
    visitor.leave()


def again(tab, store):
    """Ann's cases: the draft is there already in the first, but for the preference."""
    systems, case = shown_system(store, current(tab))
    if tab.locator(".rd-errors li").count() == 0:
        return rate(tab, store, "ann")
    press(tab, "b", "a")  # the vote opens when both reports were seen
    letter = next(letter for letter, system in systems.items() if system == PLANNED["ann"][case][1])
    tab.check(f"[data-answer=preference] [data-value={letter}]", force=True)
    wait_for_saved(tab)
    before = current(tab)
    press(tab, "Control+Enter")
    return wait_until(lambda: current(tab) != before)


def check_numbers(store):
    """Against numbers made by hand from `PLANNED`."""
    from radui.statistics.intervals import Bootstrap
    from radui.statistics.results import study_results

    results = study_results(store, find_study(store, "films"), Bootstrap(50))
    mean = {system: found["mean"].value for system, found in results.acceptability.items()}
    assert mean == {"xpronet": 4.0, "medrat": 2.5}
    assert results.acceptability["xpronet"]["standard"].value == 0.75
    assert results.errors["medrat"]["wrong_severity", True].value == 1.0
    assert results.errors["xpronet"]["all", True].value == 0.0
    assert results.wins.systems == ("medrat", "xpronet")
    assert results.wins.wins.tolist() == [[0.0, 1.0], [3.0, 0.0]]
    # Three wins to one: the difference of the log-strengths is log 3.
    assert results.strengths["xpronet"].value == pytest.approx(0.5493, abs=1e-3)
    quotes = {row["quote"] for row in read_table(store, "report_errors")}
    assert quotes == {"Heart size"}
    assert all(json.loads(row["shown_json"])["blinded"] for row in read_table(store, "current_ratings"))


def check_results_page(tab):
    tab.click("button[role=tab] >> text=Results")
    tab.wait_for_selector("#results-study input")
    tab.wait_for_function("document.querySelector('#results-study input').value.includes('films')")
    tab.click("#results-compute")
    tab.wait_for_selector(".rd-result")
    quality = tab.inner_text(".rd-result:has-text('Quality of each system') tbody")
    assert "XProNet" in quality
    assert "4.00" in quality
    assert "2.50" in quality
    assert tab.locator(".rd-figure svg").count() == 4
    with tab.expect_download() as download:
        tab.click("#download-csv")
    assert download.value.suggested_filename == "radui-ratings.csv"

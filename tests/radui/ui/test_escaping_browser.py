"""Markup and script in everything that users and systems write: shown as text, never run."""

from types import SimpleNamespace

import pytest

from radui.processing.images import read_study
from radui.store.creation import create_study, prepare_case
from radui.store.migrations import open_store
from radui.store.plan import GeneratedReport, NewCase, StudyPlan
from radui.store.queues import open_study
from radui.store.readers import LOCAL, local_reader

pytestmark = pytest.mark.browser
# Whatever of it runs leaves a mark on the window.
SCRIPT = (
    "<img src=x onerror=\"window.ran='image'\"><script>window.ran='script'</script>"
    "<svg onload=\"window.ran='svg'\"></svg> &amp; \" ' ` ${window.ran='template'} "
    "<a href=\"javascript:window.ran='link'\">heart</a>"
)


@pytest.fixture(scope="module")
def server(fake_engine, pictures, tmp_path_factory):
    """The single user's page with ratings, on an engine that writes script and a study that is full of it."""
    from radui.ui.page import build_page, launch_settings

    store = open_store(tmp_path_factory.mktemp("store") / "ratings.db")
    plan = StudyPlan(f"t {SCRIPT}", ("xpronet", "medrat"), instructions=f"i {SCRIPT}", reveal_names=True)
    study = create_study(store, plan)
    picture = read_study([pictures["film.png"].read_bytes()], f"n {SCRIPT}")
    for number in range(2):
        case = NewCase(f"case{number}", picture, f"reference {SCRIPT}")
        prepare_case(store, study, case, lambda system, _: GeneratedReport(f"{system[::-1]} {SCRIPT}", "sha"))
    open_study(store, study, [local_reader(store).reader_id])
    engine = fake_engine.FakeEngine(failing=())
    engine.checkpoints = tmp_path_factory.mktemp("checkpoints")
    page = build_page(engine, store)
    with pytest.MonkeyPatch.context() as patch:  # the other tests' engines write the usual sentences
        patch.setitem(fake_engine.SENTENCES, "xpronet", f"The heart is enlarged. {SCRIPT}")
        _, url, _ = page.launch(**launch_settings(), prevent_thread_lock=True, quiet=True)
        yield SimpleNamespace(url=url, store=store)
        page.close(verbose=False)


def unharmed(tab):
    tab.wait_for_timeout(300)
    assert tab.evaluate("window.ran") is None
    assert tab.locator("img[src=x], script:has-text('window.ran'), a[href^='javascript:']").count() == 0


def test_reports_indications_and_references_of_the_compare_tab(server, visit):
    page = visit(server.url)
    page.load_example()
    for box in page.tab.locator("textarea:visible").all():
        box.fill(SCRIPT)
    page.tab.click("#run")
    page.wait_for_phase("xpronet", "done")
    assert "<script>window.ran='script'</script>" in page.report("xpronet")
    unharmed(page.tab)
    page.tab.click("button[role=tab] >> text=Explain")
    page.tab.wait_for_selector("#tabs .rd-card:visible")
    unharmed(page.tab)


def test_titles_instructions_and_reports_of_a_reading_study(server, visit):
    page = visit(server.url)
    page.tab.click("button[role=tab] >> text=Rating")
    page.tab.wait_for_selector(".rd-form .rd-rated >> nth=0")
    shown = page.tab.inner_text(".rd-form")
    assert shown.count("<script>window.ran='script'</script>") >= 3
    unharmed(page.tab)


def test_titles_and_refusals_of_the_admins_tabs(server, visit):
    page = visit(server.url)
    page.tab.click("button[role=tab] >> text=Results")
    page.tab.wait_for_function("document.querySelector('#results-study input').value.includes('onerror')")
    page.tab.click("#results-compute")
    page.tab.wait_for_timeout(1500)
    unharmed(page.tab)
    page.tab.click("button[role=tab] >> text=Studies")
    page.tab.wait_for_selector(f"#plan-readers label:has-text('{LOCAL}')")
    page.tab.fill("#reader-name input, #reader-name textarea", SCRIPT)
    page.tab.click("#reader-add")
    page.tab.wait_for_selector(".rd-notice:visible:has-text('A reader')")
    page.tab.fill("#plan-title input, #plan-title textarea", SCRIPT)
    page.tab.click("#create")
    page.tab.wait_for_timeout(1500)
    unharmed(page.tab)

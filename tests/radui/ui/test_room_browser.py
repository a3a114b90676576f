"""A whole reading study in real browsers: created on the page, read by three, the server killed between."""

import base64
import gzip
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError
from urllib.request import urlopen

import cv2
import pytest

from radui.store.migrations import open_store
from radui.store.readers import add_reader
from radui.store.tables import find_study, list_studies, read_table

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[3]
PASSWORD = "long enough"
NAMES = ("xpronet", "medrat", "otdrg", "adamatch")
PATIENCE = 240  # seconds for any one step; only a broken page is slower, on a busy machine too
SECRET = "quoth the raven"
# Of each case, in order: acceptability of XProNet's and of MedRAT's report, and what is preferred.
# MedRAT's report has a significant error wherever it gets 2 or less, on its first two words.
X, M, TIE, NEITHER = "xpronet", "medrat", "equivalent", "both_unacceptable"
PLANNED = {
    "ann": ((5, 2, X), (4, 3, M), (5, 2, X), (3, 3, TIE), (4, 1, X), (5, 2, X)),
    "ben": ((4, 2, X), (3, 3, X), (5, 4, M), (2, 2, NEITHER), (5, 1, X), (4, 2, X)),
    "cat": ((5, 3, X), (4, 4, TIE), (4, 2, X), (3, 4, M), (4, 2, X), (5, 1, X)),
}
CASES = 6
# Copies of all that the page's streams bring: their bodies are not to be had from the browser afterwards.
LISTEN = """
(() => {
  window.heard = [];
  const fetched = window.fetch;
  window.fetch = async (...given) => {
    const answer = await fetched(...given);
    if (!(answer.headers.get("content-type") || "").includes("event-stream")) return answer;
    const [own, copy] = answer.body.tee();
    (async () => {
      const reader = copy.getReader();
      const decoder = new TextDecoder();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        window.heard.push(decoder.decode(part.value, { stream: true }));
      }
    })().catch(() => {});
    return new Response(own, { status: answer.status, headers: answer.headers });
  };
  for (const name of ["EventSource", "WebSocket"]) {
    window[name] = class extends window[name] {
      constructor(...given) {
        super(...given);
        this.addEventListener("message", ({ data }) => window.heard.push(String(data)));
      }
    };
  }
})();
"""
# Every endpoint of the page, called as a program would, without a value for any of its inputs.
CALL_ALL = """
async () => {
  const session = crypto.randomUUID();
  const { dependencies } = await (await fetch("/config")).json();
  for (const { id, inputs } of dependencies) {
    const call = { data: inputs.map(() => null), fn_index: id, session_hash: session, event_data: null };
    const headers = { "content-type": "application/json" };
    await fetch("/gradio_api/queue/join", { method: "POST", headers, body: JSON.stringify(call) });
  }
  const stream = (await fetch(`/gradio_api/queue/data?session_hash=${session}`)).body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const waiting = () => text.split("process_completed").length - 1 < dependencies.length;
  for (let part; waiting() && !(part = await stream.read()).done; ) {
    text += decoder.decode(part.value, { stream: true });
  }
  const pages = ["/config", "/gradio_api/info", "/"];
  const told = await Promise.all(pages.map(async (path) => (await fetch(path)).text()));
  return { calls: dependencies.length, text: [text, ...told].join("\\n") };
}
"""


# The same answers as by keyboard, at one stroke: {letter: {level, wrong}}, preference.
ANSWER = """
({ reports, preference }) => {
  const form = document.querySelector(".rd-form");
  const click = (scope, answer, value) => {
    const input = scope.querySelector(`[data-answer="${answer}"] [data-value="${value}"]`);
    if (!input.checked) input.click();
  };
  for (const [letter, { level, wrong }] of Object.entries(reports)) {
    const report = form.querySelector(`[data-letter="${letter}"]`);
    const words = report.querySelectorAll(".rd-said");
    words[0].focus();
    if (wrong) {
      const keys = [[1, "ArrowLeft"], [0, "ArrowRight", true], [1, "Enter"]];
      for (const [word, key, shiftKey] of keys) {
        words[word].dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));
      }
      const category = report.querySelector("[data-answer=category]");
      category.value = "wrong_severity";
      category.dispatchEvent(new Event("change"));
      click(report, "significant", "true");
    } else report.querySelector("[data-answer=no_errors]").click();
    click(report, "hallucination", "false");
    click(report, "acceptability", level);
    click(report, "clarity", "5");
  }
  click(form, "image_quality_sufficient", "true");
  click(form, "confidence", "4");
  click(form, "preference", preference);
}
"""


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "ratings.db")
    add_reader(opened, "ada", "admin", PASSWORD)
    return opened


@pytest.fixture
def room(store, tmp_path):
    """room(): serve the reading room as a process, as often as asked; `kill` ends it at once."""
    checkpoints = tmp_path / "checkpoints"
    for name in ("xpronet", "medrat", "otdrg", "gate", "observation_classifier"):
        (checkpoints / name).mkdir(parents=True)
        (checkpoints / name / "config.json").write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = Path(__file__).with_name("serve_room.py")
    options = ["--db", str(store.path), "--checkpoints", str(checkpoints), "--port", str(port)]
    command = [sys.executable, str(script), "--reading-room", *options]
    servers = []

    def serve():
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        servers.append(server)
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(url) or server.poll() is not None)
        assert server.poll() is None

        def kill():
            server.send_signal(signal.SIGKILL)
            server.wait()

        return SimpleNamespace(url=url, kill=kill)

    yield serve
    for server in servers:
        server.terminate()
        server.wait()


def answers(url):
    try:
        urlopen(url).close()
    except (URLError, ConnectionError):
        return False
    return True


@pytest.fixture
def enter(chromium):
    """enter(url, name): a browser of its own, logged in, with all that it received."""
    contexts = []

    def enter(url, name):
        context = chromium.new_context(viewport={"width": 1440, "height": 1000})
        contexts.append(context)
        context.set_default_timeout(PATIENCE * 1000)
        context.add_init_script(LISTEN)
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


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def create_study_on_the_page(tab, folder, film):
    """Six cases; the files' names tell what readers must not know."""
    paths = [folder / f"XProNet-{number}.png" for number in range(CASES)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), film[number:, number:])
    tab.click("button[role=tab] >> text=Studies")
    tab.wait_for_selector("#plan-systems input >> nth=0")
    for name in PLANNED:
        tab.fill("#reader-name input, #reader-name textarea", name)
        tab.fill("#reader-password input", PASSWORD)
        tab.click("#reader-add")
        tab.wait_for_selector(f"#plan-readers label:has-text('{name}')")
    tab.fill("#plan-title input, #plan-title textarea", "films")
    tab.set_input_files("#plan-files input[type=file]", [str(path) for path in paths])
    tab.wait_for_selector(f"#plan-files :text('XProNet-{CASES - 1}')")
    tab.uncheck("#plan-systems label:has-text('OTDRG') input")
    for name in PLANNED:
        tab.check(f"#plan-readers label:has-text('{name}') input")
    tab.click("#create")
    tab.wait_for_selector(f"#study-told :text('is open: {CASES} cases, 3 readers')")


def shown(store, tab):
    """{letter: system} and the case's number, from the file; the page does not know."""
    query = (
        "SELECT letter, system, position FROM assignment_letters JOIN candidates USING (candidate_id) "
        "JOIN cases USING (case_id) WHERE assignment_id = ?"
    )
    with store.reading() as database:
        rows = list(database.query(query, [current(tab)]))
    return {row["letter"]: row["system"] for row in rows}, rows[0]["position"]


def current(tab):
    return tab.get_attribute(".rd-form", "data-assignment")


def press(tab, *keys):
    for key in keys:
        tab.keyboard.press(key)


def choose(tab, answer, value, within=""):
    tab.check(f"{within} [data-answer={answer}] [data-value='{value}']", force=True)


def planned(store, tab, name):
    """What the reader says of the case on the page: {letter: {level, wrong}}, and the preference."""
    systems, number = shown(store, tab)
    *levels, preferred = PLANNED[name][number]
    reports = {}
    for letter, system in systems.items():
        level = levels[system == M]
        reports[letter] = {"level": level, "wrong": system == M and level <= 2}
    return reports, next((letter for letter, system in systems.items() if system == preferred), preferred)


def fill_in(tab, store, name):
    """Answer the case on the page as planned, at one stroke."""
    reports, vote = planned(store, tab, name)
    tab.evaluate(ANSWER, {"reports": reports, "preference": vote})
    tab.wait_for_selector(".rd-form [data-part=open]:text-is('Complete')")


def fill_in_by_keys(tab, store, name):
    """Answer the case on the page as planned, by keyboard where there is a key."""
    reports, vote = planned(store, tab, name)
    for letter, said in reports.items():
        press(tab, letter.lower())
        if said["wrong"]:
            press(tab, "ArrowRight", "ArrowLeft", "Shift+ArrowRight", "m")
            tab.select_option(f"[data-letter={letter}] [data-answer=category]", "wrong_severity")
            choose(tab, "significant", "true", f"[data-letter={letter}] .rd-error")
            press(tab, letter.lower())
        else:
            press(tab, "n")
        press(tab, "h", str(said["level"]))
        choose(tab, "clarity", 5, f"[data-letter={letter}]")
    choose(tab, "image_quality_sufficient", "true")
    choose(tab, "confidence", 4)
    choose(tab, "preference", vote)
    tab.wait_for_selector(".rd-form [data-part=open]:text-is('Complete')")


def send(tab):
    before = current(tab)
    press(tab, "Control+Enter")
    tab.wait_for_function(
        "before => document.querySelector('.rd-form').dataset.assignment !== before ||"
        " document.querySelector('.rd-form [data-part=case]').hidden",
        arg=before,
    )
    assert tab.inner_text(".rd-form [data-part=outcome]").startswith("Saved at")


def rate_all(tab, store, name):
    while tab.is_visible(".rd-form [data-part=case]"):
        fill_in(tab, store, name)
        send(tab)
    assert "No case is left in this study" in tab.inner_text(".rd-form [data-part=empty-text]")


def wait_for_saved(tab):
    tab.wait_for_selector(".rd-form [data-part=saved]:text-is('Saved')")


def test_a_reading_study_from_its_creation_to_its_results(room, enter, store, pictures, tmp_path):
    server = room()
    ada = enter(server.url, "ada")
    film = cv2.imread(str(pictures["film.png"]), cv2.IMREAD_GRAYSCALE)
    create_study_on_the_page(ada.tab, tmp_path, film)
    ada.leave()

    ann, ben = enter(server.url, "ann"), enter(server.url, "ben")
    assert not ann.tab.is_visible("button[role=tab] >> text=Results")
    fill_in_by_keys(ann.tab, store, "ann")
    wait_for_saved(ann.tab)  # so that the reason is a change of its own, to be undone
    ann.tab.fill(".rd-vote [data-answer=reason]", SECRET)
    wait_for_saved(ann.tab)
    first, errors = current(ann.tab), ann.tab.locator(".rd-errors li").count()
    # Ben, at the same time, sees nothing of Ann's draft.
    assert ben.tab.locator(".rd-form input:checked").count() == 0
    fill_in_by_keys(ben.tab, store, "ben")
    send(ben.tab)
    rate_all(ben.tab, store, "ben")
    check_blind(ben)

    # The server dies while Ann's first case is a draft; at another machine she goes on where she was.
    server.kill()
    server = room()
    ann = enter(server.url, "ann")
    assert current(ann.tab) == first
    assert ann.tab.input_value(".rd-vote [data-answer=reason]") == SECRET
    assert ann.tab.inner_text(".rd-form [data-part=open]") == "Complete"
    assert ann.tab.locator(".rd-errors li").count() == errors
    step_back_and_forth(ann.tab)
    send(ann.tab)
    rate_all(ann.tab, store, "ann")
    check_blind(ann)

    cat = enter(server.url, "cat")
    skip_and_take_up(cat.tab, store)
    assert SECRET not in "".join(cat.tab.evaluate("window.heard"))
    check_blind(cat)
    check_numbers(store)
    check_results_page(enter(server.url, "ada").tab)


def step_back_and_forth(tab):
    """Undo takes the last change back, also one of before the server died."""
    press(tab, "a", "Control+z")
    tab.wait_for_selector(".rd-form [data-part=saved]:text-is('One step back')")
    assert tab.input_value(".rd-vote [data-answer=reason]") == ""
    assert tab.inner_text(".rd-form [data-part=open]") == "Complete"


def skip_and_take_up(tab, store):
    """Cat skips her first case with a reason and rates it last."""
    first = current(tab)
    press(tab, "s")
    tab.keyboard.type("too dark")
    press(tab, "Enter")
    tab.wait_for_selector(f".rd-form:not([data-assignment='{first}'])")
    for _ in range(CASES - 1):
        fill_in(tab, store, "cat")
        send(tab)
    tab.click(".rd-form [data-part=skipped]:has-text('(1)')")
    tab.wait_for_selector(".rd-form [data-part=case]:visible")
    assert current(tab) == first
    rate_all(tab, store, "cat")


def check_blind(visitor):
    """Nothing that the browser received, or can get, names a system; then the reader goes."""
    heard = "".join(visitor.tab.evaluate("window.heard"))
    assert "Heart size is at the upper limit of normal" in heard  # a report came, so the ear is open
    called = visitor.tab.evaluate(CALL_ALL)
    assert called["calls"] > 10
    assert called["text"].count("process_completed") == called["calls"]
    texts = {"streams": heard, "endpoints": called["text"], "page": visitor.tab.content(), **bodies(visitor)}
    found = {where: name for where, text in texts.items() for name in NAMES if name in text.lower()}
    assert found == {}
    check_pictures(heard)
    assert visitor.errors == []
    visitor.leave()


def check_pictures(heard):
    """Each PNG is pixels and nothing else: no text, time or profile that could tell where it is from."""
    pictures = {base64.b64decode(each) for each in re.findall(r"data:image/png;base64,([\w+/=]+)", heard)}
    assert len(pictures) == CASES
    for png in pictures:
        kinds, place = set(), 8
        while place < len(png):
            length, kind = struct.unpack(">I4s", png[place : place + 8])
            kinds.add(kind)
            place += 12 + length
        assert kinds == {b"IHDR", b"IDAT", b"IEND"}


def bodies(visitor):
    """All texts that the browser received, scripts of the page's framework and streams apart."""
    found = {}
    for response in visitor.received:
        if any(part in response.url for part in ("/assets/", "/static/", "/heartbeat", "/queue/data")):
            continue
        try:
            data = response.body()
        except Exception:  # a redirect has no body
            continue
        found[response.url] = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode(
            "utf-8", "ignore"
        )
    assert len(found) > 5
    return found


def check_numbers(store):
    """Against numbers made by hand from `PLANNED`."""
    from radui.statistics.intervals import Bootstrap
    from radui.statistics.results import study_results

    assert list_studies(store)[0]["submitted"] == 3 * CASES
    results = study_results(store, find_study(store, "films"), Bootstrap(50))
    mean = {system: found["mean"].value for system, found in results.acceptability.items()}
    # XProNet: 26 of ann, 23 of ben, 25 of cat; MedRAT: 13, 14 and 16; of 18 ratings each.
    assert mean == {X: pytest.approx(74 / 18), M: pytest.approx(43 / 18)}
    # 4 or 5: ann all but one, ben all but two, cat all but one.
    assert results.acceptability[X]["standard"].value == pytest.approx(14 / 18)
    # 2 or less: ann 4 cases, ben 4, cat 3.
    assert results.errors[M]["wrong_severity", True].value == pytest.approx(11 / 18)
    assert results.errors[X]["all", True].value == 0
    # XProNet won 4 + 4 + 4, MedRAT 1 + 1 + 1; three ties (one of them: neither) are halves for both.
    assert results.wins.systems == (M, X)
    assert results.wins.wins.tolist() == [[0.0, 4.5], [13.5, 0.0]]
    assert results.both_unacceptable == 1
    # 13.5 to 4.5: the difference of the log-strengths is log 3.
    assert results.strengths[X].value == pytest.approx(0.5493, abs=1e-3)
    preference = next(each for each in results.agreement if each.question == "preference")
    # ann and ben say the same in cases 0, 3 (ties), 4 and 5: 4 of 6, of three answers: (3 * 4/6 - 1) / 2.
    assert preference.pairs["ann", "ben"]["pabak"].value == pytest.approx(0.5)
    assert {row["quote"] for row in read_table(store, "report_errors")} == {"Heart size"}
    ratings = read_table(store, "current_ratings")
    assert all(json.loads(row["shown_json"])["blinded"] for row in ratings)
    assert max(row["active_seconds"] for row in ratings) > 0


def check_results_page(tab):
    tab.click("button[role=tab] >> text=Results")
    tab.wait_for_function("document.querySelector('#results-study input')?.value.includes('films')")
    tab.click("#results-compute")
    tab.wait_for_selector(".rd-result")
    quality = tab.inner_text(".rd-result:has-text('Quality of each system') tbody")
    assert all(part in quality for part in ("XProNet", "4.11", "MedRAT", "2.39"))
    assert tab.locator(".rd-figure svg").count() == 4
    with tab.expect_download() as download:
        tab.click("#download-csv")
    assert download.value.suggested_filename == "radui-ratings.csv"
    assert len(Path(download.value.path()).read_text().splitlines()) == 1 + 2 * 3 * CASES

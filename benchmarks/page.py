"""The whole page for one study: from the start of app.py to all reports with their evidence, in a browser.

    python -m benchmarks.page

app.py runs on two cores in a process of its own, Chromium beside it. "At once": an example is loaded and
Run pressed as soon as the page shows, while torch and the checkpoints still load. The others: one more
example in the same tab, looked at for two seconds. Seconds count from the click on Run, as the browser
sees them; a report is done with its evidence.
"""

import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.server import serving
from benchmarks.timing import machine, parser, show

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
PATIENCE = 600_000  # milliseconds
GOALS = {
    "page up": 8.0,
    "first words": 1.0,
    "all reports with evidence": 5.0,
    "peak memory": 2048.0,
}
WATCH = """() => {
  window.noted = {};
  const look = () => {
    const seen = window.noted, now = performance.now();
    if (seen.run === undefined) return requestAnimationFrame(look);
    for (const card of document.querySelectorAll('.rd-card')) {
      const name = card.getAttribute('aria-label'), done = card.dataset.phase === 'done';
      if (card.querySelector('.rd-word') && !(name + ': words' in seen)) seen[name + ': words'] = now;
      if (done && !(name + ': report' in seen)) seen[name + ': report'] = now;
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


@contextmanager
def tab(url: str, chromium: str) -> Iterator[Any]:
    """A browser tab on the page, which can be used."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=OPTIONS)
        found = browser.new_page(viewport={"width": 1440, "height": 900})
        found.set_default_timeout(PATIENCE)
        found.add_init_script("sessionStorage.setItem('radui-accepted', 'yes')")  # the notice
        found.goto(url)
        found.wait_for_selector("#run")
        yield found
        browser.close()


def report(page: Any, example: int, look_ms: int) -> dict[str, float]:
    """Seconds from the click on Run to the first words and the whole report of each system."""
    before = page.get_attribute(".rd-viewer", "data-study") or ""
    page.click(f".rd-examples button >> nth={example}")
    page.wait_for_function(
        "before => { const now = document.querySelector('.rd-viewer').dataset.study;"
        " return now && now !== before; }",
        arg=before,
    )
    page.wait_for_timeout(look_ms)
    page.evaluate(WATCH)
    page.evaluate("() => { window.noted.run = performance.now(); }")
    page.click("#accept" if page.is_visible("#question") else "#run")
    page.wait_for_selector("#question, [data-phase=done]")
    if page.is_visible("#question"):
        page.evaluate("() => { window.noted.run = performance.now(); }")
        page.click("#accept")
    page.wait_for_function(
        "() => { const cards = [...document.querySelectorAll('.rd-card')].filter(card => card.offsetParent);"
        " return cards.length && cards.every(card => card.dataset.phase === 'done'); }"
    )
    page.wait_for_timeout(50)  # for the frame that notes the last one
    seen = page.evaluate("() => window.noted")
    started = seen.pop("run")
    return {name: (value - started) / 1e3 for name, value in seen.items()}


def summary(seconds: dict[str, float]) -> dict[str, float]:
    """First words of any system, each report, and all of them."""
    words = [value for name, value in seconds.items() if name.endswith(": words")]
    reports = {name: value for name, value in seconds.items() if name.endswith(": report")}
    return {"first words": min(words), **reports, "all reports with evidence": max(reports.values())}


def measure(options: Namespace) -> dict[str, float]:
    """All figures of one start of the app, by name."""
    with serving("--checkpoints", options.checkpoints, cores=options.cores) as server:
        found = {"page up": server.up_seconds}
        opened = time.perf_counter()
        with tab(server.url, options.chromium) as page:
            found["page in the browser"] = time.perf_counter() - opened
            found |= {f"{name}, at once": value for name, value in summary(report(page, 0, 0)).items()}
            found["memory at rest"] = server.resident()
            for example in (1, 2):
                after = summary(report(page, example, 2000))
            found |= after
        found["peak memory"] = server.peak()
    return found


def main() -> None:
    """Print the table: medians over the rounds."""
    arguments = parser(__doc__, rounds=3)
    arguments.add_argument("--checkpoints", default="checkpoints")
    arguments.add_argument("--cores", type=int, default=2)
    arguments.add_argument("--chromium", default="/usr/bin/chromium")
    options = arguments.parse_args()
    print(machine())
    turns = [measure(options) for _ in range(options.rounds)]
    rows, ratios = [], {}
    for name in turns[0]:
        values = sorted(turn[name] for turn in turns)
        value = values[len(values) // 2]
        unit = "MiB" if "memory" in name else "s"
        goal = GOALS.get(name)
        rows.append(
            [
                name,
                f"{value:.0f} MiB" if unit == "MiB" else f"{value:.2f} s",
                f"{goal:.0f} {unit}" if goal else "",
            ]
        )
        if goal:
            ratios[f"goal / {name}"] = goal / value
    show(options, ["one study, two views", "measured", "goal"], rows, ratios)


if __name__ == "__main__":
    main()

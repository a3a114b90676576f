"""Take the README's picture: start the page, report an example, click a word, save docs/compare.png.

python docs/make_screenshot.py [--tab explain] [--example 2] [--word effusion] [--theme dark] [--out FILE]
python docs/make_screenshot.py --tab synthesize --out docs/synthesize.png
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]


def main() -> None:
    """Take the picture that the command line asks for."""
    options = parse_options()
    command = [sys.executable, "app.py", "--port", str(options.port), "--checkpoints", options.checkpoints]
    server = subprocess.Popen(command, cwd=ROOT)
    try:
        url = f"http://127.0.0.1:{options.port}"
        wait_for(url)
        take_picture(url, options)
    finally:
        server.terminate()
        server.wait()


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--example", type=int, default=0, help="which example, from 0")
    parser.add_argument(
        "--word", default="heart", help="the word to click; the first where it is not written"
    )
    parser.add_argument("--tab", choices=("compare", "explain", "synthesize"), default="compare")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--size", default="1440x900", help="of the window, WIDTHxHEIGHT")
    parser.add_argument("--checkpoints", default="checkpoints")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--port", type=int, default=7869)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/compare.png")
    return parser.parse_args()


def wait_for(url: str, seconds: float = 60) -> None:
    """Wait until the page answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            urlopen(url).close()
            return
        except URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def take_picture(url: str, options: argparse.Namespace) -> None:
    """Use the page as a reader would and save what is to be seen."""
    from playwright.sync_api import sync_playwright

    width, height = map(int, options.size.split("x"))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=options.chromium, args=OPTIONS)
        tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme=options.theme)
        tab.add_init_script(f"localStorage.setItem('radui-theme', '{options.theme}')")
        tab.add_init_script("sessionStorage.setItem('radui-accepted', 'yes')")  # the notice
        tab.goto(url)
        if options.tab == "synthesize":
            draw_example(tab)
        else:
            show_word(tab, options)
        tab.wait_for_timeout(500)
        tab.screenshot(path=str(options.out))
        browser.close()


def show_word(tab: Any, options: argparse.Namespace) -> None:
    """Report an example and click a word, on Compare or on Explain."""
    report_example(tab, options.example)
    if options.tab == "explain":
        tab.click("button[role=tab] >> text=Explain")
        tab.wait_for_selector('#viewer-explain .rd-viewer[data-study]:not([data-study=""])')
    card = "#card-explain" if options.tab == "explain" else ".rd-cards"
    words = tab.locator(f"{card} .rd-word[role]")
    chosen = words.filter(has_text=options.word)
    (chosen if chosen.count() else words).first.click()


def draw_example(tab: Any) -> None:
    """Change a finding of an example report and draw both on Synthesize."""
    tab.click("button[role=tab] >> text=Synthesize")
    tab.wait_for_selector("#draw:enabled")
    tab.fill("#wanted textarea", "The heart is normal in size. The lungs are clear.")
    tab.click("#change button")
    tab.wait_for_function("document.querySelector('#changed textarea').value.includes('effusion')")
    tab.click("#draw-pair")
    tab.wait_for_selector('#tiles [data-key="pair"]', timeout=180_000)


def report_example(tab: Any, example: int) -> None:
    """Load an example and wait for its reports; a question of the gate is answered with yes."""
    tab.click(f".rd-examples button >> nth={example}")
    tab.wait_for_selector('.rd-viewer[data-study]:not([data-study=""])')
    tab.click("#run")
    tab.wait_for_selector("#question, [data-phase=done]", timeout=120_000)
    if tab.is_visible("#question"):
        tab.click("#accept")
    tab.wait_for_selector("[data-phase=done]", timeout=120_000)
    tab.wait_for_function(
        "!document.querySelector('[data-phase=waiting], [data-phase=writing]')", timeout=120_000
    )


if __name__ == "__main__":
    main()

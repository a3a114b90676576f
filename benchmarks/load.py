"""Many visitors for minutes: errors, waiting times, memory over time, files left behind.

    python -m benchmarks.load --clients 50 --minutes 10

Starts app.py on 127.0.0.1 with the shipped checkpoints. Each client opens a tab, uploads a drawn film, has
every system report on it and closes the tab, again and again. Ends with 1 where anything but a polite "busy"
(status 429 or 503) was answered, or a file of a closed tab is still there 20 seconds after the last.
"""

import argparse
import sys
import threading
import time

import numpy as np

from benchmarks.page_client import PageClient
from benchmarks.visits import WARM_SECONDS, Page, Tally, growth, left_over, pictures, watched

SETTLE_SECONDS = 20
MAX_CLIENTS, MAX_MINUTES = 100, 30


def visit(url: str, page: Page, films: list[bytes], number: int, end: float, tally: Tally) -> None:
    """One client until the time is over."""
    client = PageClient(url, WARM_SECONDS)
    turn = number
    while time.monotonic() < end:
        tally.count(client, page, films[turn % len(films)])
        turn += 7
    client.close()


def main() -> int:
    """Run the load and print the figures; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clients", type=int, default=50, choices=range(1, MAX_CLIENTS + 1), metavar="N")
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    films, tally = pictures(20), Tally()
    with watched() as (server, folder):
        first = PageClient(server.url, WARM_SECONDS)
        page, warm = Page(first.config()), Tally()
        warm.count(first, page, films[0])
        if warm.errors:
            sys.exit(f"The first visit failed: {warm.errors[0]}")
        started = time.monotonic()
        end = started + 60 * min(options.minutes, MAX_MINUTES)
        threads = [
            threading.Thread(target=visit, args=(server.url, page, films, number, end, tally))
            for number in range(options.clients)
        ]
        for thread in threads:
            thread.start()
        memory = []
        while any(thread.is_alive() for thread in threads):
            memory.append(((time.monotonic() - started) / 60, server.resident()))
            time.sleep(2)
        minutes = (time.monotonic() - started) / 60
        time.sleep(SETTLE_SECONDS)
        files, last = left_over(folder), server.resident()
    quantiles = np.percentile(tally.seconds, (50, 95)) if tally.seconds else (float("nan"),) * 2
    print(f"{options.clients} clients, {minutes:.1f} minutes, {len(page.systems)} systems a study")
    print(f"studies {len(tally.seconds)} ({len(tally.seconds) / minutes:.1f} a minute)")
    print(f"seconds from Run to the last word: median {quantiles[0]:.1f}, 95 % {quantiles[1]:.1f}")
    print(f"busy {tally.busy}, errors {len(tally.errors)}, files left {len(files)}")
    print(
        f"memory MiB: start {memory[0][1]:.0f}, highest {max(size for _, size in memory):.0f}, "
        f"after the last tab {last:.0f}; second half {growth(memory):+.1f} a minute"
    )
    for problem in (*tally.errors[:5], *files[:5]):
        print(" ", problem)
    return int(bool(tally.errors or files or not tally.seconds))


if __name__ == "__main__":
    sys.exit(main())

"""Study after study on one page: does memory grow, does a file stay?

    python -m benchmarks.leaks --studies 1000

One client against app.py on 127.0.0.1 with the shipped checkpoints; a tab has ten studies of one system, the
next tab ten of the next system; then it closes, so that its history is full and goes. Ends with 1 where
memory grows by more than 10 MiB for a hundred studies over the second half, where a study fails, or where a
file of a closed tab stays.
"""

import argparse
import sys
import time

from benchmarks.page_client import PageClient
from benchmarks.visits import WARM_SECONDS, Page, Tally, growth, left_over, pictures, watched

A_TAB = 10
ALLOWED = 10.0
"""MiB for a hundred studies: less than one picture's arrays for each, more than an allocator's noise."""


def main() -> int:
    """Run the studies and print memory as it goes; 1 where it leaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000)
    options = parser.parse_args()
    films, tally = pictures(20), Tally()
    samples: list[tuple[float, float]] = []
    with watched() as (server, folder):
        client = PageClient(server.url, WARM_SECONDS)
        page = Page(client.config())
        for tab in range(-(-options.studies // A_TAB)):
            system = page.systems[tab % len(page.systems)]
            tally.count(client, page, films[tab % len(films)], A_TAB, [system])
            samples.append((len(tally.seconds) / 100, server.resident()))
            if tab % 8 == 0:
                print(f"{len(tally.seconds):6} studies {samples[-1][1]:7.0f} MiB", flush=True)
            if tally.errors:
                break
        time.sleep(20)
        files = left_over(folder)
    slope = growth(samples)
    print(
        f"{len(tally.seconds)} studies: {samples[0][1]:.0f} MiB after the first tab, "
        f"{samples[-1][1]:.0f} at the end, "
        f"{slope:+.1f} MiB a hundred studies over the second half; {len(files)} files left"
    )
    for problem in (*tally.errors[:5], *files[:5]):
        print(" ", problem)
    return int(bool(tally.errors or files) or slope > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())

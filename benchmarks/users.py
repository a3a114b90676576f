"""Many users at once: what they ask of a system decoded as one batch, against the plain queue.

    python -m benchmarks.users                      # 1, 8, 32 clients; --batch 16 against --batch 1
    python -m benchmarks.users --workers 2          # two apps behind a proxy with sticky sessions against one

Each client is a gradio_client that uploads a drawn study of its own and waits for its report, again and
again; seconds are those of a whole call, upload and evidence included. Clients and server share the machine.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier

import numpy as np

from benchmarks.proxy import proxying
from benchmarks.server import serving
from benchmarks.timing import machine, parser, show


@dataclass(frozen=True)
class Load:
    """What a number of clients saw: reports a minute, seconds of a call (median, 95th percentile)."""

    per_minute: float
    median: float
    p95: float


def measure(url: str, pictures: Sequence[Path], clients: int, calls: int, system: str) -> Load:
    """Let clients call at once, `calls` times each; every call must answer with a report."""
    from gradio_client import Client, handle_file

    # A client that was made before the clock starts; making one reads the whole page's configuration.
    made = [Client(url, verbose=False, httpx_kwargs={"timeout": 300}) for _ in range(clients)]
    barrier = Barrier(clients + 1)

    def work(index: int) -> list[float]:
        seconds = []
        barrier.wait()
        for call in range(calls):
            files = [handle_file(pictures[(index * calls + call) % len(pictures)])]
            started = time.perf_counter()
            answer = made[index].predict(files, [system], None, "", api_name="/report")
            seconds.append(time.perf_counter() - started)
            assert not answer["problems"], answer
            assert all(one["report"] for one in answer["reports"].values()), answer
        return seconds

    with ThreadPoolExecutor(clients) as pool:
        futures = [pool.submit(work, index) for index in range(clients)]
        barrier.wait()
        started = time.perf_counter()
        seconds = [each for future in futures for each in future.result()]
    total = time.perf_counter() - started
    return Load(60 * len(seconds) / total, float(np.median(seconds)), float(np.percentile(seconds, 95)))


def draw(folder: Path, count: int) -> list[Path]:
    """Frontal films of drawn studies, all different."""
    import cv2

    from train.data.synthetic import draw_study

    paths = [folder / f"{seed}.png" for seed in range(count)]
    for seed, path in enumerate(paths):
        cv2.imwrite(str(path), draw_study(seed).frontal)
    return paths


@contextmanager
def running(pictures: Sequence[Path], workers: int, system: str, options: Sequence[str]) -> Iterator[str]:
    """The address of one app, or of a proxy before several; their checkpoints are loaded."""
    with ExitStack() as stack:
        urls = [stack.enter_context(serving(*options)).url for _ in range(workers)]
        url = urls[0] if workers == 1 else stack.enter_context(proxying(urls))
        measure(url, pictures, 2 * workers, 1, system)
        yield url


def rivals(workers: int, batch: int) -> dict[str, tuple[int, list[str]]]:
    """Number of apps and their options, by name; the second is measured against the first."""
    batched = ["--batch", str(batch)]
    if workers > 1:
        return {"one app": (1, batched), f"{workers} apps": (workers, batched)}
    return {"plain queue": (1, ["--batch", "1"]), f"batches of up to {batch}": (1, batched)}


def compare(options: argparse.Namespace, pictures: Sequence[Path]) -> dict[int, dict[str, Load]]:
    """Loads by number of clients and server, taken in turns: the one with the median rate."""
    found: dict[int, dict[str, Load]] = {}
    with ExitStack() as stack:
        urls = {
            name: stack.enter_context(running(pictures, workers, options.system, switches))
            for name, (workers, switches) in rivals(options.workers, options.batch).items()
        }
        for count in options.clients:
            turns = [
                {
                    name: measure(url, pictures, count, options.calls, options.system)
                    for name, url in urls.items()
                }
                for _ in range(options.rounds)
            ]
            found[count] = {name: _middle([turn[name] for turn in turns]) for name in urls}
    return found


def _middle(loads: Sequence[Load]) -> Load:
    return sorted(loads, key=lambda load: load.per_minute)[len(loads) // 2]


def main() -> None:
    """Print the table."""
    arguments = parser(__doc__, rounds=3)
    arguments.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    arguments.add_argument("--calls", type=int, default=3, help="of each client (%(default)s)")
    arguments.add_argument("--system", default="xpronet")
    arguments.add_argument("--batch", type=int, default=16)
    arguments.add_argument("--workers", type=int, default=1)
    options = arguments.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        loads = compare(options, draw(Path(folder), max(options.clients) * options.calls))
    rows, ratios = [], {}
    for count, pair in loads.items():
        before = next(iter(pair.values()))
        for name, load in pair.items():
            ratio = load.per_minute / before.per_minute
            figures = [f"{load.per_minute:.0f}", f"{load.median:.2f}", f"{load.p95:.2f}", f"{ratio:.1f}"]
            rows.append([str(count), name, *figures])
        ratios[f"{name}, {count} clients"] = ratio
    show(options, ["clients", "server", "reports a minute", "median s", "p95 s", "ratio"], rows, ratios)


if __name__ == "__main__":
    main()

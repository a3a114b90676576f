"""A guard against getting slower: the quick benchmarks again, their ratios beside the stored ones.

    python -m benchmarks.guard                 # prints; `--store` writes benchmarks/ratios.json anew
    python -m benchmarks.guard --only decoding transport

Ratios (theirs over ours, both in one run) mean the same on every machine, seconds do not. Nothing fails on
its own: a ratio that fell by more than a fifth is marked, and a person looks. Run it on a quiet machine.
"""

import json
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, RawTextHelpFormatter
from pathlib import Path

from benchmarks.server import ROOT
from benchmarks.timing import table

STORED = Path(__file__).with_name("ratios.json")
QUICK = {
    "decoding": ["--rounds", "3"],
    "transport": ["--rounds", "3", "--sizes", "2"],
    "users": ["--rounds", "1", "--clients", "8", "--calls", "2"],
    "batch": ["--studies", "32", "--processes", "1"],
}
FELL = 0.8

Ratios = dict[str, dict[str, float]]


def run(name: str) -> dict[str, float]:
    """The ratios of one benchmark in its quick form."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ratios.json")
        command = [sys.executable, "-m", f"benchmarks.{name}", *QUICK[name], "--json", str(path)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
        found: dict[str, float] = json.loads(path.read_text())
        return found


def compare(stored: Ratios, now: Ratios) -> list[list[str]]:
    """A row a ratio of now: what was stored, what is measured, and a mark where it fell."""
    rows = []
    for benchmark, ratios in now.items():
        for name, ratio in ratios.items():
            before = stored.get(benchmark, {}).get(name)
            change = "new" if before is None else f"{ratio / before:.2f}"
            mark = "slower" if before is not None and ratio < FELL * before else ""
            shown = "" if before is None else f"{before:.1f}"
            rows.append([benchmark, name, shown, f"{ratio:.1f}", change, mark])
    return rows


def main() -> None:
    """Print the table; 0 whatever it says."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(QUICK), choices=QUICK)
    parser.add_argument("--store", action="store_true", help="keep what is measured as the new standard")
    options = parser.parse_args()
    stored: Ratios = json.loads(STORED.read_text()) if STORED.exists() else {}
    now = {name: run(name) for name in options.only}
    print(table(["benchmark", "ratio", "stored", "now", "now / stored", ""], compare(stored, now)))
    if options.store:
        STORED.write_text(json.dumps(stored | now, indent=1) + "\n")


if __name__ == "__main__":
    main()

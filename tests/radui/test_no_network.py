"""A machine without a network: the shipped checkpoints load, every system writes, no address is looked up."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from radui.engine import NEEDED, TITLES

ROOT = Path(__file__).parents[2]
CHECKPOINTS = ROOT / "checkpoints"
WANTED = (*TITLES, *NEEDED, "adamatch")
MISSING = [name for name in WANTED if not (CHECKPOINTS / name / "model.safetensors").exists()]
# An audit hook that raises stops the call, whatever library makes it.
SCRIPT = """
import json, sys

LOOPBACK = ("127.0.0.1", "::1", "localhost", None)

def no_network(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if host not in LOOPBACK:
        print("CALLED", host, file=sys.stderr, flush=True)
        raise OSError(101, "Network is unreachable")

sys.addaudithook(no_network)
from pathlib import Path

from radui.engine import Engine
from radui.processing.images import read_study
from radui.ui.examples import list_examples

engine = Engine(Path(sys.argv[1]))
study = read_study(list_examples()[0].read())
written = {}
for status in engine.systems():
    *_, last = engine.predict(status.name, study)
    written[status.name] = last.report if last.complete else ""
print(json.dumps(written))
"""


@pytest.mark.skipif(bool(MISSING), reason=f"no checkpoint of {', '.join(MISSING)}")
def test_every_shipped_system_writes_without_a_network(tmp_path):
    offline = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
    environment = {name: value for name, value in os.environ.items() if name not in offline}
    # A home without anything that an earlier download may have left.
    environment |= {"HF_HOME": str(tmp_path), "TORCH_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(CHECKPOINTS)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "CALLED" not in done.stderr
    written = json.loads(done.stdout.splitlines()[-1])
    assert set(written) == set(TITLES)
    for system, report in written.items():
        assert len(report.split()) > 3, system


def test_the_hook_of_that_test_stops_a_call():
    """Else it would prove nothing."""
    hook = SCRIPT.split("from pathlib")[0]
    trial = "import urllib.request; urllib.request.urlopen('http://example.org', timeout=5)"
    done = subprocess.run([sys.executable, "-c", hook + trial], capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    assert "CALLED example.org" in done.stderr

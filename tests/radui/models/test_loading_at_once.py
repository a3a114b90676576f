import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import threading
from pathlib import Path
from radui.models.registry import load

done = []
threads = [
    threading.Thread(target=lambda name=name: done.append(load(Path("checkpoints", name)).name))
    for name in ("adamatch_cyclic", "otdrg", "medrat")
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*sorted(done))
"""


def test_checkpoints_that_are_loaded_at_once_in_a_new_process_all_come():
    """Each first imports transformers; without a lock one of them found it half made, nearly always."""
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["adamatch_cyclic", "medrat", "otdrg"], found.stderr

"""Let coverage choose the damage: `python -m tests.fuzz.guided --seconds 300` (wants `pip install atheris`).

Starts from the small files, keeps each change that reaches new branches of this reader, of pydicom or of
Pillow, and changes it further. A fault stops it with the file kept under --keep; libFuzzer's last line
counts the files tried ("#"), the branches reached ("cov") and the files kept for them ("corp").
"""

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["radui.processing", "pydicom", "PIL"], enable_loader_override=False):
    from tests.fuzz.seeds import small_files
    from tests.fuzz.trials import read

_LONGEST = 12_000  # bytes
_SLOWEST = 60  # seconds
_MEMORY = 3000  # MiB


class FaultError(Exception):
    """The reader did what it must not do."""


def try_file(data: bytes) -> None:
    """Read one file; FaultError for anything but a sound picture or a clear refusal."""
    outcome, sentence = read(data)
    if outcome == "FAULT":
        raise FaultError(sentence)


def main() -> None:
    """Write the first files, hand over to libFuzzer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7580)
    parser.add_argument("--keep", type=Path, default=Path("runs/faults"), help="folder for files that failed")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(small_files().values()):
            Path(corpus, str(number)).write_bytes(data)
        atheris.Setup([sys.argv[0], corpus, *_settings(options)], try_file)
        atheris.Fuzz()


def _settings(options: argparse.Namespace) -> list[str]:
    return [
        f"-max_total_time={options.seconds}",
        f"-seed={options.seed}",
        f"-max_len={_LONGEST}",
        f"-timeout={_SLOWEST}",
        f"-rss_limit_mb={_MEMORY}",
        f"-artifact_prefix={options.keep}/",
        "-print_final_stats=1",
    ]


if __name__ == "__main__":
    main()

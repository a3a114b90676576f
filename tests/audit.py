"""What the app is made of, checked without a network: `python -m tests.audit`.

Follows requirements.txt through everything it needs and prints each distribution with its version and
licence. Ends with 1 where one is missing, of a version that somebody does not accept, or has files that
differ from the sums that its wheel recorded. No list of known vulnerabilities is asked: that needs the
network (`pip-audit -r requirements.txt`).
"""

import argparse
import base64
import hashlib
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
_BUFFER = 2**20


def requirements(path: Path) -> list[Requirement]:
    """The requirements of a file, comments left out."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def closure(roots: list[Requirement]) -> tuple[dict[str, Distribution], list[str]]:
    """All distributions that the roots need, by name, and what is missing or not accepted."""
    found: dict[str, Distribution] = {}
    faults, waiting, seen = [], [("requirements.txt", root) for root in roots], set()
    while waiting:
        asker, wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if (name, str(wanted.specifier), frozenset(wanted.extras)) in seen:
            continue
        seen.add((name, str(wanted.specifier), frozenset(wanted.extras)))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            faults.append(f"{name} is missing; {asker} needs it")
            continue
        if not wanted.specifier.contains(found[name].version, prereleases=True):
            faults.append(f"{asker} needs {wanted}, not {found[name].version}")
        waiting += [(name, needed) for needed in _needs(found[name], wanted.extras)]
    return found, faults


def _needs(installed: Distribution, extras: set[str]) -> list[Requirement]:
    needed = [Requirement(line) for line in installed.requires or []]
    return [
        each
        for each in needed
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]


def changed_files(installed: Distribution) -> list[str]:
    """Files of a distribution that are gone or differ from the SHA-256 in its RECORD."""
    changed = []
    for file in installed.files or []:
        if file.hash is None or file.hash.mode != "sha256":
            continue
        path = Path(str(file.locate()))
        if not path.is_file() or _digest(path) != file.hash.value:
            changed.append(str(file))
    return changed


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BUFFER):
            digest.update(block)
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()


def licence(installed: Distribution) -> str:
    """The licence in a distribution's own words, at most 40 characters; "not stated" without any."""
    metadata = installed.metadata
    classifiers = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or [] if "License ::" in line
    ]
    stated = metadata["License-Expression"] or ", ".join(classifiers) or metadata["License"] or "not stated"
    return stated.strip().splitlines()[0][:40]


def main() -> None:
    """Print the table and the faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requirements", type=Path, default=ROOT / "requirements.txt")
    options = parser.parse_args()
    found, faults = closure(requirements(options.requirements))
    for name, installed in sorted(found.items()):
        print(f"{name:32} {installed.version:16} {licence(installed)}")
        faults += [f"{name}: {file} is not the file that was installed" for file in changed_files(installed)]
    print(f"{len(found)} distributions, {len(faults)} faults", *faults, sep="\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()

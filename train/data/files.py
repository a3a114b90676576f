"""What the readers share: files that must be there, JSON and CSV tables, labels, choice of views."""

import csv
import gzip
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from radui.observations import OBSERVATIONS, State
from radui.records import View
from train.data.study import DataError

Picture = tuple[Path, View | None]

# CheXpert's and MIMIC-CXR-JPG's code of a label, as number; blank is "not mentioned".
LABEL_CODES: dict[float, State] = {1.0: State.POSITIVE, 0.0: State.NEGATIVE, -1.0: State.UNCERTAIN}


def require_file(path: Path, expected: str) -> Path:
    """Return `path` if it is a file; DataError naming it and what was `expected` if not."""
    if not path.is_file():
        raise DataError(f"{path} is missing: expected {expected}.")
    return path


def read_json(path: Path, expected: str) -> Any:
    """Return the parsed JSON file; DataError if it is missing or no JSON."""
    require_file(path, expected)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path} is not valid JSON ({error}): expected {expected}.") from error


def read_csv(path: Path, columns: Collection[str]) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file by column name, gzip-compressed where the name ends in ".gz".

    A decompressed copy beside a missing ".gz" is read in its place. DataError if the file is
    missing, damaged, or lacks one of `columns`.
    """
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    source = plain if plain.is_file() and not path.is_file() else path
    require_file(source, f"a CSV table with the columns {', '.join(columns)}")
    try:
        with _open_text(source) as stream:
            reader = csv.DictReader(stream)
            _require_columns(source, columns, reader.fieldnames or ())
            yield from reader
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{source} cannot be read as a CSV table ({error}): expected a whole file."
        ) from error


def _open_text(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _require_columns(path: Path, columns: Collection[str], found: Collection[str]) -> None:
    absent = [column for column in columns if column not in found]
    if absent:
        raise DataError(f"{path} has no column {', '.join(absent)}: expected {', '.join(columns)}.")


def label_states(row: Mapping[str, str], source: Path) -> dict[str, State]:
    """Read the 14 observations from a table row by name: 1, 0, -1 or blank; DataError otherwise."""
    return {name: _label_state(name, row.get(name) or "", source) for name in OBSERVATIONS}


def _label_state(name: str, text: str, source: Path) -> State:
    if not text.strip():
        return State.UNMENTIONED
    try:
        return LABEL_CODES[float(text)]
    except (KeyError, ValueError):
        raise DataError(f'{source} gives "{name}" the value {text!r}: expected 1, 0, -1 or blank.') from None


def choose_views(pictures: Sequence[Picture]) -> tuple[Picture, ...]:
    """Pick the first frontal, then the first lateral; a study with neither gives its first picture."""
    chosen = [
        next((picture for picture in pictures if picture[1] == view), None) for view in ("frontal", "lateral")
    ]
    return tuple(picture for picture in chosen if picture is not None) or tuple(pictures[:1])

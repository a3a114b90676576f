"""The ratings for other programs: CSV, JSONL, preference pairs for DPO, and all of it in a zip."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from radui.store.connection import Store
from radui.store.dictionary import DICTIONARY
from radui.store.errors import StoreError, typed_errors
from radui.store.pairs import read_pairs
from radui.store.tables import list_studies, read_table

PROMPT = "Write the findings of this chest radiograph."
_Reports = Mapping[tuple[str, str], Mapping[str, Any]]
"""(case_id, system) -> row of candidates."""


def as_csv(rows: Sequence[dict[str, Any]], columns: Iterable[str]) -> str:
    """Rows as CSV with a header, also where there is no row; an empty cell is NULL."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_jsonl(rows: Iterable[dict[str, Any]]) -> str:
    """Rows as one JSON object a line; columns that hold JSON (…_json) are unfolded."""
    return "".join(json.dumps(_unfolded(row), ensure_ascii=False) + "\n" for row in rows)


def _unfolded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name.removesuffix("_json"): json.loads(value) if name.endswith("_json") and value else value
        for name, value in row.items()
    }


def preference_pairs(store: Store, study_id: str) -> list[dict[str, Any]]:
    """Pairs for DPO: prompt, chosen, rejected, with the pictures' files and where each came from.

    source "vote": a decided comparison, both texts as the systems wrote them. "edit": a report that a reader
    edited is preferred to what the reader was shown, so that the two differ by the edit alone. First readings
    only; ties and pairs of equal texts are left out.
    """
    cases = {row["case_id"]: row for row in read_table(store, "cases", study_id)}
    files = _picture_files(store)
    reports = {
        (row["case_id"], row["system"]): row
        for row in read_table(store, "candidates")
        if row["case_id"] in cases
    }
    return [
        {
            "prompt": _prompt(cases[pair["case_id"]]["indication"]),
            **pair,
            "images": files.get(pair["case_id"], []),
        }
        for pair in (*_voted(store, study_id, reports), *_edited(store, study_id, reports))
        if pair["chosen"] != pair["rejected"]
    ]


def _voted(store: Store, study_id: str, reports: _Reports) -> Iterator[dict[str, Any]]:
    decided = [pair for pair in read_pairs(store, study_id) if pair.round == 1 and pair.score != 0.5]
    for pair in decided:
        winner, loser = (pair.first, pair.second) if pair.score == 1 else (pair.second, pair.first)
        yield {
            "chosen": reports[pair.case_id, winner]["report"],
            "rejected": reports[pair.case_id, loser]["report"],
            "source": "vote",
            "chosen_system": winner,
            "rejected_system": loser,
            "case_id": pair.case_id,
            "reader_id": pair.reader_id,
        }


def _edited(store: Store, study_id: str, reports: _Reports) -> Iterator[dict[str, Any]]:
    for row in read_table(store, "report_ratings", study_id):
        if row["round"] == 1 and row["edited_report"]:
            yield {
                "chosen": row["edited_report"],
                "rejected": reports[row["case_id"], row["system"]]["shown_report"],
                "source": "edit",
                "chosen_system": row["system"],
                "rejected_system": row["system"],
                "case_id": row["case_id"],
                "reader_id": row["reader_id"],
            }


def _picture_files(store: Store) -> dict[str, list[str]]:
    """File names by case, in the order that they were shown in."""
    files: dict[str, list[str]] = {}
    for row in sorted(read_table(store, "case_pictures"), key=lambda row: row["position"]):
        files.setdefault(row["case_id"], []).append(f"{row['picture_sha256']}.png")
    return files


def _prompt(indication: str) -> str:
    return f"Indication: {indication}\n{PROMPT}" if indication else PROMPT


def export_zip(store: Store, target: Path) -> Path:
    """Write every table as CSV and JSONL, the preference pairs and the data dictionary into a new zip."""
    if target.exists():
        raise StoreError(f"{target} exists already; choose another name for the export.")
    with typed_errors(target), zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _files(store):
            archive.writestr(name, text)
    return target


def _files(store: Store) -> Iterable[tuple[str, str]]:
    for table, columns in DICTIONARY.items():
        rows = read_table(store, table)
        yield f"{table}.csv", as_csv(rows, columns)
        yield f"{table}.jsonl", as_jsonl(rows)
    pairs = [pair for row in list_studies(store) for pair in preference_pairs(store, row["study_id"])]
    yield "preference_pairs.jsonl", as_jsonl(pairs)
    yield "data_dictionary.csv", dictionary_csv()


def dictionary_csv() -> str:
    """What each column of each table means, as CSV."""
    rows = [
        {"table": table, "column": column, "meaning": meaning}
        for table, columns in DICTIONARY.items()
        for column, meaning in columns.items()
    ]
    return as_csv(rows, ("table", "column", "meaning"))

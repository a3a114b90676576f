import csv
import io
import json
import zipfile
from pathlib import Path

import pytest

from radui.store.dictionary import DICTIONARY, KEPT_INSIDE, as_markdown
from radui.store.errors import NotFoundError, StoreError
from radui.store.export import as_csv, export_zip, preference_pairs
from radui.store.pairs import read_pairs
from radui.store.ratings import submit
from radui.store.readers import add_reader
from radui.store.tables import read_table
from radui.store.tasks import next_task

ROOT = Path(__file__).parents[3]


def letter_of(store, task, system):
    candidates = {row["candidate_id"]: row["system"] for row in read_table(store, "candidates")}
    rows = read_table(store, "assignment_letters")
    return next(
        row["letter"]
        for row in rows
        if row["assignment_id"] == task.assignment_id and candidates[row["candidate_id"]] == system
    )


@pytest.fixture
def voted(store, begin, answers):
    """Three cases: xpronet preferred, both equivalent, medrat preferred."""
    study_id, (ann,) = begin(store, cases=3)
    for winner in ("xpronet", None, "medrat"):
        task = next_task(store, ann, study_id)
        vote = letter_of(store, task, winner) if winner else "equivalent"
        submit(store, ann, task.assignment_id, answers(task, preference=vote), 1)
    return study_id


def test_every_column_is_described_and_no_secret_leaves(store):
    bookkeeping = {"sqlite_sequence", "_sqlite_migrations"}
    with store.reading() as database:
        tables = {*database.table_names(), *database.view_names()} - bookkeeping
        columns = {
            table: {row["name"] for row in database.query(f"PRAGMA table_info({table})")} for table in tables
        }
    described = {table: {*DICTIONARY.get(table, ()), *KEPT_INSIDE.get(table, ())} for table in tables}
    assert described == columns
    assert DICTIONARY.keys() | KEPT_INSIDE.keys() == tables
    assert "password_hash" not in DICTIONARY["readers"]
    assert "drafts" not in DICTIONARY


def test_the_documentation_is_the_dictionary():
    written = (ROOT / "docs" / "ratings.md").read_text(encoding="utf-8")
    assert written.endswith(as_markdown()), "put `as_markdown()` of radui.store.dictionary at its end"


def test_pandas_reads_the_file_as_the_documentation_says(store, voted, monkeypatch, capsys):
    written = (ROOT / "docs" / "ratings.md").read_text(encoding="utf-8")
    code = written.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(store.path.parent)
    exec(compile(code, "docs/ratings.md", "exec"), {})
    told = capsys.readouterr().out
    assert "medrat     4.0" in told
    assert "xpronet    4.0" in told


def test_preference_pairs_are_the_decided_votes_in_the_systems_own_words(store, voted):
    pairs = preference_pairs(store, voted)
    assert {(pair["chosen_system"], pair["rejected_system"]) for pair in pairs} == {
        ("xpronet", "medrat"),
        ("medrat", "xpronet"),
    }
    assert {pair["source"] for pair in pairs} == {"vote"}
    won = next(pair for pair in pairs if pair["chosen_system"] == "xpronet")
    assert won["chosen"] == "the heart is normal in size . the lungs are clear . "
    assert won["rejected"].startswith("FINDINGS: Heart size")
    assert won["prompt"] == "Write the findings of this chest radiograph."
    assert (store.pictures / won["images"][0]).exists()


def test_an_edited_report_is_preferred_to_what_was_shown(store, begin, answers, rated):
    study_id, (ann,) = begin(store)
    task = next_task(store, ann, study_id)
    letter = letter_of(store, task, "medrat")
    shown = next(each.text for each in task.reports if each.letter == letter)
    reports = {each.letter: rated() for each in task.reports}
    reports[letter]["edited_report"] = shown.replace("small", "large")
    given = answers(task, reports=reports, preference="equivalent")
    submit(store, ann, task.assignment_id, given, 1)
    (pair,) = preference_pairs(store, study_id)
    assert pair["source"] == "edit"
    assert pair["rejected_system"] == "medrat"
    # Both in the words and the layout that the reader saw: only the edit tells them apart.
    assert pair["rejected"] == "Heart size is enlarged. There is a small left effusion."
    assert pair["chosen"] == "Heart size is enlarged. There is a large left effusion."
    assert pair["reader_id"] == ann


def test_a_ranking_becomes_pairs_with_ties_as_halves(store, begin, answers):
    study_id, (ann,) = begin(store, systems=("xpronet", "medrat", "otdrg"))
    task = next_task(store, ann, study_id)
    ranks = {"xpronet": 1, "medrat": 2, "otdrg": 2}
    ranking = {letter_of(store, task, name): rank for name, rank in ranks.items()}
    submit(store, ann, task.assignment_id, answers(task, ranking=ranking), 1)
    found = {}
    for pair in read_pairs(store, study_id):
        assert pair.ranked
        found[pair.first, pair.second] = pair.score
        found[pair.second, pair.first] = 1 - pair.score
    assert found["xpronet", "medrat"] == found["xpronet", "otdrg"] == 1
    assert found["medrat", "otdrg"] == 0.5


def test_the_zip_has_every_table_twice_and_says_what_the_columns_are(store, voted, tmp_path):
    add_reader(store, "eve", password="correct horse")
    path = export_zip(store, tmp_path / "out.zip")
    with zipfile.ZipFile(path) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    rows = list(csv.DictReader(io.StringIO(texts["report_ratings.csv"])))
    assert len(rows) == 6
    assert {row["system"] for row in rows} == {"xpronet", "medrat"}
    events = [json.loads(line) for line in texts["rating_events.jsonl"].splitlines()]
    assert events[0]["answers"]["confidence"] == 4
    assert len(texts["preference_pairs.jsonl"].splitlines()) == 2
    described = list(csv.DictReader(io.StringIO(texts["data_dictionary.csv"])))
    assert {(row["table"], row["column"]) for row in described} >= {
        ("report_ratings", name) for name in rows[0]
    }
    assert all("scrypt" not in text for text in texts.values())
    with pytest.raises(StoreError, match="exists already"):
        export_zip(store, path)


def test_a_table_without_rows_still_has_its_header(store):
    assert as_csv(read_table(store, "report_errors"), ("a", "b")) == "a,b\n"


def test_only_described_tables_can_be_read(store):
    with pytest.raises(NotFoundError, match="There is no table drafts"):
        read_table(store, "drafts")

"""A store with a small reading study: drawn cases, systems by rote, readers with passwords of their own."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from radui.records import Study
from radui.store.creation import create_study, prepare_case
from radui.store.migrations import open_store
from radui.store.plan import GeneratedReport, NewCase, StudyPlan
from radui.store.queues import open_study
from radui.store.readers import add_reader
from radui.store.tasks import next_task

SYSTEMS = ("xpronet", "medrat")
REPORTS = {
    "xpronet": "the heart is normal in size . the lungs are clear .",
    "medrat": "FINDINGS: Heart size is ENLARGED.\nThere is a small left effusion.",
    "otdrg": "No acute disease.",
}


def write(system, study):
    return GeneratedReport(f"{REPORTS[system]} {study.indication}", f"{system}-sha", 0.5)


@pytest.fixture
def tmp_path(tmp_path):
    """A folder in memory where the system has one: waiting for the disk would be most of the time."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="radui-test-", dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "ratings.db")


@pytest.fixture(scope="session")
def case(draw):
    """case(number): a drawn radiograph under its own name."""

    def case(number, reference="Normal chest."):
        return NewCase(f"case-{number}", Study((draw(number, (24, 16)),)), reference)

    return case


@pytest.fixture
def begin(case):
    """begin(store, readers=…, cases=…, plan fields): an open study; its id and the readers' ids."""

    def begin(store, readers=("ann",), cases=1, **fields):
        plan = replace(StudyPlan("first", SYSTEMS, seed=3), **fields)
        study_id = create_study(store, plan)
        for number in range(cases):
            prepare_case(store, study_id, case(number), write)
        ids = [add_reader(store, name).reader_id for name in readers]
        open_study(store, study_id, ids)
        return study_id, ids

    return begin


def report(acceptability=4, **fields):
    return {"no_errors": True, "acceptability": acceptability, "hallucination": False, "clarity": 5, **fields}


def answer(task, **fields):
    """A complete submission to a task."""
    reports = {shown.letter: report() for shown in task.reports}
    votes = {"preference": "A"} if len(reports) == 2 else {"ranking": dict.fromkeys(reports, 1)}
    return {"image_quality_sufficient": True, "confidence": 4, "reports": reports, **votes, **fields}


@pytest.fixture
def take():
    """take(store, reader_id, study_id): the reader's next task."""
    return next_task


@pytest.fixture
def answers():
    return answer


@pytest.fixture
def writer():
    return write


@pytest.fixture
def rated():
    return report

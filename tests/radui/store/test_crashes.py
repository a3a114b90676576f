"""What was called saved is there after kill -9, and sixteen writers at once lose nothing."""

import multiprocessing
import os
import random
import signal
import time

from radui.store.maintenance import check
from radui.store.migrations import open_store
from radui.store.ratings import save_draft, submit
from radui.store.tables import read_table
from radui.store.tasks import get_task, next_task

KILLS = 20
FORK = multiprocessing.get_context("fork")  # a new interpreter would take half a second each


def rate_on(path, reader_id, study_id, answers, acknowledged):
    """Draft and submit task after task; each is told through the pipe once the store called it saved."""
    store = open_store(path)
    while task := next_task(store, reader_id, study_id):
        for step in range(3):
            save_draft(store, reader_id, task.assignment_id, {"reason": f"step {step}"})
            os.write(acknowledged, f"draft {task.assignment_id} {step}\n".encode())
        submit(store, reader_id, task.assignment_id, answers(task), 1.0)
        os.write(acknowledged, f"event {task.assignment_id} 0\n".encode())


def killed_run(store, reader_id, study_id, answers, lots):
    """What a process says until it is killed: a few words after it began, somewhere in its next write."""
    read_end, write_end = os.pipe()
    process = FORK.Process(target=rate_on, args=(store.path, reader_id, study_id, answers, write_end))
    process.start()
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        said = [pipe.readline() for _ in range(lots.randint(1, 5))]
        time.sleep(lots.uniform(0, 0.008))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        said += pipe.readlines()
    return [line.split() for line in said if line.endswith("\n")]


def test_what_was_called_saved_survives_kill_9_at_any_moment(store, begin, answers):
    study_id, (reader_id,) = begin(store, cases=10, repeat_share=1.0)
    lots, said = random.Random(7), []
    for _ in range(KILLS):
        said += killed_run(store, reader_id, study_id, answers, lots)
    submitted = {row["assignment_id"] for row in read_table(store, "rating_events")}
    assert {task for kind, task, _ in said if kind == "event"} <= submitted
    newest = {task: int(step) for kind, task, step in said if kind == "draft"}
    for task in newest.keys() - submitted:
        assert int(get_task(store, reader_id, task).draft["reason"].split()[1]) >= newest[task]
    assert newest
    assert submitted
    assert check(store) == []


def rate_all(path, reader_id, study_id, answers):
    store = open_store(path)
    while task := next_task(store, reader_id, study_id):
        save_draft(store, reader_id, task.assignment_id, {"confidence": 1})
        submit(store, reader_id, task.assignment_id, answers(task), 1.0)


def test_sixteen_writers_at_once_lose_nothing(store, begin, answers):
    readers = [f"reader{number}" for number in range(16)]
    study_id, ids = begin(store, readers=readers, cases=3)
    work = [FORK.Process(target=rate_all, args=(store.path, each, study_id, answers)) for each in ids]
    for process in work:
        process.start()
    for process in work:
        process.join()
    assert [process.exitcode for process in work] == [0] * 16
    events = read_table(store, "rating_events", study_id)
    assert len({row["assignment_id"] for row in events}) == len(events) == 16 * 3
    assert check(store) == []

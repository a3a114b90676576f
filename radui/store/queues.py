"""Who reads what in which order: queues dealt by the study's seed, letters shuffled for each task."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from uuid import uuid4

from sqlite_utils import Database

from radui.store.connection import Store
from radui.store.creation import read_plan, set_state
from radui.store.errors import RuleError
from radui.store.plan import StudyPlan

LETTERS = "ABCDEFGH"


def open_study(store: Store, study_id: str, reader_ids: Sequence[str]) -> None:
    """Deal the queues and let the readers in; RuleError while a report is missing or nobody reads."""
    with store.writing() as database:
        plan, state = read_plan(database, study_id)
        if state != "preparing":
            raise RuleError(f"The reading study {plan.title!r} is {state} already.")
        if plan.readers_per_case is not None and plan.readers_per_case > len(reader_ids):
            raise RuleError(f"{plan.readers_per_case} readers a case were planned, {len(reader_ids)} given.")
        dealer = _Dealer(database, study_id, plan, store.now())
        readers, cases = _distinct(reader_ids), dealer.cases()
        share = plan.readers_per_case or len(readers)
        for number, reader_id in enumerate(readers):
            # Case by case the next `share` readers in turn, so that all read as many cases to within one.
            own = [
                case for index, case in enumerate(cases) if (number - index * share) % len(readers) < share
            ]
            dealer.deal(number, reader_id, own)
        database.execute("UPDATE reading_studies SET state = 'open' WHERE study_id = ?", [study_id])


def add_study_reader(store: Store, study_id: str, reader_id: str) -> None:
    """Give one more reader every case of an open study in which everybody reads everything."""
    with store.writing() as database:
        plan, state = read_plan(database, study_id)
        if state != "open" or plan.readers_per_case is not None:
            raise RuleError("A reader can join an open study only where every reader reads every case.")
        query = "SELECT 1 FROM assignments WHERE study_id = ? AND reader_id = ?"
        if list(database.query(query, [study_id, reader_id])):
            raise RuleError("This reader has a queue in this study already.")
        query = "SELECT count(DISTINCT reader_id) FROM assignments WHERE study_id = ?"
        (number,) = database.execute(query, [study_id]).fetchone()
        dealer = _Dealer(database, study_id, plan, store.now())
        dealer.deal(number, reader_id, dealer.cases())


def close_study(store: Store, study_id: str) -> None:
    """Take no more ratings."""
    set_state(store, study_id, "closed", ("open",))


def reopen_study(store: Store, study_id: str) -> None:
    """Take ratings again."""
    set_state(store, study_id, "open", ("closed",))


def _distinct(reader_ids: Sequence[str]) -> list[str]:
    readers = list(dict.fromkeys(reader_ids))
    if not readers:
        raise RuleError("A reading study needs at least one reader.")
    return readers


@dataclass(frozen=True)
class _Case:
    """A case and its candidates, by system in the plan's order."""

    case_id: str
    candidate_ids: tuple[str, ...]


@dataclass(frozen=True)
class _Dealer:
    """Writes the queues of one study inside one transaction."""

    database: Database
    study_id: str
    plan: StudyPlan
    now: str

    def cases(self) -> list[_Case]:
        """The cases in their order; RuleError where a report is missing."""
        query = "SELECT case_id, name FROM cases WHERE study_id = ? ORDER BY position"
        rows = list(self.database.query(query, [self.study_id]))
        if not rows:
            raise RuleError(f"The reading study {self.plan.title!r} has no case yet.")
        return [_Case(row["case_id"], self._candidates(row["case_id"], row["name"])) for row in rows]

    def _candidates(self, case_id: str, name: str) -> tuple[str, ...]:
        rows = self.database.query("SELECT system, candidate_id FROM candidates WHERE case_id = ?", [case_id])
        ids = {row["system"]: row["candidate_id"] for row in rows}
        if missing := [system for system in self.plan.candidates if system not in ids]:
            raise RuleError(f"The case {name} has no report of {missing[0]} yet; prepare it first.")
        return tuple(ids[system] for system in self.plan.candidates)

    def deal(self, number: int, reader_id: str, cases: Sequence[_Case]) -> None:
        """Write the queue of the reader of this number: all tasks in random order, then the repeated ones in
        another. Title, seed and number give the same queue on every machine."""
        shuffler = random.Random(_seed(self.plan, number))
        first = [showing for case in cases for showing in self._showings(case)]
        shuffler.shuffle(first)
        again = shuffler.sample(first, round(self.plan.repeat_share * len(first)))
        for position, showing in enumerate(first + again):
            turn = 1 if position < len(first) else 2
            seed = _seed(self.plan, number, position)
            self._assign(showing, (reader_id, turn, position, seed), seed)

    def _showings(self, case: _Case) -> list[_Case]:
        """What the tasks of a case show: every two of its candidates, or all."""
        if self.plan.design == "pairwise":
            return [_Case(case.case_id, pair) for pair in combinations(case.candidate_ids, 2)]
        return [case]

    def _assign(self, showing: _Case, place: Sequence[str | int], seed: int) -> None:
        assignment_id = uuid4().hex
        self.database.execute(
            "INSERT INTO assignments VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [assignment_id, self.study_id, showing.case_id, *place, self.now],
        )
        for letter, candidate_id in letter_order(seed, showing.candidate_ids).items():
            row = [assignment_id, letter, candidate_id]
            self.database.execute("INSERT INTO assignment_letters VALUES (?, ?, ?)", row)


def letter_order(order_seed: int, candidate_ids: Sequence[str]) -> dict[str, str]:
    """{letter: candidate}: the shuffle that the seed stands for, of the candidates in the plan's order."""
    shuffled = list(candidate_ids)
    random.Random(order_seed).shuffle(shuffled)
    return dict(zip(LETTERS, shuffled, strict=False))


def _seed(plan: StudyPlan, *numbers: int) -> int:
    """A seed of its own for each reader and task, the same on every machine; 48 bits, exact in JSON too.

    The title is in it, so that two studies of one seed do not share their letters.
    """
    text = "/".join(map(str, (plan.seed, *numbers, plan.title)))
    return int.from_bytes(sha256(text.encode()).digest()[:6], "big")

"""Who was preferred to whom: two-way votes and rankings as pairs of systems."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from radui.store.answers import BOTH_UNACCEPTABLE
from radui.store.connection import Store
from radui.store.tables import read_table


@dataclass(frozen=True)
class Pair:
    """One comparison. first stood under the earlier letter; score: 1 first won, 0 second won, 0.5 a tie.

    both_unacceptable: a tie in which the reader wanted neither. ranked: from a ranking of more than two.
    """

    case_id: str
    reader_id: str
    round: int
    first: str
    second: str
    score: float
    both_unacceptable: bool = False
    ranked: bool = False


def read_pairs(store: Store, study_id: str) -> list[Pair]:
    """All comparisons of a study."""
    return [pair for row in read_table(store, "preferences", study_id) for pair in _pairs(row)]


def _pairs(row: dict[str, Any]) -> Iterator[Pair]:
    systems = json.loads(row["systems_json"])
    keys = (row["case_id"], row["reader_id"], row["round"])
    if row["ranking_json"] is None:
        first, second = sorted(systems)
        score = {first: 1.0, second: 0.0}.get(row["preference"], 0.5)
        unacceptable = row["preference"] == BOTH_UNACCEPTABLE
        yield Pair(*keys, systems[first], systems[second], score, unacceptable)
        return
    ranks = json.loads(row["ranking_json"])
    for first, second in combinations(sorted(ranks), 2):
        better = (ranks[first] < ranks[second]) + 0.5 * (ranks[first] == ranks[second])
        yield Pair(*keys, systems[first], systems[second], float(better), ranked=True)

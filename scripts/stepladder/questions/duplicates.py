"""Groups of questions that must not stand on both sides of a split, and what in them repeats another one.

Pairs that may be alike (`core/same.py`) are measured exactly, and those that hold are joined (union-find) into groups.
Within a group a question that is the same as another one is dropped; the others stay, and the group stays together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from stepladder.core.records import Record
from stepladder.core.same import Look, candidate_pairs, similarity, structure, tokens


@dataclass(slots=True)
class Removed:
    """A question dropped for another one: why, the other's id, and how similar the texts are."""

    index: int
    reason: str
    of: int
    similarity: float


@dataclass(slots=True)
class Grouping:
    """group[i]: number of the group question i is in. removed: what repeats another question."""

    group: list[int]
    removed: list[Removed] = field(default_factory=list)


def compare(records: Sequence[Record], threshold: float, rank: Callable[[int], Any] = lambda index: index) -> Grouping:
    """Group all records; of questions that repeat one another the one of lowest `rank` stays."""
    sets = _Union(len(records))
    _join_equal(records, sets)
    texts = [index for index, record in enumerate(records) if structure(record) is None]
    look_at = lru_cache(maxsize=100_000)(lambda index: Look.of(records[index]))
    for left, right in candidate_pairs([records[index]["question"] for index in texts]):
        a, b = texts[left], texts[right]
        if sets.find(a) != sets.find(b) and look_at(a).belongs_with(look_at(b), threshold):
            sets.join(a, b)
    grouping = Grouping([sets.find(index) for index in range(len(records))])
    members: dict[int, list[int]] = {}
    for index, group in enumerate(grouping.group):
        members.setdefault(group, []).append(index)
    for group in members.values():
        if len(group) > 1:
            grouping.removed += _repeats(records, sorted(group, key=rank), threshold)
    grouping.removed.sort(key=lambda removed: removed.index)
    return grouping


def _join_equal(records: Sequence[Record], sets: _Union) -> None:
    """Join what needs no measuring: equal structures, equal texts."""
    first: dict[tuple[str, str], int] = {}
    for index, record in enumerate(records):
        form = structure(record)
        key = ("puzzle", form) if form is not None else ("text", " ".join(tokens(record["question"])))
        sets.join(first.setdefault(key, index), index)


def _repeats(records: Sequence[Record], group: list[int], threshold: float) -> Iterator[Removed]:
    """What in a group repeats an earlier one of it."""
    kept: list[int] = []
    looks = {index: Look.of(records[index]) for index in group}
    for index in group:
        for other in kept:
            reason = looks[index].repeats(looks[other], threshold)
            if reason is not None:
                yield Removed(index, reason, other, round(similarity(looks[index].all, looks[other].all), 3))
                break
        else:
            kept.append(index)


class _Union:
    """Union-find over 0..n-1 with path halving; the smallest member names the set."""

    def __init__(self, size: int) -> None:
        self.parent = list(range(size))

    def find(self, item: int) -> int:
        while self.parent[item] != item:
            self.parent[item] = self.parent[self.parent[item]]
            item = self.parent[item]
        return item

    def join(self, a: int, b: int) -> None:
        a, b = self.find(a), self.find(b)
        self.parent[max(a, b)] = min(a, b)

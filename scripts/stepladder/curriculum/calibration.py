"""Ranks to difficulties: the raw rating decides who is harder than whom, the plan decides how many are hard.

Raw ratings bunch around the middle of their scale. Mapped by rank, both statements of the plan hold at once: 30 % of
the records lie below 4 (easy), 50 % from 4 to 7 (medium), 20 % above 7 (hard). What counts are the records that can be
trained, those with reasoning; the others take the difficulty of their place among them.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ..core.records import Record
from ..core.tenths import tenth_bounds


@dataclass(frozen=True)
class Level:
    """A stretch of the difficulty scale, and at which tenth of the records it ends."""

    name: str
    low: float
    high: float
    last_tenth: int


LEVELS = (Level("easy", 1.0, 4.0, 3), Level("medium", 4.0, 7.0, 8), Level("hard", 7.0, 10.0, 10))


def ladder(counts: Sequence[bool]) -> list[tuple[float, str]]:
    """(difficulty, level) for each record from the easiest to the hardest; `counts`: whether it is in the shares.

    Those that count lie evenly inside their level, never on its border; the others evenly between their neighbours.
    Where none counts, all do.
    """
    if not any(counts):
        counts = [True] * len(counts)
    bounds = tenth_bounds(sum(counts))
    ends = [bounds[level.last_tenth] for level in LEVELS]
    digits = max(5, len(str(len(counts))))  # the distance to a border is over 1/count, so rounding cannot reach it
    steps = []
    for place in _places(counts):
        index = bisect(ends, place)
        start, level = ends[index - 1] if index else 0, LEVELS[index]
        share = (place - start) / (ends[index] - start)
        difficulty = round(level.low + share * (level.high - level.low), digits)
        steps.append((difficulty, level_of(difficulty)))
    return steps


def level_of(difficulty: float) -> str:
    """The name of the level: easy below 4, hard above 7, else medium."""
    easy, medium, hard = LEVELS
    return (easy if difficulty < easy.high else hard if difficulty > hard.low else medium).name


def _places(counts: Sequence[bool]) -> list[float]:
    """Where records stand among the n that count: these at 0.5, 1.5, ..., n - 0.5, the others evenly between them."""
    places: list[float] = []
    seen, total = 0, sum(counts)
    for counted, run in groupby(counts):
        size = len(list(run))
        low, high = max(seen - 0.5, 0.0), min(seen + 0.5, float(total))
        places += [seen + i + 0.5 if counted else low + (high - low) * (i + 1) / (size + 1) for i in range(size)]
        seen += size * counted
    return places


def rank(records: Sequence[Record], raw: Mapping[str, float], tie: Mapping[str, float]) -> list[Record]:
    """The records from the easiest to the hardest, whatever order they come in.

    raw: rating by id, any scale. Equal ratings are told apart by `tie` (the heuristic), then by id.
    """
    return sorted(records, key=lambda record: (raw[record["id"]], tie[record["id"]], record["id"]))

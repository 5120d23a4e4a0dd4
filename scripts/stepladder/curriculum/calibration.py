"""Ranks to difficulties: the raw rating decides who is harder than whom, the plan decides how many are hard.

Raw ratings bunch around the middle of their scale. Mapped by rank, both statements of the plan hold at once: 30 % of
the records lie below 4 (easy), 50 % from 4 to 7 (medium), 20 % above 7 (hard).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


def ladder(count: int) -> list[tuple[float, str]]:
    """(difficulty, level) for each of `count` records from the easiest to the hardest.

    Difficulties rise strictly and lie evenly inside their level, never on its border.
    """
    bounds = tenth_bounds(count)
    digits = max(3, len(str(count)))  # the distance to a border is over 1/count, so rounding cannot reach it
    steps: list[tuple[float, str]] = []
    start = 0
    for level in LEVELS:
        size = bounds[level.last_tenth] - start
        span = level.high - level.low
        steps += [(round(level.low + (place + 0.5) / size * span, digits), level.name) for place in range(size)]
        start += size
    return steps


def rank(records: Sequence[Record], raw: Mapping[str, float], tie: Mapping[str, float]) -> list[Record]:
    """The records from the easiest to the hardest, whatever order they come in.

    raw: rating by id, any scale. Equal ratings are told apart by `tie` (the heuristic), then by id.
    """
    return sorted(records, key=lambda record: (raw[record["id"]], tie[record["id"]], record["id"]))

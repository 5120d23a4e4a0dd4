"""Four neighbouring values of which each could be the answer: what one or two slips make of any of them.

All four worlds tell the same story from another start (a weekday, a date, a time of day). The starts lie as far apart
as typical mistakes lead astray: one day too many, a step turned round or forgotten, an hour off. So whichever is the
true one, its neighbours are what somebody gets who makes these mistakes. A distance may be one that the question tells,
never one that has to be worked out: it would show the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from random import Random

from .base import LETTERS, World

Draw = Callable[[Random, int], Sequence[World] | None]
_TRIES = 60


def shifts(rng: Random, distances: Iterable[int]) -> tuple[int, int, int, int]:
    """0, a, b and a + b, for two different ones of these distances (above 0), each in either direction."""
    first, second = (rng.choice((-1, 1)) * size for size in rng.sample(sorted(set(distances)), 2))
    return 0, first, second, first + second


def spread(values: Sequence[int]) -> int:
    """How far the values lie apart: less than what lies before the answer, no option comes before the beginning."""
    return max(values) - min(values)


def persistent(draw: Draw) -> Draw:
    """`draw`, tried anew while it leads nowhere or two options are the same."""

    @wraps(draw)
    def drawn(rng: Random, level: int) -> Sequence[World] | None:
        for _ in range(_TRIES):
            worlds = draw(rng, level)
            if worlds is not None and len({world.option for world in worlds}) == len(LETTERS):
                return worlds
        return None

    return drawn

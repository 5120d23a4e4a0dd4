"""The learning rate of each optimiser step, computed before the first one.

`difficulty` is the plan's: the full rate through the easy records, falling through the medium ones, the end rate at
the hard ones, in every epoch. `linear` and `cosine` fall over the whole training, `constant` stays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..core.errors import InputError
from .windows import Window

EASY_END = 4.0
HARD_START = 7.0


def learning_rates(found: Sequence[Window], schedule: str, start: float, end: float, warmup_steps: int) -> list[float]:
    """One learning rate a window. Raises InputError where `difficulty` is asked for and a record has none."""
    total = len(found)
    rates = []
    for index, window in enumerate(found):
        share = index / max(total - 1, 1)
        if schedule == "difficulty":
            rate = by_difficulty(_difficulty(window), start, end)
        elif schedule == "linear":
            rate = start + (end - start) * share
        elif schedule == "cosine":
            rate = end + (start - end) * (1 + math.cos(math.pi * share)) / 2
        else:
            rate = start
        rates.append(rate * min(1.0, (index + 1) / (warmup_steps + 1)))
    return rates


def by_difficulty(difficulty: float, start: float, end: float) -> float:
    """`start` up to EASY_END, `end` from HARD_START, linear between."""
    share = (difficulty - EASY_END) / (HARD_START - EASY_END)
    return start + (end - start) * min(1.0, max(0.0, share))


def _difficulty(window: Window) -> float:
    if window.difficulty is None:
        record = next(example.id for example in window.examples if example.difficulty is None)
        raise InputError(f"record {record} has no difficulty; run 03_create_curriculum_phi4.py, "
                         "or train with --order random --schedule linear")
    return window.difficulty

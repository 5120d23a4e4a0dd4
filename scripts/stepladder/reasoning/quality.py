"""How good a kept reasoning is, from 0 to 1: the mean of a few parts that anybody can read off it.

| part | what it is |
|---|---|
| `own` | share of its words, judged options apart, that do not repeat question, options or example, or only assert |
| `sums` | share of its sums that hold; without a sum that can be judged there is no such part |
| `grounded` | share of its operands that the question, an option or an earlier step has; without operands none |
| `reached` | share of the right option's words and numbers that stand in sentences of its own |
| `options` | share of the four options that it goes through, a line each |
| `agreement` | share of the teacher's unaided replies that conclude with the key |
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..core.records import LETTERS, Record
from .conclusion import grounded
from .steps import Steps
from .sums import Sum

Quality = dict[str, float]


def parts(body: str, steps: Steps, sums: Sequence[Sum], record: Record) -> Quality:
    """The parts that a reasoning about this question has by itself."""
    question, choices = record["question"], record["choices"]
    found = {"own": steps.own_share, "options": len(steps.checked) / len(LETTERS),
             "reached": steps.share_of(choices[record["answer"]])}
    if sums:
        found["sums"] = sum(one.holds for one in sums) / len(sums)
    known = grounded(body, sums, question, choices)
    return found if known is None else found | {"grounded": known}


def mean(found: Quality) -> float:
    """The mean of the parts; 0 where there are none."""
    return math.fsum(found.values()) / max(1, len(found))


def score(found: Quality) -> Quality:
    """The parts, rounded, behind their mean as `score`."""
    return {"score": round(mean(found), 3)} | {name: round(value, 3) for name, value in sorted(found.items())}

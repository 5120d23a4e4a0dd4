"""How good a kept reasoning is, from 0 to 1: the mean of a few parts that anybody can read off it.

| part | what it is |
|---|---|
| `own` | share of its words, judged options apart, that do not repeat question, options or example, or only assert |
| `sums` | share of its sums that hold; without a sum that can be judged there is no such part |
| `grounded` | share of its operands that the question, an option or an earlier step has; without operands none |
| `options` | share of the four options that it goes through, a line each |
| `agreement` | share of the teacher's unaided replies that conclude with the key; of a hinted one none |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from ..core.records import LETTERS
from .conclusion import grounded
from .steps import Steps
from .sums import Sum

Quality = dict[str, float]


def parts(body: str, steps: Steps, sums: Sequence[Sum], question: str, choices: Mapping[str, str]) -> Quality:
    """The parts that a reasoning has by itself."""
    found = {"own": steps.own_share, "options": len(steps.checked) / len(LETTERS)}
    if sums:
        found["sums"] = sum(one.holds for one in sums) / len(sums)
    known = grounded(body, sums, question, choices)
    return found if known is None else found | {"grounded": known}


def score(found: Quality) -> Quality:
    """The parts, rounded, behind their mean as `score`."""
    mean = sum(map(Fraction, found.values())) / len(found)
    return {"score": round(float(mean), 3)} | {name: round(value, 3) for name, value in sorted(found.items())}

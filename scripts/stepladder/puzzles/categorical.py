"""Categorical statements (all, no, some, some not): what follows from them, and premises from which one follows.

A statement is (form, x, y) over classes numbered from 0. A region is one combination of memberships. A set of regions
is a bit mask: "all" and "no" empty some regions, "some" and "some not" say that one of some regions is filled.
Whether classes may be empty is left open: what follows must follow even where they may be, and what does not follow
must not follow even where none is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

Statement = tuple[str, int, int]
FORMS = ("all", "no", "some", "some not")
CONTRADICTORY = {"all": "some not", "some not": "all", "no": "some", "some": "no"}
SYMMETRIC = ("no", "some")
# The valid moods over x, m and z that hold for empty classes too, figures put together: what two premises give x and z.
_MOODS = {
    "all": ((("all", "x", "m"), ("all", "m", "z")),),
    "no": ((("all", "x", "m"), ("no", "m", "z")), (("no", "x", "m"), ("all", "z", "m"))),
    "some": ((("some", "x", "m"), ("all", "m", "z")), (("all", "m", "x"), ("some", "m", "z"))),
    "some not": ((("some", "x", "m"), ("no", "m", "z")), (("some not", "x", "m"), ("all", "z", "m")),
                 (("all", "m", "x"), ("some not", "m", "z"))),
}


def contradict(statement: Statement) -> Statement:
    """The statement that is true exactly where this one is false."""
    return (CONTRADICTORY[statement[0]], *statement[1:])


def converse(statement: Statement) -> Statement:
    return (statement[0], statement[2], statement[1])


def same(one: Statement, other: Statement) -> bool:
    """Whether they say the same: "no" and "some" can be turned round."""
    return one == other or (one[0] in SYMMETRIC and converse(one) == other)


@cache
def _members(count: int) -> tuple[int, ...]:
    """For each of `count` classes, the regions inside it."""
    return tuple(sum(1 << region for region in range(2**count) if region >> x & 1) for x in range(count))


@cache
def _regions(statement: Statement, count: int) -> int:
    """The regions that the statement empties, or one of which it fills."""
    form, x, y = statement
    inside = _members(count)
    return inside[x] & inside[y] if form in SYMMETRIC else inside[x] & ~inside[y]


class Theory:
    """Premises over `count` classes."""

    def __init__(self, premises: Iterable[Statement], count: int) -> None:
        premises = list(premises)
        self.count = count
        self.open = (1 << 2**count) - 1
        for premise in premises:
            if premise[0] in ("all", "no"):
                self.open &= ~_regions(premise, count)
        self._filled = [_regions(p, count) & self.open for p in premises if p[0] in ("some", "some not")]
        self._classes = [members & self.open for members in _members(count)]

    def consistent(self) -> bool:
        """Whether all premises can be true with every class filled."""
        return all(self._filled) and all(self._classes)

    def entails(self, statement: Statement) -> bool:
        """Whether it follows even where classes may be empty."""
        return self._entails(statement, self._filled)

    def might_entail(self, statement: Statement) -> bool:
        """Whether it follows at least where no class is empty."""
        return self._entails(statement, self._filled + self._classes)

    def _entails(self, statement: Statement, filled: Sequence[int]) -> bool:
        meant = _regions(statement, self.count)
        if statement[0] in ("all", "no"):
            return not meant & self.open
        return any(not witness & ~meant for witness in filled)


@dataclass(frozen=True)
class Inference:
    """One syllogism: what two statements give."""

    first: Statement
    second: Statement
    conclusion: Statement


@dataclass
class Derivation:
    """How a statement follows: syllogisms in order, each using the one before, and the premises they rest on."""

    inferences: list[Inference]
    premises: list[Statement]


def derive(rng: Random, goal: Statement, middles: Sequence[int], singles: Sequence[int] = ()) -> Derivation:
    """Premises from which the goal follows by one syllogism a middle class; none is needless.

    `singles` are individuals: they never stand behind "no" or "some".
    """
    inferences, premises = [], []
    for middle in middles:
        names = {"x": goal[1], "m": middle, "z": goal[2]}
        mood = rng.choice(_MOODS[goal[0]])
        pair = [_turned(rng, (form, names[x], names[y]), singles) for form, x, y in mood]
        inferences.append(Inference(*pair, goal))
        kept = rng.randrange(2)
        premises.append(pair[1 - kept])
        goal = pair[kept]
    return Derivation(inferences[::-1], [*premises, goal])


def _turned(rng: Random, statement: Statement, singles: Sequence[int]) -> Statement:
    """The statement, or where it says the same, its converse."""
    form, x, y = statement
    if form in SYMMETRIC and x not in singles and (y in singles or rng.random() < 0.5):
        return converse(statement)
    return statement

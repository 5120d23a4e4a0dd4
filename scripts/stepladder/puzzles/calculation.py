"""Calculations that run side by side: one story, in which a number is misread or a sign is turned round.

A calculation is a row of operations on a running value, which is 0 at first. Where a mistake could be made the row
goes on in two ways, so two such places give four calculations, each of which could as well be the true one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd, prod
from random import Random
from typing import NamedTuple

from .base import World

LARGEST = 2000
_TRIES = 30
_TURNED = {"+": "-", "-": "+"}


class Op(NamedTuple):
    """An operation on the value v, by the product n of its factors.

    "+", "-", "x", "/": v + n, v - n, v x n, v / n. "from": n - v. "%" and "part": n per cent, and one of n equal parts,
    are taken away from v.
    """

    sign: str
    factors: tuple[int, ...]

    @property
    def number(self) -> int:
        return prod(self.factors)

    @property
    def cost(self) -> int:
        """How many steps it takes."""
        return len(self.factors) - 1 + (2 if self.sign in ("%", "part") else 1)


class Run(NamedTuple):
    """Operations carried out so far, and the value they arrive at."""

    ops: tuple[Op, ...]
    value: int


NOTHING = [Run((), 0)]


def result(value: int, op: Op) -> int | None:
    """The value after one operation; None where it is no whole number."""
    number = op.number
    if op.sign in _TURNED:
        return value + number if op.sign == "+" else value - number
    if op.sign == "x":
        return value * number
    if op.sign == "from":
        return number - value
    taken, rest = divmod(value * number, 100) if op.sign == "%" else divmod(value, number)
    if rest:
        return None
    return taken if op.sign == "/" else value - taken


def extend(runs: Sequence[Run], *alternatives: Op) -> list[Run] | None:
    """Each run with each of the alternatives; None where one is no whole number from 1 to `LARGEST`."""
    longer = []
    for ops, value in runs:
        for op in alternatives:
            after = result(value, op)
            if after is None or not 1 <= after <= LARGEST:
                return None
            longer.append(Run((*ops, op), after))
    return longer


def fitting(runs: Sequence[Run], ops: Sequence[Op]) -> list[Op]:
    """Those of the operations that every run can go on with."""
    return [op for op in ops if extend(runs, op)]


def misread(rng: Random, number: int, unit: int = 1, low: int = 2) -> int:
    """Another number near it, at least `low`, a multiple of `unit` away: one, two or three too many or too few, or
    ten where the number has two digits."""
    by = (1, 2, 3, 10) if number >= 20 * unit else (1, 2, 3)
    return rng.choice([n for k in by for n in (number - k * unit, number + k * unit) if n >= low])


def mistaken(rng: Random, op: Op, unit: int = 1) -> Op:
    """The operation with one of its factors misread."""
    i = rng.randrange(len(op.factors))
    factor = misread(rng, op.factors[i], unit if len(op.factors) == 1 else 1)
    return op._replace(factors=(*op.factors[:i], factor, *op.factors[i + 1:]))


def turned(op: Op) -> Op:
    """Taken away for added, and the other way round."""
    return op._replace(sign=_TURNED[op.sign])


def worlds(runs: Sequence[Run] | None, whole: Callable[[Run], int] | None = None) -> list[World] | None:
    """A world a run; None where a value could be told without calculating: by what it is divisible by (the last factor
    divides the result), or since it is as large as the whole of which it is a part."""
    if not runs or (whole and max(run.value for run in runs) >= min(map(whole, runs))):
        return None
    if any(len({run.value % divisor for run in runs}) > 1 for divisor in {_divisor(run.ops) for run in runs}):
        return None
    return [World(str(run.value), run.ops) for run in runs]


def _divisor(ops: Sequence[Op]) -> int:
    """What the value, less what is added after it, is known to be a multiple of."""
    divisor = 1
    for op in ops:
        if op.sign == "x":
            divisor *= op.number
        elif op.sign == "/":
            divisor = 1
        elif op.sign == "part":
            divisor = op.number - 1
        elif op.sign == "%":
            divisor = (100 - op.number) // gcd(100, op.number)
    return divisor


def steps(ops: Sequence[Op]) -> list[str]:
    """One equation a step: "3 x 5 = 15.", "20 + 15 = 35."."""
    told, value = [], 0
    for op in ops:
        number, after = op.number, result(value, op)
        if len(op.factors) > 1:
            told.append(f"{' x '.join(map(str, op.factors))} = {number}.")
        if op.sign in ("%", "part"):
            share = f"{number}% of {value}" if op.sign == "%" else f"{value} / {number}"
            told += [f"{share} = {value - after}.", f"{value} - {value - after} = {after}."]
        elif op.sign == "from":
            told.append(f"{number} - {value} = {after}.")
        elif value:
            told.append(f"{value} {op.sign} {number} = {after}.")
        value = after
    return told


def in_parts(rng: Random, total: int, most: int, count: int | None = None) -> list[int]:
    """`total` as a sum of ones and, where `most` is 2, twos in any order; of at most `count` numbers."""
    twos = [n for n in range(total // 2 + 1 if most > 1 else 1) if count is None or total - n <= count]
    pairs = rng.choice(twos)
    costs = [2] * pairs + [1] * (total - 2 * pairs)
    return rng.sample(costs, len(costs))


def patient(draw: Callable[[Random, int], list[World] | None]) -> Callable[[Random, int], list[World] | None]:
    """A draw that is tried again until it leads somewhere, `_TRIES` times at most."""

    def drawn(rng: Random, level: int) -> list[World] | None:
        for _ in range(_TRIES):
            worlds = draw(rng, level)
            if worlds and len({world.option for world in worlds}) == len(worlds):
                return worlds
        return None

    return drawn

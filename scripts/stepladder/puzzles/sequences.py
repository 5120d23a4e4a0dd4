"""Number sequences: a later term, two next terms, a missing term, the wrong term out.

The four worlds are four sequences alike, by two slips (see `progressions.siblings`), or one sequence with its error at
four places. A sequence is used only where every rule of the class that fits what is shown gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from random import Random

from .base import Kind, Template, Told, World, patient
from .progressions import (
    Rule,
    change,
    continued,
    filled,
    fitting,
    grown,
    moves,
    reckoned,
    reckoned_two,
    regular,
    siblings,
    signed,
    terms,
)
from .words import ORDINALS

# By level: (rule, terms shown, which term is asked for after them).
_LATER: dict[int, tuple[tuple[str, int, int], ...]] = {
    1: (("add", 4, 1), ("add", 5, 1)),
    2: (("add", 4, 1), ("add", 5, 1), ("times", 5, 1), ("over", 4, 1)),
    3: (("add", 4, 2), ("add", 5, 2), ("times", 5, 2), ("over", 4, 2), ("sums", 5, 1)),
    4: (("add", 4, 3), ("add", 5, 3), ("sums_plus", 5, 1), ("sums", 5, 1)),
    5: (("growing", 4, 1), ("affine", 4, 1), ("sums_plus", 6, 1), ("sums_plus", 5, 2), ("turns", 4, 1)),
    6: (("growing", 5, 1), ("affine", 5, 1), ("turns", 5, 1), ("woven", 8, 1)),
    7: (("growing", 4, 2), ("affine", 4, 2), ("add_times", 6, 1), ("times_add", 6, 1), ("turns", 5, 2)),
    8: (("growing", 5, 2), ("affine", 5, 2), ("add_times", 6, 2), ("times_add", 6, 2), ("turns", 6, 2)),
    9: (("growing", 4, 3), ("affine", 4, 3), ("add_times", 7, 2), ("turns", 7, 2)),
    10: (("cubic", 5, 1), ("growing", 5, 3), ("affine", 5, 3)),
}
_GAP = {1: (("add", 6),), 2: (("add", 6), ("add", 7)), 3: (("add", 6), ("times", 6), ("over", 6)),
        5: (("turns", 6),), 6: (("turns", 7),), 7: (("growing", 6), ("affine", 6)), 8: (("growing", 7), ("affine", 7)),
        9: (("growing", 8), ("turns", 10))}
_WRONG = {7: (("growing", 7),), 8: (("add", 8), ("growing", 8)), 9: (("add", 9), ("growing", 9), ("turns", 9)),
          10: (("growing", 10), ("turns", 10))}
_TWO = {7: 6, 8: 7, 9: 8, 10: 9}
_LARGEST = {1: 120, 2: 500, 3: 999}


@dataclass(frozen=True)
class Row:
    """A rule, how many of its terms are shown, and the place of the one asked for (from 0)."""

    rule: Rule
    shown: int
    asked: int

    @property
    def key(self) -> int:
        return terms(self.rule, self.asked + 1)[self.asked]


def _rule(rng: Random, name: str, level: int, count: int) -> Rule:
    """A rule with numbers for the level, whose first `count` terms matter."""
    sign, top = rng.choice((1, -1)), 8 + 3 * level
    start, step = rng.randint(1, 40 + 5 * level), rng.randint(2, 9 if level == 1 else top)
    if name == "add":
        return name, start + (0 if sign > 0 else count * step), sign * step
    if name == "times":
        return name, rng.randint(2, 40 if level == 2 else 30), rng.choice((2, 2, 3, 4))
    if name == "over":
        divisor = rng.choice((2, 2, 3))
        return name, rng.randint(1, 12) * divisor ** (count - 1), divisor
    if name == "sums":
        return name, rng.randint(1, 20), rng.randint(1, 25)
    if name == "sums_plus":
        return name, rng.randint(1, 20), rng.randint(1, 25), rng.choice((-3, -2, -1, 1, 2, 3, 4, 5))
    if name in ("affine", "times_add"):
        return name, rng.randint(1, 12), rng.choice((2, 2, 3)), rng.choice((-1, 1, 1)) * rng.randint(1, 12)
    if name == "add_times":
        return name, rng.randint(1, 9), rng.choice((-1, 1, 1)) * rng.randint(1, 9), rng.choice((2, 2, 3))
    if name == "growing":
        change_by = rng.choice((-1, 1, 1)) * rng.randint(1, 6)
        return name, start, rng.randint(1, 12) - (count * change_by if change_by < 0 else 0), change_by
    if name == "turns":
        return name, start + 20, step, rng.choice((-1, -1, 1)) * rng.randint(1, top)
    if name == "woven":
        return name, start, sign * step, rng.randint(1, 60), rng.choice((-1, 1)) * rng.randint(2, 12)
    return name, start, rng.randint(1, 9), rng.randint(-4, 6), rng.choice((1, 2, 3))


def _clear(row: Sequence[int], level: int) -> bool:
    return min(row) >= 1 and max(row) <= _LARGEST.get(level, 2000) and len(set(row)) == len(row)


def _worlds(rows: Sequence[Row]) -> list[World] | None:
    """Worlds that ask for one term; None where a row shows an option."""
    keys = {row.key for row in rows}
    if any(keys & ({*terms(row.rule, row.shown)} - ({row.key} if row.asked < row.shown else set())) for row in rows):
        return None
    return [World(str(row.key), row) for row in rows]


def _listed(row: Sequence[object]) -> str:
    return ", ".join(map(str, row))


# -- a later term ----------------------------------------------------------------------------------------------------


def _draw_later(rng: Random, level: int) -> list[World] | None:
    name, shown, ahead = rng.choice(_LATER[level])
    asked = shown + ahead - 1
    rule = _rule(rng, name, level, asked + 1)
    rows = [Row(one, shown, asked) for one in siblings(rng, rule, shown, asked)]
    for row in rows:
        written = terms(row.rule, asked + 1)
        if not _clear(written, level) or continued(written[:shown], asked) != {row.key}:
            return None
    return _worlds(rows)


def _tell_later(rng: Random, level: int, world: World) -> Told:
    row: Row = world.facts
    written = terms(row.rule, row.shown)
    which = ORDINALS[row.asked]
    asks = [f"A sequence begins {_listed(written)}. What is its {which} term?",
            f"What is the {which} term of the sequence that begins {_listed(written)}?"]
    if row.asked == row.shown:
        asks += [f"Which number comes next: {_listed(written)}, ?",
                 f"Find the next number in the sequence {_listed(written)}, ...",
                 f"What number continues the pattern {_listed(written)}, ...?"]
    return Told(rng.choice(asks), reckoned(row.rule, row.shown, row.asked), (row.asked, *written))


# -- the next two terms of two sequences in turn ---------------------------------------------------------------------


def _draw_two(rng: Random, level: int) -> list[World] | None:
    """Each of the two next terms as it is, or with a slip: the term before misread, or the step one or two off."""
    shown = _TWO[level]
    _, a, d, b, e = _rule(rng, "woven", level, shown + 2)
    slips = [rng.choice((1, 2, -1, -2)) for _ in range(2)]
    of_step = [rng.random() < 0.5 for _ in range(2)]
    sizes = ((shown - 1) // 2, shown // 2 - 1)  # steps shown in each sequence

    def slipped(start: int, step: int, i: int) -> tuple[int, int]:
        return (start - sizes[i] * slips[i], step + slips[i]) if of_step[i] else (start + slips[i], step)

    worlds = []
    for odd, even in product([(a, d), slipped(a, d, 0)], [(b, e), slipped(b, e, 1)]):
        rule = ("woven", *odd, *even)
        row = terms(rule, shown + 2)
        if not _clear(row, level) or any(continued(row[:shown], i) != {row[i]} for i in (shown, shown + 1)):
            return None
        worlds.append(World(_listed(row[shown:]), (rule, shown)))
    return worlds


def _tell_two(rng: Random, level: int, world: World) -> Told:
    rule, shown = world.facts
    written = terms(rule, shown)
    question = rng.choice([f"Which two numbers come next: {_listed(written)}, ?, ?",
                           f"A sequence begins {_listed(written)}. What are its next two terms, in this order?",
                           f"Which two numbers, in this order, continue the pattern {_listed(written)}, ...?"])
    steps = reckoned_two(rule, shown)
    return Told(question, [*steps[:-1], f"{steps[-1][:-1]}, so {world.option}."], tuple(written))


# -- a missing term --------------------------------------------------------------------------------------------------


def _draw_gap(rng: Random, level: int) -> list[World] | None:
    name, count = rng.choice(_GAP[level])
    gap = rng.randrange(2, count - 2) if name in ("growing", "affine", "turns") else rng.randrange(1, count - 1)
    rule = _rule(rng, name, level, count)
    rows = [Row(one, count, gap) for one in siblings(rng, rule, gap, count - 1 if name == "over" else gap)]
    for row in rows:
        written = terms(row.rule, count)
        if not _clear(written, level) or filled([*written[:gap], None, *written[gap + 1:]], gap) != {row.key}:
            return None
    return _worlds(rows)


def _tell_gap(rng: Random, level: int, world: World) -> Told:
    row: Row = world.facts
    written = terms(row.rule, row.shown)
    listed = _listed([*written[:row.asked], "?", *written[row.asked + 1:]])
    question = rng.choice([f"Which number is missing: {listed}?", f"Fill the gap in the sequence {listed}.",
                           f"Which number should replace the question mark in {listed}?"])
    structure = (*written[:row.asked], None, *written[row.asked + 1:])
    return Told(question, _gap_steps(row.rule, written, row.asked, check=level >= 3), structure)


def _gap_steps(rule: Rule, row: Sequence[int], gap: int, check: bool) -> list[str]:
    name, _, *p = rule
    before, key, after = row[gap - 1:gap + 2]
    into, out = key - before, after - key
    known = next(pair for i, pair in enumerate(pairwise(row)) if gap not in (i, i + 1))
    if name in ("times", "over"):
        sign = "x" if name == "times" else "/"
        steps = [regular(name, *known), f"{before} {sign} {p[0]} = {key}."]
        return [*steps, f"Check: {key} {sign} {p[0]} = {after}."] if check else steps
    if name == "add":
        steps = [regular(name, *known), signed(before, into, key)]
    else:
        steps = [*moves(row[:gap]), *moves(row[gap + 1:])]
        if name == "turns":
            steps += [f"{p[0]:+d} and {p[1]:+d} take turns, and {into:+d} leads to the gap.", signed(before, into, key)]
        else:
            last = before - row[gap - 2]
            steps += [f"Each step is {change(rule)} the last.", f"The step to the gap: {grown(rule, last)}.",
                      signed(before, into, key)]
    return [*steps, f"Check: {signed(key, out, after)}"] if check else steps


# -- the wrong term out ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flawed:
    """A rule's terms with one that is wrong, by how much."""

    rule: Rule
    count: int
    place: int
    by: int

    def row(self) -> list[int]:
        row = terms(self.rule, self.count)
        row[self.place] += self.by
        return row


def suspects(row: Sequence[int]) -> set[int]:
    """The places whose number alone can be changed so that one of the rules makes the row."""

    def suspect(i: int) -> bool:
        rest = max(row[:i], row[i + 1:], key=len)
        if len(rest) > 4 and not fitting(rest):  # cheaper, and enough: every rule of the class shows in a part as well
            return False
        return bool(filled([*row[:i], None, *row[i + 1:]], i))

    inside = {i for i in range(1, len(row) - 1) if suspect(i)}
    return inside | ({0} if fitting(row[1:]) else set()) | ({len(row) - 1} if fitting(row[:-1]) else set())


def _draw_wrong(rng: Random, level: int) -> list[World] | None:
    name, count = rng.choice(_WRONG[level])
    rule, by = _rule(rng, name, level, count), rng.choice((-3, -2, -1, 1, 2, 3, 10, -10))
    flawed = [Flawed(rule, count, place, by) for place in sorted(rng.sample(range(1, count - 1), 4))]
    if any(not _clear(one.row(), level) or suspects(one.row()) != {one.place} for one in flawed):
        return None
    return [World(f"the {ORDINALS[one.place]}", one) for one in flawed]


def _tell_wrong(rng: Random, level: int, world: World) -> Told:
    flawed: Flawed = world.facts
    row = flawed.row()
    question = rng.choice([
        f"One number in the sequence {_listed(row)} is wrong. Which one is it?",
        f"The sequence {_listed(row)} follows a rule, but one of its numbers is wrong. Which number is it?",
        f"Somebody made one mistake when writing the sequence {_listed(row)}. Which number is wrong?",
    ])
    return Told(question, [*moves(row), _verdict(flawed)], tuple(row))


def _verdict(flawed: Flawed) -> str:
    """What the differences show: which step would be regular, and so which number is wrong."""
    right = terms(flawed.rule, flawed.count)
    place = flawed.place
    steps = [f"{right[i + 1] - right[i]:+d}" for i in (place - 1, place)]
    regular = f"{steps[0]} and {steps[1]}" if flawed.rule[0] != "add" else f"{steps[0]} twice"
    return (f"Around {right[place] + flawed.by} the rule asks for {regular}, which gives {right[place]}, so it is the "
            f"{ORDINALS[place]}.")


KIND = Kind(
    "sequences",
    "Number sequences",
    ("Next term", "Later terms", "Missing term", "Wrong term out"),
    "Puzzles",
    (
        Template("later", patient(_draw_later), _tell_later),
        Template("gap", patient(_draw_gap), _tell_gap, tuple(_GAP)),
        Template("wrong", patient(_draw_wrong), _tell_wrong, tuple(_WRONG)),
        Template("two", patient(_draw_two), _tell_two, tuple(_TWO)),
    ),
    short_level=10,
)

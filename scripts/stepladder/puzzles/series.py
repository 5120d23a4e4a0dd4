"""Mixed series of letters and numbers: the next block, a missing block, the wrong block out.

A block is made of parts ("C7": a letter and a number), and each part follows a rule of its own. The four worlds cross
two slips in two of the parts, or one series has its error at four places. Letters go round from Z to A where the
question says so. A series is used only where every rule that fits a part gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from random import Random
from string import ascii_uppercase

from .base import Kind, Template, Told, World, patient
from .progressions import Rule, continued, filled, fitting, moves, reckoned, siblings, signed, terms
from .words import ORDINALS

_RING = "The alphabet is a ring: after Z comes A."
_RINGS_FROM = 6  # the level from which letters may pass Z

# By level: the parts of a block and how many blocks are shown. "next" is a letter one further or one back, other
# small names are letters by a rule, capital ones numbers; "&" is a number that is reckoned in one go.
_NEXT: dict[int, tuple[tuple[str, int], ...]] = {
    1: (("next &", 3), ("next &", 4), ("& next", 4)),
    2: (("next ADD", 4), ("ADD next", 4), ("next ADD", 3)),
    3: (("add ADD", 3), ("add ADD", 4), ("ADD add", 4), ("add add", 4)),
    4: (("add SUMS", 4), ("add ADD next", 4), ("ADD add next", 4), ("next add ADD", 4)),
    5: (("add ADD add", 4), ("add add ADD", 4), ("next GROWING", 4), ("next TURNS", 4), ("add add add", 4)),
    6: (("add GROWING", 4), ("add TURNS", 4), ("growing ADD", 4), ("turns ADD", 4), ("AFFINE add", 4)),
    7: (("add GROWING next", 4), ("turns ADD next", 4), ("next growing ADD", 4), ("add AFFINE next", 4)),
    8: (("add GROWING add", 4), ("add turns ADD", 4), ("growing ADD add", 4), ("add AFFINE add", 4)),
    9: (("add GROWING add", 5), ("add turns ADD", 5), ("growing ADD add", 5), ("add AFFINE add", 5)),
    10: (("growing GROWING", 4), ("turns TURNS", 4), ("growing AFFINE", 4), ("turns GROWING", 4), ("growing TURNS", 4)),
}
_GAP = {1: (("next &", 6),), 2: (("next ADD", 6), ("ADD next", 6)), 3: (("add ADD", 6), ("ADD add", 6)),
        4: (("add ADD next", 6), ("next ADD add", 6)), 5: (("add ADD add", 6), ("add add ADD", 6))}
_WRONG = {7: (("add ADD", 6),), 8: (("add ADD", 7),), 9: (("add ADD", 8),), 10: (("add ADD", 9),)}


@dataclass(frozen=True)
class Block:
    """The rules of a series' parts as (letter?, rule), how many blocks are shown, and the one asked for (from 0)."""

    parts: tuple[tuple[bool, Rule], ...]
    shown: int
    asked: int

    def write(self, i: int) -> str:
        return "".join(letter(terms(rule, i + 1)[i]) if is_letter else str(terms(rule, i + 1)[i])
                       for is_letter, rule in self.parts)


def letter(place: int) -> str:
    """A letter by its place from 0, round the alphabet."""
    return ascii_uppercase[place % 26]


def _signed_letter(value: int, step: int, result: int) -> str:
    return f"{letter(value)} {'+' if step >= 0 else '-'} {abs(step)} = {letter(result)}."


# -- what the letters shown allow ------------------------------------------------------------------------------------


@cache
def _regular(row: tuple[int, ...]) -> bool:
    """Whether letters (0 to 25) follow a rule: equal steps, steps that grow evenly, two steps or two rows in turn, or
    as numbers from 1 to 26 any rule for numbers."""
    steps = [(b - a) % 26 for a, b in pairwise(row)]
    if len(set(steps)) == 1:
        return True
    if len(row) > 3:
        changes = {(b - a) % 26 for a, b in pairwise(steps)}
        if len(changes) == 1 or steps[2:] == steps[:-2]:
            return True
    if len(row) > 4 and all((row[i] - 2 * row[i + 2] + row[i + 4]) % 26 == 0 for i in range(len(row) - 4)):
        return True
    return bool(fitting([place + 1 for place in row]))


def _letters_that_fit(row: Sequence[int | None], place: int) -> set[int]:
    """The letters that make the row regular when put at `place`, None in the row or right after it."""
    before, after = [x % 26 for x in row[:place]], [x % 26 for x in row[place + 1:]]
    return {other for other in range(26) if _regular((*before, other, *after))}


# -- rules for the parts ---------------------------------------------------------------------------------------------


def _part(rng: Random, name: str, level: int, count: int) -> tuple[bool, Rule]:
    sign = rng.choice((1, -1))
    if name.islower():
        start = rng.randrange(26)
        if name == "next":
            return True, ("add", start, sign)
        if name == "add":
            return True, ("add", start, sign * rng.randint(2, 3 + level // 2))
        if name == "growing":
            return True, ("growing", start, rng.randint(1, 4), rng.choice((1, 1, 2)))
        return True, ("turns", start, rng.randint(1, 6), rng.choice((-1, 1)) * rng.randint(1, 5))
    start, step = rng.randint(1, 20 + 4 * level), rng.randint(2, 9 if level == 1 else 6 + level)
    if name in ("&", "ADD"):
        return False, ("add", start + (0 if sign > 0 else count * step), sign * step)
    if name == "SUMS":
        return False, ("sums", rng.randint(1, 9), rng.randint(1, 12))
    if name == "GROWING":
        return False, ("growing", start, rng.randint(1, 9), rng.randint(1, 5))
    if name == "AFFINE":
        return False, ("affine", rng.randint(1, 9), rng.choice((2, 2, 3)), rng.choice((-1, 1, 1)) * rng.randint(1, 6))
    return False, ("turns", start + 10, step, rng.choice((-1, 1)) * rng.randint(1, 9))


def _crossed(rng: Random, parts: Sequence[tuple[bool, Rule]], shown: int, asked: int) -> list[tuple]:
    """The parts with two slips, each made or not, in two of them; none where no slip leads to a letter near by."""
    slipped = {}
    for i in rng.sample(range(len(parts)), 2):
        is_letter, rule = parts[i]
        near = (rng.choice(siblings(rng, rule, shown, asked)[1:3]) for _ in range(20))
        own = terms(rule, asked + 1)[asked]
        other = next((one for one in near if not is_letter or abs(terms(one, asked + 1)[asked] - own) <= 4), None)
        if other is None:
            return []
        slipped[i] = (parts[i], (is_letter, other))
    return list(product(*(slipped.get(i, (part,)) for i, part in enumerate(parts))))


def _proven(block: Block, level: int) -> bool:
    """Whether the numbers are in range and what is shown allows only one answer."""
    gap = block.asked < block.shown
    for is_letter, rule in block.parts:
        row = terms(rule, max(block.shown, block.asked + 1))
        if is_letter:
            if len({x % 26 for x in row}) < 3 or (rule[0] == "turns" and (0 in rule[2:] or rule[2] == rule[3])):
                return False
            if level < _RINGS_FROM and not all(0 <= x < 26 for x in row):
                return False
            if _letters_that_fit(row, block.asked) != {row[block.asked] % 26}:
                return False
        else:
            if min(row) < 1 or max(row) > 999 or len(set(row)) < len(row):
                return False
            other = filled(row, block.asked) if gap else continued(row[:-1], block.asked)
            if other != {row[block.asked]}:
                return False
    return True


def _worlds(blocks: Sequence[Block], level: int) -> list[World] | None:
    """Worlds that ask for one block; None where one is not proven, or shows an option."""
    if not blocks or not all(_proven(block, level) for block in blocks):
        return None
    options = {block.write(block.asked) for block in blocks}
    for block in blocks:
        if options & {block.write(i) for i in range(block.shown) if i != block.asked}:
            return None
    return [World(block.write(block.asked), block) for block in blocks]


def _ring(blocks: Block, count: int) -> str:
    """The sentence that is needed where a letter passes Z."""
    rows = [terms(rule, count) for is_letter, rule in blocks.parts if is_letter]
    return f"{_RING} " if any(not 0 <= x < 26 for row in rows for x in row) else ""


# -- the next block --------------------------------------------------------------------------------------------------


def _draw_next(rng: Random, level: int) -> list[World] | None:
    form, shown = rng.choice(_NEXT[level])
    parts = [_part(rng, name, level, shown + 1) for name in form.split()]
    return _worlds([Block(one, shown, shown) for one in _crossed(rng, parts, shown, shown)], level)


def _tell_next(rng: Random, level: int, world: World) -> Told:
    block: Block = world.facts
    blocks = [block.write(i) for i in range(block.shown)]
    listed = ", ".join(blocks)
    question = rng.choice([f"What comes next in the series {listed}, ?",
                           f"Which block continues the series {listed}, ...?",
                           f"A series begins {listed}. What is the next block?",
                           f"Find the next block of the series {listed}, ..."])
    return Told(_ring(block, block.shown + 1) + question, _ended(block, level, world.option), tuple(blocks))


def _ended(block: Block, level: int, option: str) -> list[str]:
    steps = [step for is_letter, rule in block.parts
             for step in (_letter_steps if is_letter else _number_steps)(rule, block.shown, block.asked, level)]
    return [*steps[:-1], f"{steps[-1][:-1]}, so {option}."]


def _letter_steps(rule: Rule, shown: int, asked: int, level: int) -> list[str]:
    """How the letter at `asked` is found from the ones before it."""
    name, _, *p = rule
    row = terms(rule, asked + 1)
    before, key = row[asked - 1], row[asked]
    last = _signed_letter(before, key - before, key)
    if name == "add" and abs(p[0]) == 1:
        return [f"{'After' if p[0] > 0 else 'Before'} {letter(before)} comes {letter(key)}."]
    if name == "add":
        return [f"Each letter is {abs(p[0])} places {'after' if p[0] > 0 else 'before'} the last one.", last]
    if name == "turns":
        return [*moves(row[:-1], letter), f"{p[0]:+d} and {p[1]:+d} take turns, and {key - before:+d} is next.", last]
    old = before - row[asked - 2]
    growth = f"Each step is {p[1]} more than the last: {signed(old, p[1], key - before)}"
    return [*moves(row[:-1], letter), growth, last]


def _number_steps(rule: Rule, shown: int, asked: int, level: int) -> list[str]:
    if rule[0] == "add":
        row, step = terms(rule, asked + 1), rule[2]
        rise = f"Each number is {abs(step)} {'more' if step > 0 else 'less'} than the last one."
        last = signed(row[asked - 1], step, row[asked])
        return [last] if level == 1 else [rise, last]
    return reckoned(rule, shown, asked)


# -- a missing block -------------------------------------------------------------------------------------------------


def _draw_gap(rng: Random, level: int) -> list[World] | None:
    form, count = rng.choice(_GAP[level])
    gap = rng.randrange(1, count - 1)
    parts = [_part(rng, name, level, count) for name in form.split()]
    return _worlds([Block(one, count, gap) for one in _crossed(rng, parts, gap, gap)], level)


def _tell_gap(rng: Random, level: int, world: World) -> Told:
    block: Block = world.facts
    blocks = [block.write(i) if i != block.asked else "?" for i in range(block.shown)]
    listed = ", ".join(blocks)
    question = rng.choice([f"Which block is missing in the series {listed}?",
                           f"What should replace the question mark in the series {listed}?",
                           f"Fill the gap in the series {listed}."])
    return Told(_ring(block, block.shown) + question, _ended(block, level, world.option), tuple(blocks))


# -- the wrong block out ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flawed:
    """A series of two parts in which one part (its index) of one block is wrong, by how much."""

    block: Block
    place: int
    part: int
    by: int

    def row(self, part: int) -> list[int]:
        row = terms(self.block.parts[part][1], self.block.shown)
        if part == self.part:
            row[self.place] += self.by
        return row

    def write(self) -> list[str]:
        rows = [[letter(x) if is_letter else str(x) for x in self.row(i)]
                for i, (is_letter, _) in enumerate(self.block.parts)]
        return ["".join(parts) for parts in zip(*rows, strict=True)]


def _draw_wrong(rng: Random, level: int) -> list[World] | None:
    form, count = rng.choice(_WRONG[level])
    names = form.split() if rng.random() < 0.5 else form.split()[::-1]
    block = Block(tuple(_part(rng, name, level, count) for name in names), count, 0)
    part, by = rng.randrange(2), rng.choice((-2, -1, 1, 2))
    flawed = [Flawed(block, place, part, by) for place in sorted(rng.sample(range(1, count - 1), 4))]
    numbers = [one.row(i) for one in flawed for i in (0, 1) if not block.parts[i][0]]
    if any(min(row) < 1 or len(set(row)) < count for row in numbers):
        return None
    if any(len(set(one.write())) < count for one in flawed):
        return None
    return [World(f"the {ORDINALS[one.place]}", one) for one in flawed]


def _tell_wrong(rng: Random, level: int, world: World) -> Told:
    flawed: Flawed = world.facts
    block, place = flawed.block, flawed.place
    written = flawed.write()
    listed = ", ".join(written)
    question = rng.choice([
        f"Letters and numbers both go on by equal steps in the series {listed}, but one block is wrong. Which one?",
        f"In the series {listed}, letters and numbers both go on by equal steps, except for one wrong block. "
        "Which block is it?"])
    is_letter, rule = block.parts[flawed.part]
    row = flawed.row(flawed.part)
    right = terms(rule, block.shown)[place]
    shown, should = (letter(row[place]), letter(right)) if is_letter else (row[place], right)
    other = block.parts[1 - flawed.part][1][2]
    steps = [f"The {'numbers' if is_letter else 'letters'} go on by {other:+d} throughout.",
             *moves(row, letter if is_letter else str),
             f"By {rule[2]:+d} each, {should} should stand for {shown}, so it is the {ORDINALS[place]}."]
    wraps = any(not 0 <= x < 26 for i, (has_letter, _) in enumerate(block.parts) if has_letter for x in flawed.row(i))
    return Told((f"{_RING} " if wraps else "") + question, steps, tuple(written))


KIND = Kind(
    "series",
    "Mixed series (alphanumeric)",
    ("Next block", "Missing block", "Wrong block out"),
    "Puzzles",
    (
        Template("next", patient(_draw_next), _tell_next),
        Template("gap", patient(_draw_gap), _tell_gap, tuple(_GAP)),
        Template("wrong", patient(_draw_wrong), _tell_wrong, tuple(_WRONG)),
    ),
    short_level=10,
)

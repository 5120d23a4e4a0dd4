"""Directions and distances: somebody walks and turns; where do they end, how far away, facing where?

The four worlds are one walk with two mistakes in it (left for right, north for south, a length misread), or walks whose
last legs lead to four points at whole distances.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, product
from math import isqrt
from random import Random
from typing import NamedTuple

from .base import Kind, Template, Told, World
from .calculation import misread, patient
from .words import Person, capital, count_of, someone

HEADINGS = ("north", "east", "south", "west")
WINDS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
TURNS = {"left": -1, "right": 1, "around": 2, "": 0}
_MIRRORED = {"left": "right", "right": "left", "around": "", "": "around",
             "north": "south", "south": "north", "east": "west", "west": "east"}  # fmt: skip
_STEPS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 5, 7: 6, 8: 7, 9: 8, 10: 9}
_TURN_COUNTS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 5, 7: 6, 8: 6, 9: 7, 10: 8}


class Leg(NamedTuple):
    """So many metres after a turn ("left", "right", "around", "" for none), or towards a heading ("north")."""

    turn: str
    metres: int


Walk = tuple[Leg, ...]  # the first leg has a heading


def _headings(walk: Walk) -> list[int]:
    """The heading of each leg, as its place in HEADINGS."""
    facing, headings = 0, []
    for turn, _ in walk:
        facing = HEADINGS.index(turn) if turn in HEADINGS else (facing + TURNS[turn]) % 4
        headings.append(facing)
    return headings


def _end(walk: Walk) -> tuple[int, int]:
    """Metres to the east and to the north of the start."""
    ends = [0, 0, 0, 0]
    for heading, (_, metres) in zip(_headings(walk), walk, strict=True):
        ends[heading] += metres
    return ends[1] - ends[3], ends[0] - ends[2]


def _length(walk: Walk) -> int:
    return sum(metres for _, metres in walk)


# -- walks -----------------------------------------------------------------------------------------------------------


def _straight(rng: Random, level: int, count: int, one_line: bool = False) -> Walk:
    """Legs each of which names its heading; all of them on one line, or some on each."""
    places = rng.choice(((0, 2), (1, 3))) if one_line else (0, 1, 2, 3)
    while True:
        headings = [rng.choice(places)]
        while len(headings) < count:
            headings.append(rng.choice([place for place in places if place != headings[-1]]))
        if one_line or len({heading % 2 for heading in headings}) == 2:
            return tuple(Leg(HEADINGS[heading], _metres(rng, level)) for heading in headings)


def _turning(rng: Random, level: int, count: int, straight_on: int) -> Walk:
    """Legs each of which begins with a turn, but for `straight_on` of them."""
    on = rng.sample(range(1, count), straight_on)
    turns = ["left", "right"] * 4 + ["around"]
    legs = [Leg("" if i in on else rng.choice(turns), _metres(rng, level)) for i in range(1, count)]
    return (Leg(rng.choice(HEADINGS), _metres(rng, level)), *legs)


def _metres(rng: Random, level: int) -> int:
    return rng.randint(2, 15 + 2 * level)


def _mistaken(rng: Random, leg: Leg, mirror: bool) -> Leg:
    if mirror or rng.random() < 0.6:
        return leg._replace(turn=_MIRRORED[leg.turn])
    return leg._replace(metres=misread(rng, leg.metres))


def _siblings(rng: Random, walk: Walk, mirror: bool = False) -> list[Walk]:
    """The walk without, with one, the other, and both of two mistakes; `mirror`: no length is misread."""
    wrong = {i: _mistaken(rng, walk[i], mirror) for i in rng.sample(range(len(walk)), 2)}
    return [*product(*((leg, wrong[i]) if i in wrong else (leg,) for i, leg in enumerate(walk)))]


def _walk(rng: Random, level: int, steps: int) -> Walk:
    """A walk of which so many steps find the end on both lines: a turn, a sum, the result."""
    if steps <= 3 or (steps == 4 and rng.random() < 0.5):
        return _straight(rng, level, steps + 1)
    return _turning(rng, level, (steps + 3) // 2, steps % 2)


def _tell_walk(rng: Random, who: Person, walk: Walk) -> str:
    clauses = []
    for turn, metres in walk:
        distance = count_of(metres, "metre")
        if turn in HEADINGS:
            clauses.append(f"{'' if clauses else 'walks '}{distance} {turn}")
        else:
            start = f"turns {turn} and walks" if turn else "walks straight on for another"
            clauses.append(f"{start} {distance}")
    last = rng.choice((" and then ", " and finally ")) if len(clauses) > 2 else " and then "
    told = f"{who.name} {', then '.join(clauses[:-1])}{last}{clauses[-1]}."
    if any(turn in ("left", "right") for turn, _ in walk):
        told += " " + rng.choice(["Each turn to the left or right is by 90 degrees.",
                                  "Left and right turns are by 90 degrees."])  # fmt: skip
    return told


def _turn_steps(walk: Walk) -> list[str]:
    """ "North 10; left: west 20."; nothing for a leg without a turn."""
    legs = zip(_headings(walk)[1:], walk[1:], strict=True)
    told = [f"{capital(turn)}: {HEADINGS[heading]} {metres}." for heading, (turn, metres) in legs
            if turn and turn not in HEADINGS]  # fmt: skip
    if told:
        told[0] = f"{capital(walk[0].turn)} {walk[0].metres}; {told[0][0].lower()}{told[0][1:]}"
    return told


def _sum_steps(walk: Walk) -> list[str]:
    """The metres towards each heading added up, then the smaller of two opposite ones taken away."""
    told = []
    for pair in ((0, 2), (1, 3)):
        totals = []
        for side in pair:
            parts = [metres for heading, (_, metres) in zip(_headings(walk), walk, strict=True) if heading == side]
            total = parts[0] if parts else 0
            for metres in parts[1:]:
                told.append(f"{capital(HEADINGS[side])}: {total} + {metres} = {total + metres}.")
                total += metres
            totals.append(total)
        if all(totals):
            (less, _), (more, side) = sorted(zip(totals, pair, strict=True))
            name = f"{HEADINGS[pair[0]]} and {HEADINGS[pair[1]]}" if less == more else HEADINGS[side]
            told.append(f"{capital(name)}: {more} - {less} = {more - less}.")
    return told


def _steps(walk: Walk) -> list[str]:
    return [*_turn_steps(walk), *_sum_steps(walk)]


def _on_both_lines(walk: Walk) -> bool:
    return len({heading % 2 for heading in _headings(walk)}) == 2


# -- where, and on which side of the start ---------------------------------------------------------------------------


def _draw_where(rng: Random, level: int) -> list[World] | None:
    steps = _STEPS[level] if level > 1 else rng.randint(1, 2)
    one_line = steps == 1 or (steps == 2 and rng.random() < 0.3)
    walks = _siblings(rng, _straight(rng, level, steps + 1, True) if one_line else _walk(rng, level, steps))
    ends = [_end(walk) for walk in walks]
    if (0, 0) in ends or max(abs(x) + abs(y) for x, y in ends) > min(map(_length, walks)):
        return None
    return [World(_offset(*end), walk) for end, walk in zip(ends, walks, strict=True)]


def _offset(x: int, y: int) -> str:
    """ "5 metres north and 10 metres east" """
    parts = []
    if y:
        parts.append(f"{count_of(abs(y), 'metre')} {'north' if y > 0 else 'south'}")
    if x:
        parts.append(f"{count_of(abs(x), 'metre')} {'east' if x > 0 else 'west'}")
    return " and ".join(parts)


def _tell_where(rng: Random, level: int, world: World) -> Told:
    walk: Walk = world.facts
    who, steps = someone(rng, rng.random() < 0.5), _steps(walk)
    ask = rng.choice([f"Where is {who.he} now, seen from the starting point?",
                      f"Where does {who.he} end up, seen from the starting point?"])  # fmt: skip
    if _on_both_lines(walk):
        steps.append(f"So {_offset(*_end(walk))}.")
    return Told(f"{_tell_walk(rng, who, walk)} {ask}", steps, walk)


def _draw_side(rng: Random, level: int) -> list[World] | None:
    walks = _siblings(rng, _walk(rng, level, _STEPS[level]), mirror=True)
    ends = [_end(walk) for walk in walks]
    if not all(x and y for x, y in ends):
        return None
    return [World(_side(*end), walk) for end, walk in zip(ends, walks, strict=True)]


def _side(x: int, y: int) -> str:
    return f"{'North' if y > 0 else 'South'} and {'east' if x > 0 else 'west'}"


def _tell_side(rng: Random, level: int, world: World) -> Told:
    walk: Walk = world.facts
    who = someone(rng, rng.random() < 0.5)
    ask = rng.choice([f"Is {who.he} now north or south of the starting point, and east or west of it?",
                      f"Does {who.he} end up north or south of the start, and east or west of it?"])  # fmt: skip
    return Told(f"{_tell_walk(rng, who, walk)} {ask}", [*_steps(walk), f"So {_side(*_end(walk)).lower()}."], walk)


# -- how far ---------------------------------------------------------------------------------------------------------

# Whole right triangles (hypotenuse, leg, other leg), the shortest first: the even hypotenuses and the odd ones.
_TRIANGLES = [[(far, x, y) for far in range(10 + odd, 110, 2) for x in range(5, 100) for y in range(5, 100)
               if x * x + y * y == far * far] for odd in (0, 1)]  # fmt: skip
_ALIKE = 12  # neighbours among them that can be each other's wrong options


def _draw_line(rng: Random, level: int) -> list[World] | None:
    """A walk to and fro on one line."""
    walks = _siblings(rng, _straight(rng, level, _STEPS[level] + 1, True))
    return _distances(walks)


def _distances(walks: Sequence[Walk]) -> list[World] | None:
    far = [isqrt(x * x + y * y) for x, y in map(_end, walks)]
    if min(far) == 0 or max(far) > min(map(_length, walks)) or len({metres % 2 for metres in far}) > 1:
        return None
    return [World(count_of(metres, "metre"), walk) for metres, walk in zip(far, walks, strict=True)]


def _draw_far(rng: Random, level: int) -> list[World] | None:
    """Four walks alike but for two legs, which make the way a right triangle's; all distances are odd or all even."""
    steps = _STEPS[level]
    walk = _straight(rng, level, steps - 1) if level < 7 else _turning(rng, level, (steps + 1) // 2, steps % 2)
    headings = _headings(walk)
    across = [i for i, heading in enumerate(headings) if (heading - headings[-1]) % 2]
    if not across:
        return None
    triangles, ways = rng.choice(_TRIANGLES), rng.choices((1, -1), k=2)
    first = rng.randrange(len(triangles) - _ALIKE + 1)
    walks = []
    for _, side, length in rng.sample(triangles[first:first + _ALIKE], 4):
        fitted = _stretched(walk, across[-1], ways[0] * side)
        walks.append(fitted and _stretched(fitted, len(walk) - 1, ways[1] * length))
    return _distances(walks) if all(walks) else None


def _stretched(walk: Walk, place: int, goal: int) -> Walk | None:
    """The walk with another length of one leg, so that it ends `goal` metres from the start in that leg's direction
    (below 0: in the opposite one); None where the leg would have to be too short or too long."""
    heading = _headings(walk)[place]
    x, y = _end((*walk[:place], walk[place]._replace(metres=0), *walk[place + 1:]))
    metres = goal - (y, x, -y, -x)[heading]
    if not 2 <= metres <= 99:
        return None
    return (*walk[:place], walk[place]._replace(metres=metres), *walk[place + 1:])


def _tell_far(rng: Random, level: int, world: World) -> Told:
    walk: Walk = world.facts
    who, steps, (x, y) = someone(rng, rng.random() < 0.5), _steps(walk), map(abs, _end(walk))
    ask = rng.choice([f"How far from the starting point is {who.he} now, in a straight line?",
                      f"How long is the straight line from the starting point to where {who.he} is now?"])  # fmt: skip
    if _on_both_lines(walk):
        far = isqrt(x * x + y * y)
        steps += [f"{n} x {n} = {n * n}." for n in (x, y)] + [f"{x * x} + {y * y} = {far * far} = {far} x {far}."]
    return Told(f"{_tell_walk(rng, who, walk)} {ask}", steps, walk)


# -- facing where ----------------------------------------------------------------------------------------------------


def _draw_facing(rng: Random, level: int) -> list[World] | None:
    """Facts: the wind faced at first, and the turns in eighths of a circle, clockwise ones above 0.

    No world's solution says one thing three times: that is how a model that goes round in circles is known.
    """
    turns = [rng.choice((1, -1)) * rng.choice((1, 2, 2, 3, 4) if level < 4 else (1, 2, 3, 3, 4, 5, 6))
             for _ in range(_TURN_COUNTS[level] if level > 1 else rng.randint(1, 2))]
    choices = [[turn] for turn in turns]
    start = rng.randrange(8)
    starts = [start]
    for place in rng.sample(range(-1, len(turns)), 2):
        if place < 0:
            starts.append((start + rng.choice((2, 4, 6))) % 8)
        else:
            choices[place].append(_other_turn(rng, turns[place]))
    cases = [(first, tuple(rest)) for first, *rest in product(starts, *choices)]
    if any(max(Counter(_faced(*case)).values()) > 2 for case in cases):
        return None
    return [World(capital(WINDS[(first + sum(rest)) % 8]), (first, rest)) for first, rest in cases]


def _faced(start: int, turns: Sequence[int]) -> list[tuple[int, int]]:
    """Each turn with the wind that is faced after it."""
    return [(turn, (start + total) % 8) for turn, total in zip(turns, accumulate(turns), strict=True)]


def _other_turn(rng: Random, turn: int) -> int:
    """The other way round, or 90 degrees more or less (45 would show: they lead to a wind between two others)."""
    if rng.random() < 0.5:
        return -turn
    size = abs(turn) + rng.choice((2,) if abs(turn) < 3 else (2, -2) if abs(turn) < 6 else (-2,))
    return size if turn > 0 else -size


def _tell_facing(rng: Random, level: int, world: World) -> Told:
    start, turns = world.facts
    who, told, steps = someone(rng, rng.random() < 0.5), [], []
    for turn, facing in _faced(start, turns):
        amount = f"{abs(turn) * 45} degrees {'clockwise' if turn > 0 else 'anticlockwise'}"
        told.append(amount)
        steps.append(f"{amount}: {WINDS[facing]}.")
    steps[0] = f"{capital(WINDS[start])}; {steps[0]}"
    listed = f"{', then '.join(told[:-1])}{' and then ' if len(told) > 1 else ''}{told[-1]}"
    ask = rng.choice([f"Which direction does {who.he} face now?", f"Which direction is {who.he} facing at the end?"])
    return Told(f"{who.name} faces {WINDS[start]} and turns {listed}. {ask}", steps, (start, turns))


def _draw_heading(rng: Random, level: int) -> list[World] | None:
    """The first heading taken for a neighbouring one, and one turn for the opposite one."""
    walk = _turning(rng, level, _TURN_COUNTS[level] + 1, 0)
    sides = [i for i, (turn, _) in enumerate(walk) if turn in ("left", "right")]
    if not sides:
        return None
    first, place = walk[0], rng.choice(sides)
    other = HEADINGS[(HEADINGS.index(first.turn) + rng.choice((1, -1))) % 4]
    wrong = {0: first._replace(turn=other), place: walk[place]._replace(turn=_MIRRORED[walk[place].turn])}
    walks = product(*((leg, wrong[i]) if i in wrong else (leg,) for i, leg in enumerate(walk)))
    return [World(capital(HEADINGS[_headings(one)[-1]]), one) for one in walks]


def _tell_heading(rng: Random, level: int, world: World) -> Told:
    walk: Walk = world.facts
    who = someone(rng, rng.random() < 0.5)
    steps = [f"{capital(turn)}: {HEADINGS[heading]}." for heading, (turn, _) in
             zip(_headings(walk)[1:], walk[1:], strict=True)]  # fmt: skip
    steps[0] = f"{capital(walk[0].turn)}; {steps[0][0].lower()}{steps[0][1:]}"
    ask = rng.choice([f"Which direction is {who.he} facing at the end?", f"Which direction does {who.he} face now?"])
    return Told(f"{_tell_walk(rng, who, walk)} {ask}", steps, tuple(turn for turn, _ in walk))


KIND = Kind(
    "directions",
    "Directions and distances",
    ("Walks and turns", "Straight-line distance"),
    "Logical Reasoning",
    (
        Template("where", patient(_draw_where), _tell_where),
        Template("facing", patient(_draw_facing), _tell_facing),
        Template("line", patient(_draw_line), _tell_far, range(2, 5)),
        Template("side", patient(_draw_side), _tell_side, range(3, 11)),
        Template("far", patient(_draw_far), _tell_far, range(5, 11)),
        Template("heading", patient(_draw_heading), _tell_heading, range(5, 11)),
    ),
    short_level=8,
)

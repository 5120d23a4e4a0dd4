"""Directions and distances: somebody walks and turns; where do they end, how far away, facing where?"""

from __future__ import annotations

from math import isqrt
from random import Random

from .base import Draft, Kind, near
from .words import count_of, someone

HEADINGS = ("north", "east", "south", "west")
MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))
_LEGS = {1: 2, 2: 2, 3: 3, 4: 3, 5: 4, 6: 4, 7: 5, 8: 5, 9: 6, 10: 7}
TURNS = {"left": -1, "right": 1, "around": 2}
_TRIPLES = (
    (3, 4, 5),
    (6, 8, 10),
    (5, 12, 13),
    (9, 12, 15),
    (8, 15, 17),
    (12, 16, 20),
    (7, 24, 25),
    (15, 20, 25),
)


def walk(start: int, legs: list[tuple[str, int]]) -> tuple[tuple[int, int], int]:
    """End point and heading: each leg is a turn ("" for none) or a heading's name, then so many metres."""
    x = y = 0
    facing = start
    for turn, metres in legs:
        facing = HEADINGS.index(turn) if turn in HEADINGS else (facing + TURNS.get(turn, 0)) % 4
        x, y = x + MOVES[facing][0] * metres, y + MOVES[facing][1] * metres
    return (x, y), facing


def compass(x: int, y: int) -> str:
    """ "north", "south-east" of a point from the origin."""
    parts = ["north" if y > 0 else "south"] * bool(y) + ["east" if x > 0 else "west"] * bool(x)
    return "-".join(parts)


def _legs(rng: Random, level: int, relative: bool) -> tuple[int, list[tuple[str, int]]]:
    start = rng.randrange(4)
    unit = 1 if level > 4 else 5
    legs: list[tuple[str, int]] = []
    heading = start
    for i in range(_LEGS[level]):
        turn = rng.choice(("left", "right")) if rng.random() < 0.9 or level < 5 else "around"
        if i == 0:
            turn = ""
        heading = (heading + TURNS.get(turn, 0)) % 4
        metres = unit * rng.randint(1, 6 if unit == 5 else 30)
        legs.append((turn if relative or not i else HEADINGS[heading], metres))
    return start, legs


def _tell(rng: Random, start: int, legs: list[tuple[str, int]], unit: str) -> str:
    who = someone(rng, rng.random() < 0.5)
    verb = rng.choice(("walks", "walks", "goes"))
    parts = [f"{who.name} {verb} {count_of(legs[0][1], unit)} {HEADINGS[start]}"]
    for turn, amount in legs[1:]:
        distance = count_of(amount, unit)
        if turn in HEADINGS:
            parts.append(f"{distance} {turn}")
        else:
            parts.append(f"turns {turn} and {verb} {distance}")
    joint = "then " if len(parts) == 2 else ""
    return (
        f"{', '.join(parts[:-1])}{',' if len(parts) > 2 else ''} and {'then ' if joint else ''}{parts[-1]}.",
        who,
    )


def make(rng: Random, level: int) -> Draft | None:
    if level >= 2 and rng.random() < 0.2:
        return _facing(rng, level)
    relative = level >= 2 and rng.random() < 0.75
    start, legs = _legs(rng, level, relative)
    goal = rng.choice(("where", "far", "heading") if relative else ("where", "far"))
    if goal == "far" and level >= 4 and rng.random() < 0.6:
        legs = _to_triple(rng, start, legs)
    (x, y), facing = walk(start, legs)
    if (x, y) == (0, 0):
        return None
    text, who = _tell(rng, start, legs, "metre")
    steps = _steps(start, legs, x, y)
    form = (goal, start, tuple(legs))
    if goal == "heading":
        others = [
            d.capitalize()
            for d in (HEADINGS[(facing + 2) % 4], HEADINGS[(facing + 1) % 4], HEADINGS[(facing - 1) % 4])
        ]
        turns = _turn_steps(start, legs)
        return Draft(
            f"{text} Which direction is {who.he} facing at the end?",
            HEADINGS[facing].capitalize(),
            others,
            turns,
            form,
        )
    if goal == "where":
        if x and y and rng.random() < 0.5:
            ask = rng.choice([f"In which direction from the starting point is {who.he} now?",
                              f"In which direction is {who.he} now, seen from the start?"])  # fmt: skip
            options = [compass(sx * x, sy * y).capitalize() for sx, sy in ((-1, -1), (1, -1), (-1, 1))]
            rng.shuffle(options)
            return Draft(
                f"{text} {ask}", compass(x, y).capitalize(), options, f"{steps} So {compass(x, y)}.", form
            )
        ask = f"Where is {who.he} now, seen from the starting point?"
        slips = [
            (-x, -y),
            (x, -y),
            (-x, y),
            (x + legs[-1][1], y),
            (x, y + legs[-1][1]),
            (y, x),
            (x, y - 2 * legs[0][1]),
        ]
        mistakes = [_offset(*slip) for slip in slips if slip != (0, 0)]
        return Draft(f"{text} {ask}", _offset(x, y), mistakes, steps, form)
    square = x * x + y * y
    far = isqrt(square)
    if far * far != square:
        return None
    total = sum(metres for _, metres in legs)
    ask = rng.choice([f"How far is {who.he} from the starting point now, in a straight line?",
                      f"What is the straight-line distance from the start to where {who.he} stands "
                      f"now?"])  # fmt: skip
    if x and y:
        steps += f" {abs(x)} x {abs(x)} + {abs(y)} x {abs(y)} = {square} = {far} x {far}."
    slips = [
        total,
        abs(x) + abs(y),
        abs(abs(x) - abs(y)),
        far + legs[-1][1],
        far + 5,
        far - 5,
        *map(int, near(rng, far, 1)),
    ]
    mistakes = [count_of(m, "metre") for m in slips if m > 0]
    return Draft(f"{text} {ask}", count_of(far, "metre"), mistakes, steps, form)


def _to_triple(rng: Random, start: int, legs: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Change the last two legs so that the end lies at a whole distance off the axes, where that can be."""
    (x, y), _ = walk(start, legs[:-2])
    triples = [
        (a * sx, b * sy)
        for p, q, _ in _TRIPLES
        for a, b in ((p, q), (q, p))
        for sx in (1, -1)
        for sy in (1, -1)
    ]
    rng.shuffle(triples)
    for goal_x, goal_y in triples:
        for first in (10, 1):
            trial = [*legs[:-2], (legs[-2][0], first), (legs[-1][0], 1)]
            (_, _), last = walk(start, trial)
            _, middle = walk(start, trial[:-1])
            need_middle = (goal_x - x) * MOVES[middle][0] + (goal_y - y) * MOVES[middle][1]
            need_last = (goal_x - x) * MOVES[last][0] + (goal_y - y) * MOVES[last][1]
            if need_middle > 0 and need_last > 0 and (middle - last) % 2:
                return [*legs[:-2], (legs[-2][0], need_middle), (legs[-1][0], need_last)]
    return legs


def _offset(x: int, y: int) -> str:
    """ "5 metres north and 10 metres east" """
    parts = []
    if y:
        parts.append(f"{count_of(abs(y), 'metre')} {'north' if y > 0 else 'south'}")
    if x:
        parts.append(f"{count_of(abs(x), 'metre')} {'east' if x > 0 else 'west'}")
    return " and ".join(parts)


def _steps(start: int, legs: list[tuple[str, int]], x: int, y: int) -> str:
    walked: dict[str, list[int]] = {h: [] for h in HEADINGS}
    facing, told = start, []
    for turn, metres in legs:
        facing = HEADINGS.index(turn) if turn in HEADINGS else (facing + TURNS.get(turn, 0)) % 4
        walked[HEADINGS[facing]].append(metres)
        told.append(f"{HEADINGS[facing]} {metres}")
    sums = []
    for plus, minus, value in (("north", "south", y), ("east", "west", x)):
        if walked[plus] and walked[minus]:
            lost = "".join(f" - {m}" for m in walked[minus])
            sums.append(f"{plus.capitalize()}: {' + '.join(map(str, walked[plus]))}{lost} = {value}.")
        elif walked[plus] or walked[minus]:
            side, parts = (plus, walked[plus]) if walked[plus] else (minus, walked[minus])
            total = f" = {sum(parts)}" if len(parts) > 1 else ""
            sums.append(f"{side.capitalize()}: {' + '.join(map(str, parts))}{total}.")
    return f"Legs: {', '.join(told)}. {' '.join(sums)}"


def _turn_steps(start: int, legs: list[tuple[str, int]]) -> str:
    facing, told = start, [HEADINGS[start].capitalize()]
    for turn, _ in legs[1:]:
        facing = (facing + TURNS[turn]) % 4
        told.append(f"{turn}: {HEADINGS[facing]}")
    return f"{'; '.join(told)}."


def _facing(rng: Random, level: int) -> Draft:
    """Turns by degrees, without walking."""
    count = 1 + (level + 1) // 2
    start = rng.randrange(4)
    eighths = [
        rng.choice((2, 2, 4, 6) if level < 5 else (1, 2, 3, 4, 5, 6)) * rng.choice((1, -1))
        for _ in range(count)
    ]
    who = someone(rng, rng.random() < 0.5)
    wind = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
    end = (2 * start + sum(eighths)) % 8
    turns = [f"{abs(e) * 45} degrees {'clockwise' if e > 0 else 'anticlockwise'}" for e in eighths]
    listed = turns[0] if count == 1 else f"{', '.join(turns[:-1])} and then {turns[-1]}"
    question = (
        f"{who.name} faces {HEADINGS[start]} and turns {listed}. Which direction does {who.he} face now?"
    )
    facing, told = 2 * start, []
    for e in eighths:
        facing += e
        told.append(f"{e * 45:+d}: {wind[facing % 8]}")
    around = [end + 4, 2 * start - sum(eighths), end + 2, end - 2, end + 1]
    mistakes = [wind[d % 8].capitalize() for d in around]
    return Draft(
        question,
        wind[end].capitalize(),
        mistakes,
        f"Start {HEADINGS[start]}. {', '.join(told)}.",
        ("turns", start, tuple(eighths)),
    )


KIND = Kind(
    "directions",
    "Directions and distances",
    ("Walks and turns", "Straight-line distance"),
    "Logical Reasoning",
    make,
    short_level=10,
)

"""How many belong to which of two or three sets, by inclusion and exclusion.

Two numbers of members are crossed with a step forgotten: the options are p, q, p + m and q + m, where m is by how much
a solver is wrong who leaves one number out (those in both, those in neither, those in all three).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise, product
from random import Random

from .base import Template, Told, World
from .words import a, listing

# where, who, what they do, three things they do it with
_GROUPS = (
    ("club", "members", "play", "chess", "tennis", "golf"),
    ("class", "pupils", "take", "art", "music", "drama"),
    ("village", "families", "own", "a dog", "a cat", "a car"),
    ("firm", "people", "speak", "French", "Hindi", "Thai"),
    ("street", "neighbours", "like", "tea", "coffee", "cocoa"),
    ("town", "readers", "buy", "books", "comics", "maps"),
    ("school", "teachers", "read", "novels", "poems", "plays"),
)
_TWO = {1: ("only",), 2: ("only",), 3: ("one", "union"), 4: ("neither", "both"), 5: ("neither", "both")}
_THREE = {5: ("only",), 6: ("two",), 7: ("two",), 8: ("union",), 9: ("none",), 10: ("one",)}
_FEWEST = 4  # in a part; a single one is never counted, so that the verb is a plural


def _draw(goals: dict[int, tuple[str, ...]], parts: dict[str, int]) -> Callable[[Random, int], list[World]]:
    """Facts: what is asked for, the answer, and m. `parts`: the goals that are sums, of how many parts."""

    def draw(rng: Random, level: int) -> list[World]:
        goal, m = rng.choice(goals[level]), rng.randint(2, 6 + 2 * level)
        low = rng.randint(2, 10 + 3 * level) + _FEWEST * parts.get(goal, 0) + (m if goal == "union" else 0)
        high = low + rng.choice([d for d in range(1, 9) if d != m])
        return [World(str(value + more), (goal, value + more, m)) for value, more in product((low, high), (0, m))]

    return draw


def _part(rng: Random, level: int) -> int:
    return rng.randint(_FEWEST, 9 + 3 * level)


def _split(rng: Random, total: int, parts: int) -> list[int]:
    """Numbers, none too small, that add up to the total."""
    free = total - _FEWEST * parts
    edges = [0, *sorted(rng.randint(0, free) for _ in range(parts - 1)), free]
    return [_FEWEST + right - left for left, right in pairwise(edges)]


def _chosen(rng: Random) -> tuple[str, str, str, list[str]]:
    """The place with its article, who is there, what they do and with which things."""
    where, members, do, *things = rng.choice(_GROUPS)
    return a(where), members, do, rng.sample(things, len(things))


# -- two sets --------------------------------------------------------------------------------------------------------


def _two_cells(rng: Random, level: int, goal: str, answer: int, m: int) -> tuple[int, int, int, int]:
    """Members of the first alone, of the second alone, of both, of neither."""
    first, second, other = (_part(rng, level) for _ in range(3))
    if goal == "only":
        return answer, second, m, other
    if goal == "both":
        return first, second, answer, m
    if goal == "neither":
        return first, second, m, answer
    if goal == "one":
        return *_split(rng, answer, 2), m, other + 8
    return *_split(rng, answer - m, 2), m, other + 8 + m


def _tell_two(rng: Random, level: int, world: World) -> Told:
    goal, answer, m = world.facts
    only_x, only_y, both, neither = _two_cells(rng, level, goal, answer, m)
    where, members, do, (x, y, _) = _chosen(rng)
    total, nx, ny = only_x + only_y + both + neither, only_x + both, only_y + both
    union, added = total - neither, nx + ny
    sums = [f"{nx} + {ny} = {added}.", f"{added} - {both} = {union}."]
    ask, steps = {
        "only": (f"How many {do} {x} but not {y}?", [f"{nx} - {both} = {only_x}."]),
        "one": (f"How many {do} exactly one of the two?",
                [f"{nx} - {both} = {only_x}.", f"{ny} - {both} = {only_y}.", f"{only_x} + {only_y} = {answer}."]),
        "union": (f"How many {do} at least one of the two?", sums),
        "neither": (f"How many {do} neither?", [*sums, f"{total} - {union} = {neither}."]),
        "both": (f"How many {do} both?",
                 [f"{total} - {neither} = {union}.", f"{nx} + {ny} = {added}.", f"{added} - {union} = {both}."]),
    }[goal]
    given = (f"{neither} {do} neither of the two." if goal == "both" else
             rng.choice((f"{both} {do} both, and are counted in both numbers.",
                         f"Counted in both of these numbers are the {both} who {do} both.")))
    question = f"Of the {total} {members} in {where}, {nx} {do} {x} and {ny} {do} {y}. {given} {ask}"
    needed = {"only": (nx, both), "one": (nx, ny, both), "union": (nx, ny, both), "neither": (total, nx, ny, both),
              "both": (total, nx, ny, neither)}[goal]
    return Told(question, steps, (goal, *needed))


# -- three sets ------------------------------------------------------------------------------------------------------


def _three_cells(rng: Random, level: int, goal: str, answer: int, m: int) -> tuple[list[int], list[int], int]:
    """Members of each set alone, of each two alone, of none; m are in all three."""
    single, double, none = ([_part(rng, level) for _ in range(size)] for size in (3, 3, 1))
    if goal == "only":
        single[0] = answer
    elif goal == "one":
        single = _split(rng, answer, 3)
    elif goal == "two":
        double = _split(rng, answer, 3)
    elif goal == "none":
        none = [answer]
    else:
        cells = _split(rng, answer - m, 6)
        single, double, none = cells[:3], cells[3:], [none[0] + 8 + m]
    return single, double, none[0]


def _tell_three(rng: Random, level: int, world: World) -> Told:
    goal, answer, m = world.facts
    single, double, none = _three_cells(rng, level, goal, answer, m)
    where, members, do, things = _chosen(rng)
    pairs = list(combinations(range(3), 2))
    two = [cell + m for cell in double]
    one = [single[i] + m + sum(cell for cell, pair in zip(double, pairs, strict=True) if i in pair) for i in range(3)]
    total = sum(single) + sum(double) + m + none
    ask = {"only": f"How many {do} {things[0]} but neither of the others?", "none": f"How many {do} none of the three?",
           "one": f"How many {do} exactly one of the three?", "two": f"How many {do} exactly two of the three?",
           "union": f"How many {do} at least one of the three?"}[goal]
    of_one = listing([f"{n} {do} {thing}" for n, thing in zip(one, things, strict=True)])
    of_two = [f"{n} {do} both {things[i]} and {things[j]}" for n, (i, j) in zip(two, pairs, strict=True)]
    all_three = rng.choice((f"{m} {do} all three, and are counted in each of these numbers.",
                            f"Each of these numbers counts the {m} who {do} all three."))
    counts = f"{of_one}. {', '.join(of_two[:2])}, and {of_two[2]}."
    question = f"Of the {total} {members} in {where}, {counts} {all_three} {ask}"
    shared = tuple(sorted(one)), tuple(sorted(two)), m
    needed = {"only": (one[0], two[0] + two[1], m), "two": (sum(two), m), "none": (total, *shared)}.get(goal, shared)
    return Told(question, _three_steps(goal, one, two, m, total), (goal, *needed))


def _three_steps(goal: str, one: list[int], two: list[int], m: int, total: int) -> list[str]:
    ones, twos = sum(one), sum(two)
    add_one = [f"{one[0]} + {one[1]} = {one[0] + one[1]}.", f"{one[0] + one[1]} + {one[2]} = {ones}."]
    add_two = [f"{two[0]} + {two[1]} = {two[0] + two[1]}.", f"{two[0] + two[1]} + {two[2]} = {twos}."]
    if goal == "only":
        more = two[0] + two[1]
        return [add_two[0], f"{more} - {m} = {more - m}.", f"{one[0]} - {more - m} = {one[0] - more + m}."]
    if goal == "two":
        return [*add_two, f"3 x {m} = {3 * m}.", f"{twos} - {3 * m} = {twos - 3 * m}."]
    if goal == "one":
        more = ones + 3 * m
        return [*add_one, *add_two, f"2 x {twos} = {2 * twos}.", f"3 x {m} = {3 * m}.",
                f"{ones} + {3 * m} = {more}.", f"{more} - {2 * twos} = {more - 2 * twos}."]
    union = ones - twos + m
    steps = [*add_one, *add_two, f"{ones} - {twos} = {ones - twos}.", f"{ones - twos} + {m} = {union}."]
    return [*steps, f"{total} - {union} = {total - union}."] if goal == "none" else steps


TWO_SETS = Template("two sets", _draw(_TWO, {"one": 2, "union": 2}), _tell_two, range(1, 6))
THREE_SETS = Template("three sets", _draw(_THREE, {"one": 3, "two": 3, "union": 6}), _tell_three, range(5, 11))

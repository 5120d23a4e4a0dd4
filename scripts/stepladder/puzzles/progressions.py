"""Rules that rows of numbers follow, and what every rule of this class makes of the numbers that are shown.

A rule is (name, *parameters); `terms` writes it out. A row's answer counts as proven where every rule of the class that
fits it, with at least one number more than the rule has parameters, gives the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from random import Random

Rule = tuple

# How many numbers fix each rule; one more has to confirm it. ("woven" is two rows in turn, each by its own difference.)
_FIXED_BY = {"add": 2, "times": 2, "over": 2, "sums": 2, "affine": 3, "growing": 3, "turns": 3, "sums_plus": 3,
             "add_times": 3, "times_add": 3, "woven": 4, "cubic": 4}


def terms(rule: Rule, count: int) -> list[int]:
    """The first `count` terms of a rule."""
    name, a, *p = rule
    if name in ("add", "growing", "cubic"):  # start, first difference, its change, the change's change
        d, e, f = (*p, 0, 0)[:3]
        return [a + i * d + i * (i - 1) // 2 * e + i * (i - 1) * (i - 2) // 6 * f for i in range(count)]
    if name == "woven":  # start and difference of the odd places, then of the even ones
        return [p[1] + i // 2 * p[2] if i % 2 else a + i // 2 * p[0] for i in range(count)]
    if name in ("sums", "sums_plus"):  # first, second, plus: each is the sum of the two before, plus
        out = [a, p[0]]
        while len(out) < count:
            out.append(out[-1] + out[-2] + (p[1] if name == "sums_plus" else 0))
        return out[:count]
    out = [a]
    for i in range(count - 1):
        out.append(_after(name, p, out[-1], i))
    return out


def _after(name: str, p: Sequence[int], x: int, i: int) -> int:
    """The term after x, the i-th."""
    if name in ("times", "affine"):  # factor, plus
        return x * p[0] + (p[1] if name == "affine" else 0)
    if name == "over":  # divisor
        return x // p[0]
    if name == "turns":  # added at odd and at even steps
        return x + p[i % 2]
    if name == "add_times":  # added, then factor, in turn
        return x * p[1] if i % 2 else x + p[0]
    if name == "times_add":
        return x + p[1] if i % 2 else x * p[0]
    raise ValueError(f"unknown rule {name!r}")


def fitting(shown: Sequence[int]) -> list[Rule]:
    """Every rule of the class that makes the numbers shown (at least three) and is confirmed by one of them."""
    return [rule for rule in _proposed(shown) if terms(rule, len(shown)) == list(shown)]


def _proposed(shown: Sequence[int]) -> Iterator[Rule]:
    """The rules that fit as many of the first numbers as fix them."""
    a, b, c, *rest = shown
    yield "add", a, b - a
    if a and b % a == 0 and b != a:
        yield "times", a, b // a
    if b and a % b == 0 and a != b and a % (a // b) ** (len(shown) - 1) == 0:
        yield "over", a, a // b
    yield "sums", a, b
    if not rest:
        return
    yield "growing", a, b - a, c - 2 * b + a
    yield "turns", a, b - a, c - b
    yield "sums_plus", a, b, c - a - b
    if b != a and (c - b) % (b - a) == 0:
        yield "affine", a, (c - b) // (b - a), b - a * ((c - b) // (b - a))
    if b and c % b == 0:
        yield "add_times", a, b - a, c // b
    if a and b % a == 0:
        yield "times_add", a, b // a, c - b
    if len(rest) > 1:
        d = rest[0]
        yield "woven", a, c - a, b, d - b
        yield "cubic", a, b - a, c - 2 * b + a, d - 3 * c + 3 * b - a


def continued(shown: Sequence[int], place: int) -> set[int]:
    """What the rules that fit make of the term at `place` (from 0), beyond those shown."""
    return {terms(rule, place + 1)[place] for rule in fitting(shown)}


# -- rows with a gap -------------------------------------------------------------------------------------------------

# A row of the rule satisfies sum(weight * term) = 0 over every window.
_WINDOWS = {"growing": (1, -3, 3, -1), "turns": (1, -1, -1, 1), "sums_plus": (1, 0, -2, 1), "sums": (1, 1, -1),
            "cubic": (1, -4, 6, -4, 1), "woven": (1, 0, -2, 0, 1)}


def filled(row: Sequence[int | None], gap: int) -> set[int]:
    """Every number that makes one of the rules of the row when it is put in the gap."""
    if gap in (0, len(row) - 1):
        raise ValueError("the gap must be inside the row")
    return {value for value in set(_fillings(row, gap)) if fitting([*row[:gap], value, *row[gap + 1:]])}


def _fillings(row: Sequence[int | None], gap: int) -> Iterator[int]:
    for weights in _WINDOWS.values():
        for start in range(max(0, gap - len(weights) + 1), min(gap, len(row) - len(weights)) + 1):
            own = weights[gap - start]
            if own:
                others = sum(w * row[start + i] for i, w in enumerate(weights) if start + i != gap)
                if others % own == 0:
                    yield -others // own
                break
    before, after = row[gap - 1], row[gap + 1]
    pairs = [(i, row[i], row[i + 1]) for i in range(len(row) - 1) if gap not in (i, i + 1)]
    for (i, x, y), (j, _, z) in pairwise(pairs):
        if j == i + 1 and x != y and (z - y) % (y - x) == 0:  # affine: three in a row
            yield (z - y) // (y - x) * before + y - (z - y) // (y - x) * x
    for i, x, y in pairs:
        if x and y % x == 0:
            yield before * (y // x)
        if y and x % y == 0 and before % (x // y) == 0:
            yield before // (x // y)
        if (i - gap) % 2:  # the same operation as the one into the gap; the one out of it is found below
            yield before + y - x
        elif x and y % x == 0 and y and after % (y // x) == 0:
            yield after // (y // x)
        else:
            yield after - y + x


# -- rules like a rule -----------------------------------------------------------------------------------------------


def siblings(rng: Random, rule: Rule, shown: int, asked: int) -> list[Rule]:
    """The rule and three like it: two slips, each made or not.

    Where a rule works by differences, one slip moves every term, and the other changes the difference after the last
    term shown to what a mistake makes of it: one off, not changed, changed twice, the other one's turn.
    """
    name, a, *p = rule
    one, two = rng.sample((-3, -2, -1, 1, 2, 3), 2)
    if name in ("times", "over"):
        unit = p[0] ** asked if name == "over" else 1
        return [(name, a + i * unit, *p) for i in (0, one, two, one + two)]
    if name in ("affine", "add_times", "times_add", "sums_plus", "sums"):
        last = 1 if name in ("affine", "times_add") else 0
        return [(name, a + i, *(q + j * (n == last) for n, q in enumerate(p))) for i in (0, one) for j in (0, two)]
    if name == "woven":
        return _woven_siblings(rule, one, shown, asked)
    jump = rng.choice((one, one, 10, -10) if asked == shown else (one, p[0], -p[0]))
    if name == "turns":
        turn = (shown - 1) % 2
        exchanged = (asked - shown) % 2 == 0  # after two steps both turns have come, whichever was first
        changed = [q + rng.choice((-2, -1, 1, 2)) * (i == turn) for i, q in enumerate(p)]
        variants = [(a, p), _same_last(a, p, p[::-1] if exchanged else changed, shown)]
    else:
        by = rng.choice((-1, 1)) * (p[1] if len(p) > 1 else rng.choice((1, 1, 2, 10)))
        variants = [(a, p), (a - (shown - 1) * by, [p[0] + by, *p[1:]])]
    return [(name, start + move, *q) for start, q in variants for move in (0, jump)]


def _same_last(a: int, p: Sequence[int], other: Sequence[int], shown: int) -> tuple[int, Sequence[int]]:
    """The start with which the other differences in turn lead to the same last term shown, and these differences."""
    return a + sum(p[i % 2] - other[i % 2] for i in range(shown - 1)), other


def _woven_siblings(rule: Rule, move: int, shown: int, asked: int) -> list[Rule]:
    """The asked row's terms moved or not, the two rows' differences exchanged or not; the last two shown stay."""
    name, a, d, b, e = rule
    odd, even = (shown - 1) // 2, shown // 2 - 1
    swapped = (name, a + odd * (d - e), e, b + even * (e - d), d)
    place = 3 if asked % 2 else 1
    return [(*one[:place], one[place] + by, *one[place + 1:]) for one in (rule, swapped) for by in (0, move)]


# -- how the next terms are found ------------------------------------------------------------------------------------


def signed(value: int, step: int, result: int) -> str:
    return f"{value} {'+' if step >= 0 else '-'} {abs(step)} = {result}."


def moves(row: Sequence[int], write: Callable[[int], str] = str) -> list[str]:
    """ "8 to 23: +15.", one for every two neighbours; `write` names a term."""
    return [f"{write(x)} to {write(y)}: {y - x:+d}." for x, y in pairwise(row)]


def regular(name: str, x: int, y: int) -> str:
    """What "add", "times" and "over" do at every step, found from two neighbours: "20 - 13 = 7 more each time."."""
    if name == "add":
        return f"{max(x, y)} - {min(x, y)} = {abs(y - x)} {'more' if y > x else 'less'} each time."
    if name == "times":
        return f"{y} / {x} = {y // x}, so times {y // x} each time."
    return f"{x} / {y} = {x // y}, so divided by {x // y} each time."


def reckoned(rule: Rule, shown: int, asked: int) -> list[str]:
    """The steps from the first `shown` terms to the one at `asked` (from 0, not among them)."""
    name, _, *p = rule
    row = terms(rule, asked + 1)
    here, ahead = row[:shown], range(shown, asked + 1)
    on = [signed(row[i - 1], row[i] - row[i - 1], row[i]) for i in ahead]
    if name == "add":
        return [regular(name, *row[:2]), *on]
    if name in ("times", "over"):
        sign = "x" if name == "times" else "/"
        return [regular(name, *row[:2]), *(f"{row[i - 1]} {sign} {p[0]} = {row[i]}." for i in ahead)]
    if name in ("sums", "sums_plus"):
        extra = f" {'+' if p[1] > 0 else '-'} {abs(p[1])}" if name == "sums_plus" and p[1] else ""
        return [f"{row[i - 2]} + {row[i - 1]}{extra} = {row[i]}." for i in range(2, asked + 1)]
    if name == "woven":
        return _reckoned_in_turn(row, shown, [asked])
    if name in ("add_times", "times_add"):
        names = (f"+ {p[0]}", f"x {p[1]}") if name == "add_times" else (f"x {p[0]}", f"+ {p[1]}")
        done = [f"{row[i]} {names[i % 2]} = {row[i + 1]}." for i in range(asked)]
        turn = f"{names[0]} and {names[1]} take turns, and {names[(shown - 1) % 2]} is next."
        return [*done[:shown - 1], turn, *done[shown - 1:]]
    if name == "turns":
        return [*moves(here), f"{p[0]:+d} and {p[1]:+d} take turns, and {p[(shown - 1) % 2]:+d} is next.", *on]
    if name == "cubic":
        return _reckoned_cubic(row)
    return [*moves(here), *_next_steps(rule, row, shown), *on]


def change(rule: Rule) -> str:
    """How the differences of "growing" and "affine" go on: "2 more than", "3 times"."""
    name, _, *p = rule
    if name == "affine":
        return f"{p[0]} times"
    return f"{abs(p[1])} {'more' if p[1] > 0 else 'less'} than"


def grown(rule: Rule, step: int) -> str:
    """The next difference after `step`: "7 + 2 = 9"."""
    name, _, *p = rule
    return f"{step} x {p[0]} = {step * p[0]}" if name == "affine" else signed(step, p[1], step + p[1])[:-1]


def _next_steps(rule: Rule, row: Sequence[int], shown: int) -> list[str]:
    """The differences after the last term shown."""
    steps = [row[i] - row[i - 1] for i in range(shown - 1, len(row) - 1)]
    first, *others = [grown(rule, step) for step in steps]
    return [f"Each step is {change(rule)} the last: {first}.", *(f"Then {text}." for text in others)]


def _reckoned_cubic(row: Sequence[int]) -> list[str]:
    steps = [y - x for x, y in pairwise(row)]
    changes = [y - x for x, y in pairwise(steps)]
    by = changes[1] - changes[0]
    return [*moves(row[:-1]), *(f"{x:+d} to {y:+d}: {y - x:+d}." for x, y in pairwise(steps[:-1])),
            f"These changes go on by {by:+d}: {signed(changes[-2], by, changes[-1])}",
            signed(steps[-2], changes[-1], steps[-1]), signed(row[-2], steps[-1], row[-1])]


def _reckoned_in_turn(row: Sequence[int], shown: int, asked: Sequence[int]) -> list[str]:
    """Terms of two rows in turn."""
    written = [", ".join(map(str, row[start:shown:2])) for start in (0, 1)]
    steps = [f"Two sequences take turns: {written[0]} and {written[1]}."]
    if len(asked) == 1:
        steps.append(f"The {'second' if asked[0] % 2 else 'first'} is next.")
    for place in asked:
        own = row[place % 2:place + 1:2]
        steps += [*moves(own[:-1]), signed(own[-2], own[-1] - own[-2], own[-1])]
    return steps


def reckoned_two(rule: Rule, shown: int) -> list[str]:
    """The next two terms of a woven row."""
    return _reckoned_in_turn(terms(rule, shown + 2), shown, (shown, shown + 1))

"""Number sequences: find the rule, go on. The solver knows a class of rules and keeps a sequence only where every rule
of the class that fits the terms shown goes on with the same number.

A rule is (name, *parameters); `terms(rule, count)` writes it out.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random

from .base import Draft, Kind, near

Rule = tuple


def terms(rule: Rule, count: int) -> list[int]:
    """The first `count` terms of a rule."""
    name, *p = rule
    if name == "add":  # start, difference
        return [p[0] + i * p[1] for i in range(count)]
    if name == "times":  # start, factor, then plus
        return _iterate(p[0], count, lambda x, i: x * p[1] + p[2])
    if name == "growing":  # start, first difference, change of the difference
        return [p[0] + i * p[1] + p[2] * i * (i - 1) // 2 for i in range(count)]
    if name == "turns":  # start, added at even turns, added at odd turns
        return _iterate(p[0], count, lambda x, i: x + p[1 + i % 2])
    if name == "add_times":  # start, added, then factor, in turn
        return _iterate(p[0], count, lambda x, i: x * p[2] if i % 2 else x + p[1])
    if name == "pair_sum":  # first, second, plus: each is the sum of the two before, plus
        out = [p[0], p[1]]
        while len(out) < count:
            out.append(out[-1] + out[-2] + p[2])
        return out[:count]
    if name == "woven":  # two sequences with their starts and differences, one after the other
        return [(p[0] + i // 2 * p[1]) if i % 2 == 0 else (p[2] + i // 2 * p[3]) for i in range(count)]
    if name == "squares":  # first base, factor, plus
        return [p[1] * (p[0] + i) ** 2 + p[2] for i in range(count)]
    raise ValueError(f"unknown rule {name!r}")


def _iterate(start: int, count: int, step) -> list[int]:
    out = [start]
    for i in range(count - 1):
        out.append(step(out[-1], i))
    return out


def fitting(shown: list[int]) -> list[Rule]:
    """Every rule of the class that begins with the terms shown and has at least one term to be checked by."""
    a, b, c = shown[0], shown[1], shown[2]
    found: list[Rule] = [("add", a, b - a), ("growing", a, b - a, c - 2 * b + a), ("turns", a, b - a, c - b)]
    if b != a and (c - b) % (b - a) == 0:
        factor = (c - b) // (b - a)
        found.append(("times", a, factor, b - a * factor))
    if b and c % b == 0:
        found.append(("add_times", a, b - a, c // b))
    found.append(("pair_sum", a, b, c - a - b))
    if len(shown) > 4:
        found.append(("woven", a, c - a, b, shown[3] - b))
    second = c - 2 * b + a
    if second and second % 2 == 0:
        factor = second // 2
        base = (b - a - factor) / (2 * factor)
        if base == int(base):
            found.append(("squares", int(base), factor, a - factor * int(base) ** 2))
    return [rule for rule in found if terms(rule, len(shown)) == shown]


def _draw(rng: Random, level: int) -> Rule:
    top = 6 + 3 * level
    menu = {1: ("add",), 2: ("add", "add", "times"), 3: ("add", "times", "turns"), 4: ("times", "growing", "turns"),
            5: ("times", "growing", "turns", "pair_sum"), 6: ("growing", "pair_sum", "add_times", "woven")}  # fmt: skip
    name = rng.choice(menu.get(level, ("growing", "pair_sum", "add_times", "woven", "squares", "affine")))
    sign = rng.choice((1, 1, -1)) if level > 2 else 1
    start, step = rng.randint(1, top), rng.randint(2, top)
    if name == "add":
        return (name, start + (6 * step if sign < 0 else 0), sign * step)
    if name == "times":
        return (name, rng.randint(1, 3 + level), rng.choice((2, 3) if level < 5 else (2, 3, 4)), 0)
    if name == "affine":
        return (
            "times",
            rng.randint(1, level),
            rng.choice((2, 3)),
            rng.choice([k for k in range(-3, level) if k]),
        )
    if name == "growing":
        return (name, start, rng.randint(1, top), rng.randint(1, 2 + level // 2))
    if name == "turns":
        return (name, start + top, step, rng.choice((-1, 1)) * rng.randint(1, top // 2))
    if name == "add_times":
        return (name, rng.randint(1, level), rng.randint(1, level), rng.choice((2, 3)))
    if name == "pair_sum":
        return (name, rng.randint(1, level), rng.randint(1, top), rng.choice((0, 0, 1, 2, -1)))
    if name == "woven":
        return (
            name,
            start,
            rng.randint(1, top),
            rng.randint(1, top),
            rng.choice((-1, 1)) * rng.randint(1, level),
        )
    return (name, rng.randint(1, level), rng.choice((1, 1, 2)), rng.randint(-5, 9))


def _explain(rule: Rule, shown: list[int], key: int) -> str:
    name, *p = rule
    last = shown[-1]
    steps = [b - a for a, b in pairwise(shown)]
    if name == "add":
        return f"Differences: {', '.join(f'{s:+d}' for s in steps[:3])}. {_plus(last, p[1], key)}"
    if name == "times" and not p[2]:
        return (
            f"Each is {p[1]} times the one before: {shown[0]} x {p[1]} = {shown[1]}. {last} x {p[1]} = {key}."
        )
    if name == "times":
        rule_text = f"x {p[1]} {'+' if p[2] > 0 else '-'} {abs(p[2])}"
        return (
            f"Rule: {rule_text}. {shown[0]} {rule_text} = {shown[1]}. {shown[1]} {rule_text} = "
            f"{shown[2]}. {last} {rule_text} = {key}."
        )
    if name == "growing":
        return (
            f"Differences: {', '.join(f'{s:+d}' for s in steps)}; they change by {p[2]:+d}. Next "
            f"{steps[-1] + p[2]:+d}. {_plus(last, steps[-1] + p[2], key)}"
        )
    if name == "turns":
        return (
            f"Differences: {', '.join(f'{s:+d}' for s in steps)}. Next {key - last:+d}. "
            f"{_plus(last, key - last, key)}"
        )
    if name == "add_times":
        return (
            f"In turn + {p[1]} and x {p[2]}: "
            + ", ".join(
                f"{a} {'x' if i % 2 else '+'} {p[2] if i % 2 else p[1]} = {b}"
                for i, (a, b) in enumerate(zip(shown, [*shown[1:], key], strict=True))
            )
            + "."
        )
    if name == "pair_sum":
        extra = f" {'+' if p[2] > 0 else '-'} {abs(p[2])}" if p[2] else ""
        return (f"Each is the sum of the two before{extra}: {shown[0]} + {shown[1]}{extra} = {shown[2]}. "
                f"{shown[-2]} + {last}{extra} = {key}.")  # fmt: skip
    if name == "woven":
        turn = len(shown) % 2
        mine = [str(x) for x in shown[turn::2]]
        return (f"Two sequences in turn: {', '.join(map(str, shown[::2]))} and "
                f"{', '.join(map(str, shown[1::2]))}. The next belongs to "
                f"{', '.join(mine)}. {_plus(int(mine[-1]), p[1 + 2 * turn], key)}")  # fmt: skip
    base = p[0] + len(shown)
    factor = f"{p[1]} x " if p[1] > 1 else ""
    plus = f" {'+' if p[2] > 0 else '-'} {abs(p[2])}" if p[2] else ""
    return (
        f"Rule: {factor}n x n{plus} with n = {p[0]}, {p[0] + 1}, ... Next n = {base}: {factor}{base} "
        f"x {base}{plus} = {key}."
    )


def _plus(value: int, step: int, result: int) -> str:
    return f"{value} {'+' if step >= 0 else '-'} {abs(step)} = {result}."


def make(rng: Random, level: int) -> Draft | None:
    rule = _draw(rng, level)
    count = 6 if rule[0] in ("woven", "add_times") else 5
    missing = level >= 3 and rule[0] in ("add", "times") and rng.random() < 0.3
    row = terms(rule, count + 1)
    if max(map(abs, row)) > 2500 or len(set(row)) < len(row) or min(row) < -60:
        return None
    shown, key = row[:-1], row[-1]
    if {terms(other, count + 1)[-1] for other in fitting(shown)} != {key}:
        return None
    plain = fitting(shown)[0] if rule not in fitting(shown) else rule
    listed = ", ".join(map(str, shown))
    question = rng.choice([
        f"Which number comes next: {listed}, ?",
        f"Find the next number in the sequence {listed}, ...",
        f"A sequence begins {listed}. What is the next term?",
        f"What number continues the pattern {listed}, ...?",
    ])  # fmt: skip
    last, before = shown[-1], shown[-2]
    slips = [2 * last - before, last + shown[1] - shown[0], last + before, row[-1] + 1, row[-1] - 1, last * 2]
    rng.shuffle(slips)
    if missing:
        at = rng.randrange(2, count - 1)
        return _gap(rng, plain, row, at)
    mistakes = [str(m) for m in slips] + near(rng, key, -80)
    return Draft(question, str(key), mistakes, _explain(plain, shown, key), ("next", *shown))


def _gap(rng: Random, rule: Rule, row: list[int], at: int) -> Draft:
    """One term inside is missing; the rule shows in the terms around it."""
    shown = [str(x) if i != at else "?" for i, x in enumerate(row)]
    key = row[at]
    question = rng.choice(
        [f"Which number is missing: {', '.join(shown)}?", f"Fill the gap in the sequence {', '.join(shown)}."]
    )
    if rule[0] == "add":
        how = (
            f"Each step is {rule[2]:+d}. {_plus(row[at - 1], rule[2], key)} Check: "
            f"{_plus(key, rule[2], row[at + 1])}"
        )
    else:
        plus = f" {'+' if rule[3] > 0 else '-'} {abs(rule[3])}" if rule[3] else ""
        how = (
            f"Rule: x {rule[2]}{plus}. {row[at - 1]} x {rule[2]}{plus} = {key}. Check: {key} x "
            f"{rule[2]}{plus} = {row[at + 1]}."
        )
    middle = (row[at - 1] + row[at + 1]) // 2
    mistakes = [
        str(m) for m in (middle, row[at - 1] + 1, key + abs(row[1] - row[0]), key + 1, key - 1)
    ] + near(rng, key, -80)
    return Draft(question, str(key), mistakes, how, ("gap", at, *row))


KIND = Kind(
    "sequences", "Number sequences", ("Next term", "Missing term"), "Mathematics", make, short_level=10
)

"""Multi-step arithmetic in words: a quantity that changes, a shop, work at a rate, parts of a group.

The four worlds are one story in which two numbers are misread or two events turned round (calculation.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from .base import Kind, Template, Told, World
from .calculation import (
    NOTHING,
    Op,
    Run,
    extend,
    fitting,
    in_parts,
    misread,
    mistaken,
    patient,
    steps,
    turned,
    worlds,
)
from .words import Person, a, capital, count_of, listing, number_word, people, plural, someone

_STEPS = {1: 1, 2: 2, 3: 3, 4: 3, 5: 4, 6: 5, 7: 6, 8: 6, 9: 7, 10: 8}
_SHARES = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth", 6: "a sixth"}
Ops = tuple[Op, ...]


def _number(sign: str, *factors: int) -> Op:
    return Op(sign, factors)


# -- a quantity that changes -----------------------------------------------------------------------------------------

_THINGS = ("apple", "stamp", "marble", "book", "shell", "pencil", "sticker", "card", "button", "bead", "cherry",
           "badge", "postcard", "orange", "peach", "toy")  # fmt: skip
_BOXES = ("box", "bag", "packet", "basket")
_LATER = ("Then", "Next,", "After that,", "Later")


def _draw_changes(rng: Random, level: int, backwards: bool) -> list[World] | None:
    """Facts: the operations that solve it, from the first quantity on or from the last one back."""
    costs = in_parts(rng, _STEPS[level], 1 if level < 3 else 2)
    marked = rng.sample(range(len(costs) + 1), 2)
    start = _number("+", rng.randint(5, 30 + 8 * level))
    runs = extend(NOTHING, start, *([mistaken(rng, start)] if 0 in marked else []))
    for place, cost in enumerate(costs, 1):
        ops = _change(rng, level, runs, cost, place in marked, backwards)
        runs = ops and extend(runs, *ops)
        if not runs:
            return None
    return worlds(runs)


def _change(rng: Random, level: int, runs: Sequence[Run], cost: int, marked: bool, backwards: bool) -> list[Op]:
    """The next operation; with what is mistaken for it, where it is marked."""
    if not marked and level >= 4 and rng.random() < 0.5:
        if cost == 1:
            scaled = [("x", n) for n in ((2, 3, 4, 5) if backwards else (2, 2, 3))]
            scaled += [("/", n) for n in ((2, 3) if backwards else (2, 3, 4, 5))]
        else:
            scaled = [] if backwards else [("part", n) for n in (3, 4, 5)]
        fit = fitting(runs, [_number(*one) for one in scaled])
        if fit:
            return [rng.choice(fit)]
    if cost == 2:
        op = _number(rng.choice("+-"), rng.randint(2, 3 + level // 3), rng.randint(2, 4 + level))
    else:
        op = _number(rng.choice("+-"), rng.randint(2, 10 + 3 * level))
    return [op] if not marked else [op, turned(op) if rng.random() < 0.5 else mistaken(rng, op)]


_INVERSE = {"+": "-", "-": "+", "x": "/", "/": "x"}


def _event(rng: Random, op: Op, who: Person, thing: str, last: str) -> str:
    """What happens, without its subject: if possible not with the same verb as the `last` event."""
    n, things = op.number, plural(thing)
    if len(op.factors) > 1:
        count, each = op.factors
        boxes = count_of(count, rng.choice(_BOXES))
        told = ([f"buys {boxes} with {each} {things} in each", f"is given {boxes} with {each} {things} in each"]
                if op.sign == "+" else
                [f"gives {each} {things} to each of {count} friends",
                 f"sells {each} {things} to each of {count} neighbours"])  # fmt: skip
    elif op.sign == "+":
        told = [f"{verb} {n} more {things}" for verb in ("buys", "finds", "is given")]
    elif op.sign == "-":
        told = [f"{verb} {n} {things}" for verb in ("gives away", "sells", "loses")]
    elif op.sign == "x":
        told = [f"trades until {who.he} has {'twice' if n == 2 else 'three times'} as many {things} as before",
                f"{'doubles' if n == 2 else 'triples'} the number of {who.his} {things} by trading"]  # fmt: skip
    elif op.sign == "part" or n == 2:
        told = [f"{verb} {_SHARES[n]} of all {who.his} {things}" for verb in ("gives away", "sells")]
    else:
        told = [f"shares all {who.his} {things} equally among {number_word(n)} people, {who.him}self included, "
                f"and keeps only {who.his} own share"]  # fmt: skip
    return rng.choice([one for one in told if one.split()[0] != last] or told)


def _events(rng: Random, ops: Sequence[Op], who: Person, thing: str) -> list[str]:
    """A sentence an operation."""
    told, last, later = [], "", rng.sample(_LATER, len(_LATER))
    for i, op in enumerate(ops):
        event = _event(rng, op, who, thing, last)
        last = event.split()[0]
        opening = "" if i == 0 else "Finally," if i == len(ops) - 1 > 1 else later[i % len(later)]
        told.append(capital(f"{opening} {who.he} {event}.".lstrip()))
    return told


def _tell_quantity(rng: Random, level: int, world: World) -> Told:
    (start, *changes), who, thing = world.facts, someone(rng, rng.random() < 0.5), rng.choice(_THINGS)
    things = plural(thing)
    first = rng.choice([f"{who.name} has {start.number} {things}.", f"{who.name} starts with {start.number} {things}.",
                        f"At first {who.name} has {start.number} {things}."])  # fmt: skip
    ask = f"How many {things} does {who.name} have {rng.choice(('now', 'in the end'))}?"
    return Told(" ".join([first, *_events(rng, changes, who, thing), ask]), steps(world.facts), world.facts)


def _tell_backwards(rng: Random, level: int, world: World) -> Told:
    (end, *changes), who, thing = world.facts, someone(rng, rng.random() < 0.5), rng.choice(_THINGS)
    things, story = plural(thing), [op._replace(sign=_INVERSE[op.sign]) for op in reversed(changes)]
    first = rng.choice([f"{who.name} has some {things}.", f"{who.name} starts with some {things}."])
    last = rng.choice([f"In the end {who.he} has {count_of(end.number, thing)}.",
                       f"Now {who.he} has {count_of(end.number, thing)}."])  # fmt: skip
    ask = f"How many {things} did {who.name} have at first?"
    return Told(" ".join([first, *_events(rng, story, who, thing), last, ask]),
                [("" if i else "Backwards: ") + step for i, step in enumerate(steps(world.facts))], world.facts)


# -- a shop ----------------------------------------------------------------------------------------------------------

_GOODS = ("pen", "notebook", "map", "sandwich", "candle", "cup", "mug", "plant", "ticket", "puzzle", "towel", "basket",
          "lamp", "shirt", "plate", "spoon")  # fmt: skip
_OFF = (10, 20, 25, 30, 40, 50, 75)


def _baskets(level: int) -> list[tuple[int, int, int, int, int]]:
    """How many goods are bought more than once and how many once; whether there are a discount, a voucher, money."""
    return [
        (several, once, off, voucher, money)
        for several in range(4) for once in range(5 - several) for off in range(2 if level >= 5 else 1)
        for voucher in range(2 if level >= 3 else 1) for money in range(2)
        if 2 * several + once - 1 + 2 * off + voucher + money == _STEPS[level] and several + once + money > 1
        and (several or level == 1)
    ]  # fmt: skip


_BASKETS = {level: _baskets(level) for level in _STEPS}


def _draw_shop(rng: Random, level: int) -> list[World] | None:
    several, once, off, voucher, money = rng.choice(_BASKETS[level])
    unit = 5 if off else 1
    prices = [unit * rng.randint(2, 9 + 2 * level // unit) for _ in range(several + once)]
    goods = [_number("+", rng.randint(2, 4 + level // 2), price) for price in prices[:several]]
    goods += [_number("+", price + 5) for price in prices[several:]]
    rng.shuffle(goods)
    marked = rng.sample(range(len(goods) + voucher + money), 2)
    runs: list[Run] | None = NOTHING
    for i, op in enumerate(goods):
        runs = extend(runs, op, *([_mistaken_good(rng, op, unit)] if i in marked else []))
        if not runs:
            return None
    if off:
        fit = fitting(runs, [_number("%", percent) for percent in _OFF])
        runs = fit and extend(runs, rng.choice(fit))
    for i, sign in enumerate(["-"] * voucher + ["from"] * money, len(goods)):
        if not runs:
            return None
        op = (_number("-", rng.randint(2, 10)) if sign == "-" else
              _number("from", max(run.value for run in runs) + rng.randint(2, 20 + 5 * level)))  # fmt: skip
        runs = extend(runs, op, *([mistaken(rng, op)] if i in marked else []))
    return worlds(runs, (lambda run: run.ops[-1].number) if money else None)


def _mistaken_good(rng: Random, op: Op, unit: int) -> Op:
    """One too many or too few of it, or another price."""
    *count, price = op.factors
    if count and rng.random() < 0.5:
        return _number("+", misread(rng, count[0]), price)
    return _number("+", *count, misread(rng, price, unit))


def _tell_shop(rng: Random, level: int, world: World) -> Told:
    ops: Ops = world.facts
    who = someone(rng, rng.random() < 0.5)
    goods = [op for op in ops if op.sign == "+"]
    listed = [f"{count_of(op.factors[0], good)} at {op.factors[1]} coins each" if len(op.factors) > 1 else
              f"{a(good)} for {op.number} coins"
              for op, good in zip(goods, rng.sample(_GOODS, len(goods)), strict=True)]  # fmt: skip
    money = next((op.number for op in ops if op.sign == "from"), 0)
    start = f"{who.name} has {money} coins. {capital(who.he)}" if money else who.name
    told = [f"{start} buys {listing(listed)}.", *_reductions(rng, ops)]
    ask = (f"How many coins does {who.name} have left?" if money else
           f"How many coins does {who.name} pay{rng.choice((' in all', ' altogether'))}?")  # fmt: skip
    return Told(" ".join([*told, ask]), steps(ops),
                (tuple(sorted(goods)), *(op for op in ops if op.sign != "+")))


def _reductions(rng: Random, ops: Sequence[Op]) -> list[str]:
    """What the shop tells of its discount, and of a voucher after it."""
    off = next((op.number for op in ops if op.sign == "%"), 0)
    voucher = next((op.number for op in ops if op.sign == "-"), 0)
    told = []
    if off:
        told.append(rng.choice([f"The shop takes {off}% off the whole price.",
                                f"There is a discount of {off}% on the whole price."]))  # fmt: skip
    if voucher:
        told.append(f"A voucher {f'then takes off another {voucher}' if off else f'takes {voucher}'} coins"
                    f"{'' if off else ' off the whole price'}.")
    return told


# -- work at a rate --------------------------------------------------------------------------------------------------

# what is done, its verb, the whole, what is done already, what is left, the period, whether two can share the work
_WORK = (
    ("pages", "reads", "A book has {} pages.", "The first {} pages are already read.", "left to read", "day", False),
    ("kilometres", "cycles", "A tour is {} kilometres long.", "The first {} kilometres are already done.",
     "left to cycle", "day", False),
    ("rolls", "bakes", "An order is for {} rolls.", "Of these, {} are already baked.",
     "still to be baked", "hour", True),
    ("trees", "plants", "A park needs {} trees.", "Of these, {} are already planted.",
     "still to be planted", "week", True),
    ("tiles", "paints", "A wall needs {} tiles.", "Of these, {} are already painted.",
     "still to be painted", "hour", True),
)  # fmt: skip


def _draw_rates(rng: Random, level: int) -> list[World] | None:
    """Facts: what is done already, the phases, and the whole, as operations; the first and last may be missing."""
    plans = [(phases, already, goal) for phases in (1, 2, 3, 4) for already in (0, 1) for goal in (0, 1)
             if 2 * phases - 1 + already + goal == max(2, _STEPS[level]) and already <= goal]  # fmt: skip
    phases, already, goal = rng.choice(plans)
    ops = [_number("+", rng.randint(3, 10 + 4 * level))] * already
    ops += [_number("+", rate, rng.randint(2, 4 + level // 2))
            for rate in rng.sample(range(3, 10 + 2 * level), phases)]
    marked = rng.sample(range(len(ops) + goal), 2)
    runs: list[Run] | None = NOTHING
    for i, op in enumerate(ops):
        runs = runs and extend(runs, op, *([mistaken(rng, op)] if i in marked else []))
    if goal and runs:
        op = _number("from", max(run.value for run in runs) + rng.randint(4, 30 + 5 * level))
        runs = extend(runs, op, *([mistaken(rng, op)] if len(ops) in marked else []))
    return worlds(runs, (lambda run: run.ops[-1].number) if goal else None)


def _tell_rates(rng: Random, level: int, world: World) -> Told:
    ops: Ops = world.facts
    phases = [op.factors for op in ops if len(op.factors) > 1]
    goal = next((op.number for op in ops if op.sign == "from"), 0)
    already = ops[0].number if len(ops[0].factors) == 1 else 0
    things, verb, whole, before, left, period, shared = rng.choice(_WORK)
    two = people(rng, 2)
    cut = rng.randrange(1, len(phases)) if shared and len(phases) > 1 and rng.random() < 0.5 else len(phases)
    told = [whole.format(goal)] * bool(goal) + [before.format(already)] * bool(already)
    told += [_phases(who, verb, things, period, part) for who, part in
             zip(two, (phases[:cut], phases[cut:]), strict=True) if part]  # fmt: skip
    actors = f"does {two[0].name}" if cut == len(phases) else f"do {two[0].name} and {two[1].name}"
    ask = (f"How many {things} are then {left}?" if goal else
           f"How many {things} {actors} {verb.removesuffix('s')} altogether?")  # fmt: skip
    return Told(" ".join([*told, ask]), steps(ops), (already, tuple(sorted(phases)), goal))


def _phases(who: Person, verb: str, things: str, period: str, phases: Sequence[tuple[int, ...]]) -> str:
    """One person's work: "Mei reads 12 pages a day for 5 days and then 15 pages a day for 3 days."."""
    parts = [f"{rate} {things} {'an' if period == 'hour' else 'a'} {period} for {count_of(times, period)}"
             for rate, times in phases]
    return f"{who.name} {verb} {', then '.join(parts[:-1])}{' and then ' if len(parts) > 1 else ''}{parts[-1]}."


# -- parts of a group ------------------------------------------------------------------------------------------------

_GROUPS = (
    ("visitors", "came", ("by train", "by car", "by bus", "by boat", "on foot")),
    ("pupils", "came", ("by bus", "by bike", "by car", "by tram", "on foot")),
    ("guests", "arrived", ("on Monday", "on Tuesday", "on Wednesday", "on Thursday", "on Friday")),
    ("parcels", "went", ("to Oslo", "to Rome", "to Cairo", "to Lima", "to Tokyo")),
)
_PERCENT = (10, 20, 25, 30, 40, 50, 60, 75)


def _draw_parts(rng: Random, level: int) -> list[World] | None:
    """Facts: the whole and what is taken from it, one part after another."""
    costs = in_parts(rng, _STEPS[level], 1 if level < 3 else 2, 4)
    counts = [place for place, cost in enumerate(costs, 1) if cost == 1]
    unit = 1 if len(counts) == len(costs) else rng.choice((4, 6, 10, 12) if level < 5 else (12, 20, 60))
    start = unit * (rng.randint(20, 40 + 10 * level) if unit == 1 else rng.randint(3, max(8, 40 * level // unit)))
    marked = rng.sample([0, *counts], 2) if counts else []
    starts = [start] if marked and 0 not in marked else _starts(rng, start, unit, 2 if marked else 4)
    runs = extend(NOTHING, *(_number("+", one) for one in starts))
    for place, cost in enumerate(costs, 1):
        if not runs:
            return None
        if cost == 1:
            by = unit // 2 if 2 in costs[place:] and unit > 1 else 1
            op = _number("-", by * rng.randint(2, max(3, min(run.value for run in runs) // (2 * by))))
            runs = extend(runs, op, *([mistaken(rng, op, by)] if place in marked else []))
        else:
            shares = [_number("part", n) for n in ((2, 4) if level == 3 else _SHARES)]
            fit = fitting(runs, shares + [_number("%", n) for n in _PERCENT if level > 3])
            runs = fit and extend(runs, rng.choice(fit))
    return worlds(runs, lambda run: run.ops[0].number)


def _starts(rng: Random, start: int, unit: int, count: int) -> list[int]:
    """The whole, and others near it that are mistaken for it."""
    near = [start + unit * k for k in range(-4, 5) if k and start + unit * k > 0]
    return [start, *rng.sample(near, count - 1)]


def _tell_parts(rng: Random, level: int, world: World) -> Told:
    whole, *taken = world.facts
    group, came, ways = rng.choice(_GROUPS)
    ways = [ways[i] for i in sorted(rng.sample(range(len(ways)), len(taken) + 1))]
    rest = ("the others", f"the {group} not counted so far")
    told = []
    for i, (op, way) in enumerate(zip(taken, ways, strict=False)):
        share = {"-": f"{op.number}", "%": f"{op.number}%", "part": _SHARES.get(op.number)}[op.sign]
        if i == 0:
            told.append(f"Of {whole.number} {group}, {share} {came} {way}.")
        elif op.sign == "-":
            told.append(f"Another {share} {came} {way}.")
        else:
            told.append(f"Of {rest[i > 1]}, {share} {came} {way}.")
    told.append(f"All the remaining {group} {came} {ways[-1]}.")
    ask = f"How many {group} {came} {ways[-1]}?"
    return Told(" ".join([*told, ask]), steps(world.facts), world.facts)


KIND = Kind(
    "arithmetic",
    "Multi-step arithmetic",
    ("Changing quantities", "Shopping", "Rates", "Parts of a group"),
    "Mathematics",
    (
        Template("quantity", patient(lambda rng, level: _draw_changes(rng, level, False)), _tell_quantity),
        Template("shop", patient(_draw_shop), _tell_shop),
        Template("rates", patient(_draw_rates), _tell_rates),
        Template("parts", patient(_draw_parts), _tell_parts),
        Template("backwards", patient(lambda rng, level: _draw_changes(rng, level, True)), _tell_backwards,
                 range(4, 11)),
    ),
    short_level=8,
)

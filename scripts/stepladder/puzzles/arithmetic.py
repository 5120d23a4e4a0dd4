"""Multi-step arithmetic in words: a quantity that changes, a shop, work at a rate, parts of a group.

A chain is a start and operations (sign, number); its typical mistakes are the chain with one operation left out or
turned round.
"""

from __future__ import annotations

from random import Random

from .base import Draft, Kind, near
from .words import Person, count_of, plural, someone

Op = tuple[str, int]
_THINGS = ("apple", "stamp", "marble", "book", "shell", "pencil", "sticker", "coin", "card", "button", "bead", "cherry",
           "badge", "postcard", "orange", "peach", "toy", "photo")  # fmt: skip
_BOXES = ("box", "bag", "packet", "basket", "tray")
_GOODS = (("notebook", 2, 9), ("pen", 1, 5), ("cup", 3, 12), ("lamp", 10, 30), ("shirt", 8, 25), ("ticket", 4, 15),
          ("sandwich", 2, 7),
          ("puzzle", 6, 20), ("plant", 3, 14), ("mug", 7, 18), ("map", 2, 8), ("scarf", 5, 16))  # fmt: skip
_STEPS = {1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4, 7: 4, 8: 5, 9: 5, 10: 6}
_UNDO = {"+": "-", "-": "+", "x": "/", "/": "x"}


def apply(value: int, op: Op) -> int | None:
    """The value after one operation; None where a division leaves a rest."""
    sign, number = op
    if sign == "/":
        return value // number if value % number == 0 else None
    return value + number if sign == "+" else value - number if sign == "-" else value * number


def run(start: int, ops: list[Op]) -> list[int] | None:
    """The values after each operation; None where one is not a whole number or falls below zero."""
    values, here = [], start
    for op in ops:
        result = apply(here, op)
        if result is None or result < 0:
            return None
        values.append(result)
        here = result
    return values


def slips(start: int, ops: list[Op]) -> list[str]:
    """Results of chains with one operation forgotten or turned round."""
    trials = [[*ops[:i], *ops[i + 1 :]] for i in range(len(ops) - 1, -1, -1)]
    trials += [[*ops[:i], (_UNDO[sign], number), *ops[i + 1 :]] for i, (sign, number) in enumerate(ops)]
    ends = [run(start, trial) for trial in trials]
    return [str(values[-1] if values else start) for values in ends if values is not None]


def told_steps(start: int, ops: list[Op], before: list[str] | None = None) -> str:
    """Each operation as an equation, where `before` has one after another that it needs."""
    values = run(start, ops)
    froms = [start, *values[:-1]]
    equations = [f"{a} {sign} {n} = {b}." for a, (sign, n), b in zip(froms, ops, values, strict=True)]
    return " ".join(
        part for pair in zip(before or [""] * len(ops), equations, strict=True) for part in pair if part
    )


# -- a quantity that changes -----------------------------------------------------------------------------------------


def _change(rng: Random, who: Person, thing: str, here: int, level: int) -> tuple[Op, str, str] | None:
    """One event: its operation, its sentence (without the subject), and an equation that comes first."""
    things = plural(thing)
    kind = rng.choice(("buys", "gives", "finds", "loses") if level < 3 else
                      ("buys", "gives", "finds", "loses", "boxes", "boxes", "doubles", "half", "friends"))  # fmt: skip
    amount = rng.randint(2, 9 + 4 * level)
    if kind in ("buys", "finds"):
        verb = {"buys": rng.choice(("buys", "is given")), "finds": "finds"}[kind]
        return ("+", amount), f"{verb} {amount} more {things}", ""
    if kind in ("gives", "loses"):
        amount = rng.randint(2, max(2, here // 2))
        other = someone(rng, rng.random() < 0.5).name
        if other == who.name:
            return None
        given = rng.choice([f"gives {amount} {things} to {other}", f"sells {amount} {things}"])
        return ("-", amount), given if kind == "gives" else f"loses {amount} {things}", ""
    if kind == "boxes":
        boxes, each = rng.randint(2, 3 + level), rng.randint(2, 4 + level)
        told = f"buys {count_of(boxes, rng.choice(_BOXES))} with {each} {things} in each"
        return ("+", boxes * each), told, f"{boxes} x {each} = {boxes * each}."
    if kind == "doubles":
        factor = rng.choice((2, 2, 3))
        return (
            ("x", factor),
            f"{'doubles' if factor == 2 else 'triples'} the number of {things} by trading",
            "",
        )
    if kind == "half" and here % 2 == 0:
        return ("/", 2), "gives away half of them", ""
    parts = rng.choice((3, 4, 5))
    if kind == "friends" and here % parts == 0 and here > parts:
        told = (
            f"shares them equally among {parts} people, {who.him}self included, and keeps {who.his} own share"
        )
        return ("/", parts), told, ""
    return None


def _quantity(rng: Random, level: int) -> Draft | None:
    who, thing = someone(rng, rng.random() < 0.5), rng.choice(_THINGS)
    start = rng.randint(5, 20 + 8 * level)
    ops: list[Op] = []
    sentences: list[str] = []
    before: list[str] = []
    here = start
    while len(sentences) < _STEPS[level]:
        event = _change(rng, who, thing, here, level)
        if event is None or (sentences and event[1].split()[0] == sentences[-1].split()[0]):
            continue
        after = apply(here, event[0])
        if after is None or not 1 < after < 2000:
            continue
        here = after
        ops.append(event[0])
        sentences.append(event[1])
        before.append(event[2])
    things = plural(thing)
    joined = _sentences(rng, who, sentences)
    if level >= 6 and rng.random() < 0.3 and run(here, _inverse(ops)):
        question = (f"{who.name} has some {things}. {joined} In the end {who.he} has {here} {things}. "
                    f"How many {things} did {who.he} have at first?")  # fmt: skip
        back = _inverse(ops)
        mistakes = slips(here, back) + near(rng, start, 1)
        return Draft(
            question,
            str(start),
            mistakes,
            f"Backwards: {told_steps(here, back, before[::-1])}",
            ("backwards", here, tuple(ops), tuple(before)),
        )
    question = f"{who.name} has {start} {things}. {joined} How many {things} does {who.he} have now?"
    mistakes = slips(start, ops) + near(rng, here, 1)
    return Draft(
        question,
        str(here),
        mistakes,
        told_steps(start, ops, before),
        ("quantity", start, tuple(ops), tuple(before)),
    )


def _inverse(ops: list[Op]) -> list[Op]:
    return [(_UNDO[sign], number) for sign, number in reversed(ops)]


def _sentences(rng: Random, who: Person, parts: list[str]) -> str:
    """The events in sentences of one or two each."""
    openings = ["", "Then ", "Next, ", "After that, ", "Later ", "Finally, "]
    out = []
    for i, part in enumerate(parts):
        opening = (
            openings[0] if i == 0 else openings[-1] if i == len(parts) - 1 else openings[1 + (i - 1) % 4]
        )
        out.append(f"{opening or ''}{who.he if opening else who.he.capitalize()} {part}.")
    return " ".join(out)


# -- a shop ----------------------------------------------------------------------------------------------------------


def _shop(rng: Random, level: int) -> Draft | None:
    who = someone(rng, rng.random() < 0.5)
    kinds = 1 if level <= 2 else 2 if level <= 6 else 3
    goods = rng.sample(_GOODS, kinds)
    items = [(rng.randint(2, 3 + level), name, rng.randint(low, high)) for name, low, high in goods]
    total = sum(count * price for count, _, price in items)
    listed = [f"{count_of(count, name)} at {count_of(price, 'coin')} each" for count, name, price in items]
    bought = listed[0] if kinds == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
    steps = [f"{count} x {price} = {count * price}." for count, _, price in items]
    if kinds > 1:
        steps.append(f"{' + '.join(str(c * p) for c, _, p in items)} = {total}.")
    plain_sum = sum(price for *_, price in items)
    off = 0
    if level >= 5 and rng.random() < 0.6:
        off = rng.choice((10, 20, 25, 50))
        if total * off % 100:
            return None
        cut = total * off // 100
        steps.append(f"{off}% of {total} = {cut}. {total} - {cut} = {total - cut}.")
    due = total * (100 - off) // 100
    paid = 0
    form = ("shop", tuple(sorted((c, p) for c, _, p in items)), off)
    discount = f" The shop takes {off}% off the whole price." if off else ""
    if level >= 2 and rng.random() < 0.6:
        paid = next(note for note in (20, 50, 100, 200, 500, 1000, 2000) if note > due)
        key = paid - due
        steps.append(f"{paid} - {due} = {key}.")
        question = (
            f"{who.name} buys {bought}.{discount} {who.he.capitalize()} pays with {paid} coins. "
            f"How many coins does {who.he} get back?"
        )
        wrong = [paid - total, paid - items[0][0] * items[0][2], paid - plain_sum, due, key + 10]
    else:
        key = due
        question = f"{who.name} buys {bought}.{discount} How many coins does {who.he} pay?"
        wrong = [
            total,
            items[0][0] * items[0][2],
            plain_sum,
            total - off if off else total + items[0][2],
            due + 10,
            due - items[-1][2],
        ]
    mistakes = [str(w) for w in wrong if w > 0] + near(rng, key, 1)
    return Draft(question, str(key), mistakes, " ".join(steps), (*form, paid))


# -- work at a rate --------------------------------------------------------------------------------------------------

_WORK = (
    ("{who} reads {rate} pages a day", "A book has {goal} pages.", "pages", "left to read", "day"),
    (
        "{who} bakes {rate} rolls an hour",
        "An order is for {goal} rolls.",
        "rolls",
        "still to be baked",
        "hour",
    ),
    (
        "{who} plants {rate} trees a week",
        "A park needs {goal} trees.",
        "trees",
        "still to be planted",
        "week",
    ),
    (
        "{who} drives {rate} kilometres an hour",
        "A road is {goal} kilometres long.",
        "kilometres",
        "still ahead",
        "hour",
    ),
    (
        "{who} paints {rate} tiles an hour",
        "A wall needs {goal} tiles.",
        "tiles",
        "still to be painted",
        "hour",
    ),
)


def _rates(rng: Random, level: int) -> Draft:
    who = someone(rng, rng.random() < 0.5)
    first, goal_text, unit, rest_text, period = rng.choice(_WORK)
    phases = 1 if level <= 3 else 2 if level <= 7 else 3
    rates = [(rng.randint(3, 12 + 3 * level), rng.randint(2, 4 + level // 2)) for _ in range(phases)]
    done = sum(rate * times for rate, times in rates)
    goal = done + rng.randint(4, 30 + 5 * level)
    (rate, times), more = rates[0], rates[1:]
    told = f"{first.format(who=who.name, rate=rate)} for {count_of(times, period)}"
    for i, (rate, times) in enumerate(more):
        told += (
            f"{' and' if i == len(more) - 1 else ','} then {rate} "
            f"{'an' if period == 'hour' else 'a'} {period} for {count_of(times, period)}"
        )
    steps = [f"{r} x {t} = {r * t}." for r, t in rates]
    if more:
        steps.append(f"{' + '.join(str(r * t) for r, t in rates)} = {done}.")
    form = ("rates", tuple(rates))
    if level >= 2 and rng.random() < 0.6:
        steps.append(f"{goal} - {done} = {goal - done}.")
        question = f"{goal_text.format(goal=goal)} {told}. How many {unit} are {rest_text}?"
        wrong = [
            goal - rates[0][0] * rates[0][1],
            done,
            goal - sum(r for r, _ in rates),
            goal - done + rates[-1][0],
            goal + done,
        ]
        return Draft(
            question,
            str(goal - done),
            [str(w) for w in wrong] + near(rng, goal - done, 1),
            " ".join(steps),
            (*form, goal),
        )
    question = f"{told}. How many {unit} is that altogether?"
    wrong = [
        sum(r for r, _ in rates) * sum(t for _, t in rates),
        done + rates[0][0],
        done - rates[-1][0],
        sum(r + t for r, t in rates),
    ]
    return Draft(
        question,
        str(done),
        [str(w) for w in wrong if w > 0] + near(rng, done, 1),
        " ".join(steps),
        (*form, 0),
    )


# -- parts of a group ------------------------------------------------------------------------------------------------

_GROUPS = (("visitors", "by train", "by car", "on foot"), ("pupils", "by bus", "by bike", "on foot"),
           ("guests", "on Friday", "on Saturday", "on Sunday"),
           ("parcels", "in the morning", "at noon", "in the evening"))  # fmt: skip


def _parts(rng: Random, level: int) -> Draft | None:
    group, first_way, second_way, last_way = rng.choice(_GROUPS)
    total = 20 * rng.randint(2, 4 + 3 * level)
    percent = rng.choice((10, 20, 25, 30, 40, 50, 60, 75)) if level >= 4 else rng.choice((25, 50))
    divisor = rng.choice((2, 3, 4, 5, 6) if level >= 4 else (2, 3, 4))
    if total * percent % 100:
        return None
    first = total * percent // 100
    rest = total - first
    if rest % divisor or not rest:
        return None
    second = rest // divisor
    fraction = {2: "Half", 3: "A third", 4: "A quarter", 5: "A fifth", 6: "A sixth"}[divisor]
    key = rest - second
    question = (f"Of {total} {group}, {percent}% came {first_way}. {fraction} of the others came "
                f"{second_way}, and all the "
                f"remaining {group} came {last_way}. How many {group} came {last_way}?")  # fmt: skip
    steps = (
        f"{percent}% of {total} = {first}. {total} - {first} = {rest}. {rest} / {divisor} = "
        f"{second}. {rest} - {second} = {key}."
    )
    wrong = [second, total - first - total // divisor, rest, first, key + 10]
    return Draft(
        question,
        str(key),
        [str(w) for w in wrong if w > 0] + near(rng, key, 1),
        steps,
        ("parts", total, percent, divisor),
    )


def make(rng: Random, level: int) -> Draft | None:
    makers = [_quantity, _shop, _rates] if level < 3 else [_quantity, _quantity, _shop, _rates]
    if 3 <= level <= 7:
        makers.append(_parts)
    return rng.choice(makers)(rng, level)


KIND = Kind(
    "arithmetic",
    "Multi-step arithmetic",
    ("Changing quantities", "Shopping", "Rates", "Parts of a group"),
    "Mathematics",
    make,
    short_level=10,
)

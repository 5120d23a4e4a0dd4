"""Ages: how old is somebody, from sums, multiples and differences now, in some years, or some years ago."""

from __future__ import annotations

from random import Random

from .base import Draft, Kind, near
from .words import count_of, names, number_word

TIMES = {2: "twice", 3: "three times", 4: "four times", 5: "five times", 6: "six times"}


def _years(count: int) -> str:
    return count_of(count, "year")


def _chain(rng: Random, level: int) -> Draft | None:
    """Each age from the one before: older, younger, times as old; asked is the last, perhaps in some years."""
    count = 2 if level == 1 else 3 if level <= 4 else 4 if level <= 7 else 5
    who = names(rng, count)
    age = rng.randint(4, 12 + 2 * level)
    first, steps, told, links = age, [], [], []
    for i in range(1, count):
        kind = rng.choice(("older", "younger", "times") if level > 1 else ("older", "younger"))
        amount = rng.choice((2, 2, 3)) if kind == "times" else rng.randint(2, 4 + 2 * level)
        new = age * amount if kind == "times" else age + amount if kind == "older" else age - amount
        if not 1 <= new <= 90:
            return None
        relation = f"{TIMES[amount]} as old as" if kind == "times" else f"{_years(amount)} {kind} than"
        told.append(f"{who[i]} is {relation} {who[i - 1]}.")
        steps.append(f"{who[i]}: {age} {dict(times='x', older='+', younger='-')[kind]} {amount} = {new}.")
        links.append((kind, amount))
        age = new
    ahead = rng.randint(2, 3 + level) if level >= 3 and rng.random() < 0.5 else 0
    if level > 3:
        order = rng.sample(range(count - 1), count - 1)
        told = [told[i] for i in order]
    told.insert(rng.randint(0, len(told)) if level > 3 else 0, f"{who[0]} is {_years(first)} old.")
    key = age + ahead
    if ahead:
        steps.append(f"In {_years(ahead)}: {age} + {ahead} = {key}.")
    ask = f"How old will {who[-1]} be in {_years(ahead)}?" if ahead else f"How old is {who[-1]}?"
    kind, amount = links[-1]
    before = {"times": age // amount, "older": age - amount, "younger": age + amount}[kind]
    turned = {"times": before + amount, "older": before - amount, "younger": before + amount}[kind]
    wrong = [turned + ahead, before + ahead, age - ahead, age, first + sum(n for _, n in links), key + 1]
    mistakes = [str(w) for w in wrong if w > 0] + near(rng, key, 1)
    return Draft(
        " ".join([*told, ask]), str(key), mistakes, " ".join(steps), ("chain", first, tuple(links), ahead)
    )


def _sum_and_difference(rng: Random, level: int) -> Draft:
    """Two ages from their sum and difference, or their sum and ratio."""
    older, younger = names(rng, 2)
    if rng.random() < 0.5:
        low, gap = rng.randint(4, 15 + 4 * level), rng.randint(2, 6 + 2 * level)
        high, total = low + gap, 2 * low + gap
        relation = f"{older} is {_years(gap)} older than {younger}."
        steps = (
            f"{total} - {gap} = {total - gap}. {total - gap} / 2 = {low}, so {younger} is {low} and "
            f"{older} {low} + {gap} = {high}."
        )
        wrong = [total // 2, total - gap, (total - gap) // 2 - 1, total // 2 + gap]
        form: tuple = ("difference", gap)
    else:
        factor, low = rng.choice((2, 3, 4)), rng.randint(4, 12 + level)
        high, total = factor * low, (factor + 1) * low
        relation = f"{older} is {TIMES[factor]} as old as {younger}."
        steps = (
            f"{factor} + 1 = {factor + 1} parts. {total} / {factor + 1} = {low}, so {younger} is "
            f"{low} and {older} {factor} x {low} = {high}."
        )
        wrong = [total // factor, total // 2, total - factor, low + factor]
        form = ("ratio", factor)
    together = rng.choice(
        [
            f"The ages of {older} and {younger} add up to {total}.",
            f"Together {older} and {younger} are {_years(total)} old.",
        ]
    )
    asks_older = rng.random() < 0.5
    key, other = (high, low) if asks_older else (low, high)
    question = f"{together} {relation} How old is {older if asks_older else younger}?"
    mistakes = [str(w) for w in (other, *wrong) if w > 0] + near(rng, key, 1)
    return Draft(question, str(key), mistakes, steps, ("sum", total, *form, asks_older))


def _ratio_later(rng: Random, level: int) -> Draft | None:
    """Two ratios at different times: now k times, in (or before) n years m times."""
    older, younger = names(rng, 2)
    now, later = rng.sample((2, 3, 4, 5, 6), 2)
    # now*x + n = later*(x + n) for n years ahead (later < now), n < 0 for years ago (later > now)
    years = rng.randint(2, 4 + 2 * level) * (1 if later < now else -1)
    young, rest = divmod((later - 1) * years, now - later)
    old = now * young
    if rest or young + min(years, 0) < 1 or not 2 <= old <= 95:
        return None
    told = (f"In {_years(years)}, {older} will be {TIMES[later]} as old as {younger}." if years > 0
            else f"{older} was {TIMES[later]} as old as {younger} {_years(-years)} ago.")  # fmt: skip
    asks_older = rng.random() < 0.5
    key, other = (old, young) if asks_older else (young, old)
    question = (f"{older} is {TIMES[now]} as old as {younger}. {told} "
                f"How old is {older if asks_older else younger} now?")  # fmt: skip
    sign = "+" if years > 0 else "-"
    n = abs(years)
    inner = later * n
    steps = (f"Let {younger} be x, {older} {now}x. {now}x {sign} {n} = {later}(x {sign} {n}) = {later}x "
             f"{sign} {inner}. "
             f"{abs(now - later) if abs(now - later) > 1 else ''}x = {inner} - {n} = {inner - n}. x = "
             f"{young}, {older} {now} x {young} = {old}.")  # fmt: skip
    wrong = [other, key + years, inner // abs(now - later), n * later, n * now, inner - n]
    mistakes = [str(w) for w in wrong if w > 0] + near(rng, key, 1)
    return Draft(question, str(key), mistakes, steps, ("later", now, later, years, asks_older))


def _three(rng: Random, level: int) -> Draft | None:
    """Three or four ages whose sum is known, each given from the first one."""
    count = 3 if level <= 7 else 4
    who = names(rng, count)
    base = rng.randint(3, 10 + 2 * level)
    factors, adds, told = [1], [0], []
    for i in range(1, count):
        if rng.random() < 0.5:
            factor = rng.choice((2, 3))
            factors.append(factor)
            adds.append(0)
            told.append(f"{who[i]} is {TIMES[factor]} as old as {who[0]}.")
        else:
            gap = rng.choice((-1, 1)) * rng.randint(1, 8)
            factors.append(1)
            adds.append(gap)
            told.append(f"{who[i]} is {_years(abs(gap))} {'older' if gap > 0 else 'younger'} than {who[0]}.")
    ages = [f * base + a for f, a in zip(factors, adds, strict=True)]
    if min(ages) < 1 or max(ages) > 95 or len(set(ages)) < count:
        return None
    total = sum(ages)
    asked = rng.randrange(count)
    parts, extra = sum(factors), sum(adds)
    question = (
        f"{' '.join(told)} The ages of all {number_word(count)} add up to {total}. How old is {who[asked]}?"
    )
    steps = f"Let {who[0]} be x: {parts}x"
    if extra:
        steps += (
            f" {'+' if extra > 0 else '-'} {abs(extra)} = {total}. {parts}x = {total - extra}. x = {base}."
        )
    else:
        steps += f" = {total}. x = {base}."
    if asked:
        if factors[asked] > 1:
            steps += f" {who[asked]}: {factors[asked]} x {base} = {ages[asked]}."
        else:
            steps += (
                f" {who[asked]}: {base} {'+' if adds[asked] > 0 else '-'} {abs(adds[asked])} = {ages[asked]}."
            )
    wrong = [*(a for i, a in enumerate(ages) if i != asked), total // count, total // parts, ages[asked] + 1]
    mistakes = [str(w) for w in wrong if w > 0] + near(rng, ages[asked], 1)
    form = (
        "sum of all",
        total,
        tuple(sorted(zip(factors[1:], adds[1:], strict=True))),
        (factors[asked], adds[asked]) if asked else 0,
    )
    return Draft(question, str(ages[asked]), mistakes, steps, form)


def make(rng: Random, level: int) -> Draft | None:
    if level == 1:
        makers = [_chain]
    elif level <= 3:
        makers = [_chain, _sum_and_difference]
    elif level <= 5:
        makers = [_chain, _sum_and_difference, _ratio_later]
    else:
        makers = [_chain, _ratio_later, _three]
    return rng.choice(makers)(rng, level)


KIND = Kind(
    "ages",
    "Age problems",
    ("Chains of ages", "Sums and ratios", "Now and later"),
    "Mathematics",
    make,
    short_level=10,
)

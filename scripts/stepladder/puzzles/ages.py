"""Ages: how old is somebody, from sums, multiples and differences now, in some years, or some years ago.

The four worlds are one story in which two things are taken otherwise: a clue turned round ("younger" for "older",
"three times" for "three years"), an age misread, the other person asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from random import Random
from typing import Any

from .base import Kind, Template, Told, World
from .calculation import patient
from .words import count_of, names, number_word

TIMES = {2: "twice", 3: "three times", 4: "four times", 5: "five times", 6: "six times"}
OLDEST = 95
_SIGNS = {"times": "x", "older": "+", "younger": "-"}
_LINKS = {1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4, 7: 4, 8: 5, 9: 6, 10: 6}
Link = tuple[str, int]


def _years(count: int) -> str:
    return count_of(count, "year")


def _two(rng: Random, low: int, high: int, apart: int = 6) -> tuple[int, int]:
    """Two different numbers of a range, at most `apart` from each other: a number and its misreading."""
    first = rng.randint(low, high)
    return first, rng.choice([n for n in range(max(low, first - apart), min(high, first + apart) + 1) if n != first])


def _alike(ages: Sequence[int], factors: Iterable[int]) -> bool:
    """Whether no age stands out by what it leaves when divided by one of the factors."""
    return all(len({age % factor for age in ages}) == 1 for factor in factors)


def _worlds(ages: Sequence[tuple[int, Any]]) -> list[World]:
    return [World(str(age), facts) for age, facts in ages]


# -- each age from the one before ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Chain:
    """An age, links to the next person's, and how many years ahead the last one's is asked for (0: now)."""

    first: int
    links: tuple[Link, ...]
    ahead: int

    def ages(self) -> list[int]:
        ages = [self.first]
        for kind, amount in self.links:
            here = ages[-1]
            ages.append(here * amount if kind == "times" else here + amount if kind == "older" else here - amount)
        return ages

    def turned(self, place: int) -> _Chain:
        """The chain with one link taken the other way."""
        kind, amount = self.links[place]
        other = {"older": "younger", "younger": "older", "times": "older"}[kind]
        return replace(self, links=(*self.links[:place], (other, amount), *self.links[place + 1:]))


def _draw_chain(rng: Random, level: int) -> list[World] | None:
    count = _LINKS[level]
    first, misread = _two(rng, 4, 60 if count == 1 else 25)
    kinds = ("older", "younger", "times") if level > 1 else ("older", "younger")
    links = [(kind, rng.choice((2, 2, 3)) if kind == "times" else rng.randint(2, 24 if count == 1 else 4 + 2 * level))
             for kind in rng.choices(kinds, k=count)]
    chain = _Chain(first, tuple(links), rng.randint(2, 3 + level) if level >= 3 and rng.random() < 0.5 else 0)
    place = rng.randrange(count)
    other = rng.choice([None, *(i for i in range(count) if i != place)])
    second = replace(chain, first=misread) if other is None else chain.turned(other)
    chains = [chain, second, chain.turned(place), second.turned(place)]
    if any(not 1 <= age <= OLDEST for one in chains for age in one.ages()):
        return None
    ends = [one.ages()[-1] + one.ahead for one in chains]
    if not _alike(ends, {amount for one in chains for kind, amount in one.links if kind == "times"}):
        return None
    return _worlds(list(zip(ends, chains, strict=True)))


def _tell_chain(rng: Random, level: int, world: World) -> Told:
    chain: _Chain = world.facts
    who, ages = names(rng, len(chain.links) + 1), chain.ages()
    told, steps = [], []
    for (kind, amount), i in zip(chain.links, range(len(ages) - 1), strict=True):
        relation = f"{TIMES[amount]} as old as" if kind == "times" else f"{_years(amount)} {kind} than"
        told.append(f"{who[i + 1]} is {relation} {who[i]}.")
        steps.append(f"{who[i + 1]}: {ages[i]} {_SIGNS[kind]} {amount} = {ages[i + 1]}.")
    if level > 3:
        told = rng.sample(told, len(told))
    told.insert(rng.randint(0, len(told)) if level > 3 else 0, f"{who[0]} is {_years(chain.first)} old.")
    if chain.ahead:
        steps.append(f"In {_years(chain.ahead)}: {ages[-1]} + {chain.ahead} = {ages[-1] + chain.ahead}.")
    ask = f"How old will {who[-1]} be in {_years(chain.ahead)}?" if chain.ahead else f"How old is {who[-1]}?"
    return Told(" ".join([*told, ask]), steps, (chain.first, chain.links, chain.ahead))


# -- two ages from their sum and their difference or ratio -----------------------------------------------------------


def _draw_sum(rng: Random, level: int) -> list[World] | None:
    """Facts: the younger one's age, "gap" or "ratio" with its number, and whether the older one is asked for."""
    form = ("gap", rng.randint(2, 8 + 2 * level)) if rng.random() < 0.7 else ("ratio", rng.choice((2, 3, 4)))
    if form[0] == "gap":
        lows = _two(rng, 4, 20 + 4 * level)
    else:
        # The other one's age is a multiple of the ratio as well.
        lows = tuple(low * form[1] for low in _two(rng, 2, 44 // form[1] ** 2 + 2))
    highs = [_older(low, form) for low in lows]
    if max(highs) >= min(low + high for low, high in zip(lows, highs, strict=True)) or max(highs) > OLDEST:
        return None
    return _worlds([(_older(low, form) if older else low, (low, form, older)) for low, older in product(lows, (0, 1))])


def _older(low: int, form: tuple[str, int]) -> int:
    return low + form[1] if form[0] == "gap" else low * form[1]


def _tell_sum(rng: Random, level: int, world: World) -> Told:
    low, form, asks_older = world.facts
    high = _older(low, form)
    total, number = low + high, form[1]
    older, younger = names(rng, 2)
    if form[0] == "gap":
        relation = f"{older} is {_years(number)} older than {younger}."
        steps = [f"{total} - {number} = {total - number}.", f"{younger}: {total - number} / 2 = {low}."]
        last = f"{older}: {low} + {number} = {high}."
    else:
        relation = f"{older} is {TIMES[number]} as old as {younger}."
        steps = [f"{number} + 1 = {number + 1} parts.", f"{younger}: {total} / {number + 1} = {low}."]
        last = f"{older}: {number} x {low} = {high}."
    together = rng.choice([f"The ages of {older} and {younger} add up to {total}.",
                           f"Together {older} and {younger} are {_years(total)} old."])  # fmt: skip
    question = f"{together} {relation} How old is {older if asks_older else younger}?"
    return Told(question, [*steps, last] if asks_older else steps, (total, form, asks_older))


# -- two ratios at different times -----------------------------------------------------------------------------------


def _young(now: int, later: int, years: int) -> int | None:
    """The younger one's age where the older is `now` times as old, and `later` times in `years` (< 0: ago) years."""
    young, rest = divmod((later - 1) * years, now - later)
    return None if rest or young + min(years, 0) < 1 or now * young > OLDEST else young


def _draw_later(rng: Random, level: int) -> list[World] | None:
    """Facts: the two ratios, the years (below 0: ago), the younger one's age, whether the older one is asked for."""
    now, later = rng.sample((2, 3, 4, 5, 6), 2)
    told = later - 1 == now - later  # then the younger one is as old as the number of years told
    way = 1 if later < now else -1
    cases = [(way * years, young) for years in range(1, 41) if (young := _young(now, later, way * years))]
    older = 1 if told else rng.randrange(2)
    if not told and rng.random() < 0.5:  # The other one's age is a multiple of the ratio as well.
        cases = [(years, young) for years, young in cases if young % now == 0]
        if len(cases) < 2:
            return None
        asked = [(*case, one) for case, one in product(rng.sample(cases, 2), (0, 1))]
    elif len(cases) < 4:
        return None
    else:
        first = rng.randrange(max(1, len(cases) - 6))  # of seven neighbours: far ones are often not possible together
        asked = [(*case, older) for case in rng.sample(cases[first:first + 7], 4)]
    ages = [young * (now if older else 1) for _, young, older in asked]
    if any(not max(0, -years) < _younger(age, now, older) <= OLDEST // now
           for age, (years, _, older) in product(ages, asked)):  # fmt: skip
        return None  # in one of the stories somebody with that age was not born yet, or the other would be too old
    return _worlds([(age, (now, later, *case)) for age, case in zip(ages, asked, strict=True)])


def _younger(age: int, now: int, older: int) -> int:
    """The younger one's age where this is the age of the older one, who is `now` times as old, or of the younger."""
    return age // now if older else age


def _tell_later(rng: Random, level: int, world: World) -> Told:
    now, later, years, young, asks_older = world.facts
    older, younger = names(rng, 2)
    n, sign = abs(years), "+" if years > 0 else "-"
    told = (f"In {_years(n)}, {older} will be {TIMES[later]} as old as {younger} will be then." if years > 0
            else f"{_years(n)} ago, {older} was {TIMES[later]} as old as {younger} was then.")  # fmt: skip
    question = f"{older} is {TIMES[now]} as old as {younger}. {told} How old is {older if asks_older else younger} now?"
    inner, parts = later * n, abs(now - later)
    steps = [f"Let {younger} be x, {older} {now}x.",
             f"{now}x {sign} {n} = {later}(x {sign} {n}) = {later}x {sign} {inner}.",
             f"{parts if parts > 1 else ''}x = {inner} - {n} = {inner - n}."]  # fmt: skip
    if parts > 1:
        steps.append(f"{younger}: x = {young}.")
    if asks_older:
        steps.append(f"{older}: {now} x {young} = {now * young}.")
    return Told(question, steps, (now, later, years, asks_older))


# -- several ages from their sum -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _All:
    """The first one's age, and every one's as (factor, addend) of it; the first is (1, 0)."""

    base: int
    terms: tuple[tuple[int, int], ...]
    asked: int

    def age(self, i: int) -> int:
        factor, more = self.terms[i]
        return factor * self.base + more


def _draw_all(rng: Random, level: int) -> list[World] | None:
    count = 3 if level <= 6 else 4 if level <= 8 else 5
    others = [(rng.choice((2, 3)), 0) if rng.random() < 0.5 else (1, rng.choice((-1, 1)) * rng.randint(1, 9))
              for _ in range(count - 1)]
    bases, asked = _two(rng, 3, 12 + 2 * level), rng.sample(range(count), 2)
    cast = [_All(base, ((1, 0), *others), one) for base, one in product(bases, asked)]
    ages = [[one.age(i) for i in range(count)] for one in cast]
    if any(min(row) < 1 or max(row) > OLDEST or len(set(row)) < count for row in ages):
        return None
    asked_ages, totals = [one.age(one.asked) for one in cast], [sum(row) for row in ages]
    if max(asked_ages) >= min(totals) or not _alike(asked_ages, {one.terms[one.asked][0] for one in cast}):
        return None
    return _worlds(list(zip(asked_ages, cast, strict=True)))


def _tell_all(rng: Random, level: int, world: World) -> Told:
    cast: _All = world.facts
    count = len(cast.terms)
    who = names(rng, count)
    told = [f"{who[i]} is {TIMES[factor]} as old as {who[0]}." if factor > 1 else
            f"{who[i]} is {_years(abs(more))} {'older' if more > 0 else 'younger'} than {who[0]}."
            for i, (factor, more) in enumerate(cast.terms) if i]  # fmt: skip
    total = sum(map(cast.age, range(count)))
    parts, extra = sum(factor for factor, _ in cast.terms), sum(more for _, more in cast.terms)
    steps = [f"{f'Let {who[0]} be x, ' if i == 1 else ''}{who[i]} {f'{factor}x' if factor > 1 else f'x{_plus(more)}'}."
             for i, (factor, more) in enumerate(cast.terms) if i]  # fmt: skip
    if extra:
        steps += [f"Together {parts}x{_plus(extra)} = {total}.", f"{parts}x = {total - extra}."]
    else:
        steps.append(f"Together {parts}x = {total}.")
    steps.append(f"{who[0]}: x = {cast.base}.")
    factor, more = cast.terms[cast.asked]
    if cast.asked:
        own = f"{factor} x {cast.base}" if factor > 1 else f"{cast.base}{_plus(more)}"
        steps.append(f"{who[cast.asked]}: {own} = {cast.age(cast.asked)}.")
    question = (f"{' '.join(told)} The ages of all {number_word(count)} add up to {total}. "
                f"How old is {who[cast.asked]}?")  # fmt: skip
    return Told(question, steps, (total, tuple(sorted(cast.terms[1:])), cast.terms[cast.asked]))


def _plus(number: int) -> str:
    """ " + 3" or " - 3"."""
    return f" {'+' if number > 0 else '-'} {abs(number)}"


KIND = Kind(
    "ages",
    "Age problems",
    ("Chains of ages", "Sums and ratios", "Now and later"),
    "Mathematics",
    (
        Template("chain", patient(_draw_chain), _tell_chain),
        Template("sum", patient(_draw_sum), _tell_sum, range(2, 5)),
        Template("later", patient(_draw_later), _tell_later, range(5, 8)),
        Template("all", patient(_draw_all), _tell_all, range(6, 11)),
    ),
    short_level=10,
)

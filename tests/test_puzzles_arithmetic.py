"""Arithmetic puzzles, solved again from the English text alone; a sentence that no pattern matches in full fails.

Each sentence is read by itself; nothing of the generator's code is used. A story is a function of its unknown start, so
a puzzle told backwards is solved by trying every start.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from fractions import Fraction

import pytest

from stepladder.puzzles import KINDS, generate

COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))
NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5}
SHARES = {"half": 2, "a third": 3, "a quarter": 4, "a fifth": 5, "a sixth": 6}
SHARE = "|".join(SHARES)
OPENING = r"(?:(?:Then|Next,|After that,|Later|Finally,) )?"
FEMALE_FORMS = {"she": ("her", "herself"), "he": ("his", "himself")}


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.?]) (?=[A-Z])", text)


def amount(number: str, noun: str) -> int:
    """A number of things, which agrees with its noun (all plurals here end in s)."""
    assert (int(number) == 1) != noun.endswith("s"), (number, noun)
    return int(number)


# -- a quantity that changes -----------------------------------------------------------------------------------------


class Story:
    """Somebody's things, event by event; None once a value is no whole number or below 0."""

    def __init__(self, name: str, things: str) -> None:
        self.name, self.things, self.pronoun = name, things, ""
        self.events: list[Callable[[Fraction], Fraction]] = []

    def read(self, sentence: str) -> None:
        who, event = re.fullmatch(rf"{OPENING}(she|he|She|He) (.+)\.", sentence).groups()
        assert self.pronoun in ("", who.lower())
        self.pronoun = who.lower()
        own, reflexive = FEMALE_FORMS[self.pronoun]
        things = self.things
        patterns: list[tuple[str, Callable[..., Callable[[Fraction], Fraction]]]] = [
            (rf"(?:buys|finds|is given) (\d+) more {things}", lambda n: lambda v: v + n),
            (rf"(?:gives away|sells|loses) (\d+) {things}", lambda n: lambda v: v - n),
            (rf"(?:buys|is given) (\d+) (?:boxes|bags|packets|baskets) with (\d+) {things} in each",
             lambda n, each: lambda v: v + n * each),
            (rf"(?:gives (\d+) {things} to each of (\d+) friends|sells (\d+) {things} to each of (\d+) neighbours)",
             lambda each, n: lambda v: v - n * each),
            (rf"trades until {self.pronoun} has twice as many {things} as before", lambda: lambda v: v * 2),
            (rf"trades until {self.pronoun} has three times as many {things} as before", lambda: lambda v: v * 3),
            (rf"doubles the number of {own} {things} by trading", lambda: lambda v: v * 2),
            (rf"triples the number of {own} {things} by trading", lambda: lambda v: v * 3),
            (rf"(?:gives away|sells) ({SHARE}) of all {own} {things}", lambda n: lambda v: v - v / n),
            (rf"shares all {own} {things} equally among (two|three|four|five) people, {reflexive} included, "
             rf"and keeps only {own} own share", lambda n: lambda v: v / n),
        ]  # fmt: skip
        readings = [make(*(value(x) for x in match.groups() if x))
                    for pattern, make in patterns if (match := re.fullmatch(pattern, event))]
        assert len(readings) == 1, sentence
        self.events += readings

    def end(self, start: int) -> Fraction | None:
        here = Fraction(start)
        for event in self.events:
            here = event(here)
            if here.denominator != 1 or here < 0:
                return None
        return here


def value(text: str) -> int:
    number = int(text) if text.isdigit() else NUMBERS.get(text) or SHARES[text]
    assert number > 1, text  # "1 more apples" would be wrong
    return number


def read_quantity(told: list[str], ask: str) -> Fraction:
    first, *events = told
    known = re.fullmatch(r"(?:At first )?(\w+) (?:has|starts with) (\d+) (\w+)\.", first)
    name, start, things = known.groups() if known else (None, None, None)
    if not known:
        name, things = re.fullmatch(r"(\w+) (?:has|starts with) some (\w+)\.", first).groups()
    story = Story(name, things)
    end = None
    if not known:
        *events, last = events
        pronoun, number, noun = re.fullmatch(r"(?:In the end|Now) (she|he) has (\d+) (\w+)\.", last).groups()
        end = amount(number, noun)
        assert noun == things or number == "1"
    for sentence in events:
        story.read(sentence)
    if known:
        assert re.fullmatch(rf"How many {things} does {name} have (?:now|in the end)\?", ask)
        return story.end(amount(start, things))
    assert ask == f"How many {things} did {name} have at first?"
    assert pronoun == story.pronoun
    return Fraction(only_start(story, end))


def only_start(story: Story, end: int) -> int:
    """The one start from which the story ends so; every event keeps more things more, so larger ends end the search."""
    starts = []
    for start in range(2001):
        here = story.end(start)
        if here is not None and here > end:
            break
        starts += [start] * (here == end)
    assert len(starts) == 1, story.name
    return starts[0]


# -- a shop ----------------------------------------------------------------------------------------------------------


def read_shop(told: list[str], ask: str) -> tuple[Fraction, Fraction | None]:
    """What is asked for, and what it must be less than."""
    money = re.fullmatch(r"(\w+) has (\d+) coins\.", told[0])
    if money:
        told = told[1:]
    name, goods = re.fullmatch(r"(\w+) buys (.+)\.", told[0]).groups()
    due = Fraction(sum(map(read_good, re.split(r", | and ", goods))))
    due = read_reductions(told[1:], due)
    if money:
        assert name in ("She", "He")
        assert ask == f"How many coins does {money.group(1)} have left?"
        return int(money.group(2)) - due, Fraction(money.group(2))
    assert ask in (f"How many coins does {name} pay in all?", f"How many coins does {name} pay altogether?")
    return due, None


def read_good(text: str) -> int:
    several = re.fullmatch(r"(\d+) (\w+s) at (\d+) coins each", text)
    if several:
        return value(several.group(1)) * value(several.group(3))
    return value(re.fullmatch(r"an? \w+[^s ] for (\d+) coins", text).group(1))


def read_reductions(told: list[str], due: Fraction) -> Fraction:
    off = told and (re.fullmatch(r"The shop takes (\d+)% off the whole price\.", told[0])
                    or re.fullmatch(r"There is a discount of (\d+)% on the whole price\.", told[0]))  # fmt: skip
    if off:
        due *= 1 - Fraction(int(off.group(1)), 100)
        told = told[1:]
    if told:
        pattern = r"A voucher then takes off another (\d+) coins\." if off else \
            r"A voucher takes (\d+) coins off the whole price\."  # fmt: skip
        due -= value(re.fullmatch(pattern, told[0]).group(1))
        told = told[1:]
    assert not told
    return due


# -- work at a rate --------------------------------------------------------------------------------------------------

WORK = {
    "pages": ("reads", r"A book has (\d+) pages\.", r"The first (\d+) pages are already read\.", "left to read", "day"),
    "kilometres": ("cycles", r"A tour is (\d+) kilometres long\.", r"The first (\d+) kilometres are already done\.",
                   "left to cycle", "day"),
    "rolls": ("bakes", r"An order is for (\d+) rolls\.", r"Of these, (\d+) are already baked\.",
              "still to be baked", "hour"),
    "trees": ("plants", r"A park needs (\d+) trees\.", r"Of these, (\d+) are already planted\.",
              "still to be planted", "week"),
    "tiles": ("paints", r"A wall needs (\d+) tiles\.", r"Of these, (\d+) are already painted\.",
              "still to be painted", "hour"),
}  # fmt: skip


def read_rates(told: list[str], ask: str) -> tuple[Fraction, Fraction | None]:
    things = re.match(r"How many (\w+) ", ask).group(1)
    verb, whole, before, left, period = WORK[things]
    goal = re.fullmatch(whole, told[0])
    told = told[bool(goal) :]
    already = re.fullmatch(before, told[0])
    told = told[bool(already) :]
    done = int(already.group(1)) if already else 0
    names = []
    for sentence in told:
        name, phases = re.fullmatch(rf"(\w+) {verb} (.+)\.", sentence).groups()
        names.append(name)
        for phase in re.split(r", then | and then ", phases):
            rate, times, unit = re.fullmatch(rf"(\d+) {things} an? {period} for (\d+) (\w+)", phase).groups()
            assert unit == f"{period}s"
            done += value(rate) * value(times)
    assert len(set(names)) == len(names) <= 2
    if goal:
        assert ask == f"How many {things} are then {left}?"
        return Fraction(int(goal.group(1)) - done), Fraction(goal.group(1))
    assert not already
    actors = f"does {names[0]}" if len(names) == 1 else f"do {names[0]} and {names[1]}"
    assert ask == f"How many {things} {actors} {verb[:-1]} altogether?"
    return Fraction(done), None


# -- parts of a group ------------------------------------------------------------------------------------------------


def read_parts(told: list[str], ask: str) -> tuple[Fraction, Fraction]:
    whole, group, first = re.fullmatch(r"Of (\d+) (\w+), (.+)\.", told[0]).groups()
    verb = {"visitors": "came", "pupils": "came", "guests": "arrived", "parcels": "went"}[group]
    left, ways = Fraction(whole), []
    for i, sentence in enumerate([first, *(one.removesuffix(".") for one in told[1:-1])]):
        share, way = re.fullmatch(rf"(.+) {verb} ((?:by|on|to) \w+)", sentence).groups()
        ways.append(way)
        left -= left * read_share(share, i, group, left)
    (way,) = re.fullmatch(rf"All the remaining {group} {verb} ((?:by|on|to) \w+)\.", told[-1]).groups()
    assert ask == f"How many {group} {verb} {way}?"
    assert len({*ways, way}) == len(ways) + 1
    return left, Fraction(whole)


def read_share(text: str, place: int, group: str, left: Fraction) -> Fraction:
    """The part of those that are left which the words mean."""
    of = "" if place == 0 else "Of the others, " if place == 1 else f"Of the {group} not counted so far, "
    share = re.fullmatch(rf"{of}(?:(\d+)%|({SHARE}))", text)
    if share:
        percent, words = share.groups()
        return Fraction(int(percent), 100) if percent else Fraction(1, SHARES[words])
    return value(re.fullmatch(r"(\d+)" if place == 0 else r"Another (\d+)", text).group(1)) / left


READERS = {
    "quantity": lambda told, ask: (read_quantity(told, ask), None),
    "backwards": lambda told, ask: (read_quantity(told, ask), None),
    "shop": read_shop,
    "rates": read_rates,
    "parts": read_parts,
}


@pytest.mark.parametrize("template", READERS)
def test_the_text_alone_gives_the_answer(template: str) -> None:
    levels = next(one for one in KINDS["arithmetic"].templates if one.name == template).levels
    for seed in range(COUNT // len(READERS)):
        puzzle = generate("arithmetic", seed, levels[seed % len(levels)], seed % 3 == 0, template)
        *told, ask = sentences(puzzle.question)
        answer, below = READERS[template](told, ask)
        right = {letter for letter, text in puzzle.choices.items() if Fraction(text) == answer}
        assert right == {puzzle.answer}, puzzle
        assert all(0 < int(text) < (below or 10_000) and str(int(text)) == text for text in puzzle.choices.values())


@pytest.mark.parametrize("template", READERS)
def test_every_step_is_one_true_equation_and_the_last_one_gives_the_answer(template: str) -> None:
    levels = next(one for one in KINDS["arithmetic"].templates if one.name == template).levels
    for seed in range(COUNT // 10):
        puzzle = generate("arithmetic", seed, levels[seed % len(levels)], template=template)
        steps = puzzle.reasoning.splitlines()[0].removeprefix("Backwards: ").removesuffix(".").split(". ")
        assert len(steps) == puzzle.steps
        for step in steps:
            a, sign, b, result = re.fullmatch(r"(\d+%?) (\+|-|x|/|of) (\d+) = (\d+)", step).groups()
            x, y = Fraction(a.rstrip("%")), Fraction(b)
            made = {"+": x + y, "-": x - y, "x": x * y, "/": x / y, "of": x * y / 100}[sign]
            assert made == int(result), puzzle
        assert steps[-1].endswith(f"= {puzzle.choices[puzzle.answer]}")
        if puzzle.level <= 3:
            assert puzzle.steps <= 3
            assert max(map(int, re.findall(r"\d+", puzzle.question))) <= 200, puzzle

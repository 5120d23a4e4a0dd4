"""The keys of the number puzzles, found again from the English text alone, with nothing of the generators' solvers."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from fractions import Fraction

import pytest

from stepladder.puzzles import generate

COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))


def letters(choices: dict[str, str], text: str) -> set[str]:
    return {letter for letter, option in choices.items() if option == text}


# -- arithmetic ------------------------------------------------------------------------------------------------------


def read_arithmetic(question: str, choices: dict[str, str]) -> set[str]:
    for read in (_parts, _shop, _rates):
        value = read(question)
        if value is not None:
            assert value.denominator == 1
            return letters(choices, str(value))
    unknown = re.search(r"In the end \w+ has (\d+)", question)
    if unknown:
        starts = [n for n in range(1, 200) if _story(question, Fraction(n)) == int(unknown.group(1))]
        assert len(starts) == 1
        return letters(choices, str(starts[0]))
    return letters(choices, str(_story(question, Fraction(re.search(r"has (\d+)", question).group(1)))))


def _story(question: str, value: Fraction) -> Fraction:
    for sentence in question.split(". ")[1:]:
        number = [int(x) for x in re.findall(r"\d+", sentence)]
        if "in each" in sentence:
            value += number[0] * number[1]
        elif re.search(r"\b(buys|is given|finds) \d+ more", sentence):
            value += number[0]
        elif re.search(r"\b(gives \d|sells|loses)", sentence):
            value -= number[0]
        elif "doubles" in sentence or "triples" in sentence:
            value *= 2 if "doubles" in sentence else 3
        elif "half of them" in sentence:
            value /= 2
        elif "shares them" in sentence:
            value /= number[0]
        else:
            assert "In the end" in sentence or sentence.startswith("How many"), sentence
    return value


def _parts(question: str) -> Fraction | None:
    found = re.match(
        r"Of (\d+) \w+, (\d+)% .*? (Half|A third|A quarter|A fifth|A sixth) of the others", question
    )
    if not found:
        return None
    share = {"Half": 2, "A third": 3, "A quarter": 4, "A fifth": 5, "A sixth": 6}[found.group(3)]
    return Fraction(found.group(1)) * (1 - Fraction(int(found.group(2)), 100)) * (1 - Fraction(1, share))


def _shop(question: str) -> Fraction | None:
    goods = re.findall(r"(\d+) \w+ at (\d+) coins? each", question)
    if not goods:
        return None
    due = Fraction(sum(int(n) * int(price) for n, price in goods))
    off = re.search(r"(\d+)% off", question)
    due *= 1 - Fraction(int(off.group(1)), 100) if off else 1
    paid = re.search(r"pays with (\d+)", question)
    return Fraction(paid.group(1)) - due if paid else due


def _rates(question: str) -> Fraction | None:
    phases = re.findall(r"(\d+) (?:\w+ )?an? (?:day|hour|week) for (\d+)", question)
    if not phases:
        return None
    done = Fraction(sum(int(rate) * int(times) for rate, times in phases))
    goal = re.match(r"\D*(\d+) (?:pages|rolls|trees|kilometres|tiles)[ .a-z]*\. ", question)
    return Fraction(goal.group(1)) - done if goal else done


# -- directions ------------------------------------------------------------------------------------------------------

HEADINGS = {"north": 1j, "east": 1 + 0j, "south": -1j, "west": -1 + 0j}
WINDS = ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"]


def read_direction(question: str, choices: dict[str, str]) -> set[str]:
    walk, ask = question.rstrip("?").split(". ", 1)
    if " degrees " in walk:
        facing = WINDS.index(re.search(r"faces (\w+)", walk).group(1)) * 45
        facing += sum(
            int(d) * (1 if way == "clockwise" else -1) for d, way in re.findall(r"(\d+) degrees (\w+)", walk)
        )
        return letters(choices, WINDS[facing % 360 // 45].capitalize())
    place, facing = 0j, 1j
    for turn, metres, heading in re.findall(
        r"(?:turns (\w+) and \w+ )?(\d+) metres?(?: (north|east|south|west))?", walk
    ):
        facing *= {"": 1, "left": 1j, "right": -1j, "around": -1}[turn]
        facing = HEADINGS.get(heading, facing)
        place += int(metres) * facing
    if "facing" in ask:
        return letters(choices, next(h for h, way in HEADINGS.items() if way == facing).capitalize())
    if "far" in ask or "distance" in ask:
        return {
            letter
            for letter, text in choices.items()
            if int(text.split()[0]) ** 2 == place.real**2 + place.imag**2
        }
    if ask.startswith("Where"):
        return {letter for letter, text in choices.items()
                if sum(int(m) * HEADINGS[h] for m, h in re.findall(r"(\d+) metres? (\w+)", text)) == place}  # fmt: skip
    parts = ["north" if place.imag > 0 else "south", "east" if place.real > 0 else "west"]
    assert place.real
    assert place.imag
    return letters(choices, "-".join(parts).capitalize())


# -- ages ------------------------------------------------------------------------------------------------------------

TIMES = {"twice": 2, "three times": 3, "four times": 4, "five times": 5, "six times": 6}


def read_ages(question: str, choices: dict[str, str]) -> set[str]:
    """Try every age of one person; the others follow; every sentence is checked."""
    *told, ask = re.split(r"(?<=\.) (?=[A-Z])", question)
    words = "|".join(TIMES)
    relations = [
        r
        for s in told
        if (
            r := re.fullmatch(
                rf"(\w+) is (?:({words}) as old as|(\d+) years? (older|younger) than) (\w+)\.", s
            )
        )
    ]
    people = list(dict.fromkeys(x for r in relations for x in (r.group(1), r.group(5))))
    facts = [_age_fact(s, people) for s in told]
    name, ahead = re.search(r"How old (?:is|will) (\w+)(?: be in (\d+))?", ask).groups()
    answers = set()
    for start in range(1, 100):
        ages = _ages_from(people, relations, start)
        if ages and all(fact(ages) for fact in facts):
            answers.add(ages[name] + int(ahead or 0))
    assert len(answers) == 1, question
    return letters(choices, str(answers.pop()))


def _ages_from(people: list[str], relations: list[re.Match], start: int) -> dict[str, int] | None:
    """All ages, given the first one's; None where somebody's would be no whole number."""
    ages = {people[0]: start}
    while len(ages) < len(people):
        for relation in relations:
            x, times, years, way, y = relation.groups()
            factor, shift = TIMES.get(times, 1), int(years or 0) * (1 if way == "older" else -1)
            if y in ages:
                ages.setdefault(x, ages[y] * factor + shift)
            elif x in ages:
                if (ages[x] - shift) % factor:
                    return None
                ages[y] = (ages[x] - shift) // factor
    return ages


def _age_fact(sentence: str, people: list[str]) -> Callable[[dict[str, int]], bool]:
    number = [int(x) for x in re.findall(r"\d+", sentence)]
    names = [w for w in re.findall(r"[A-Z]\w+", sentence) if w in people]
    times = next((n for word, n in TIMES.items() if word in sentence), 1)
    if "add up to" in sentence or sentence.startswith("Together"):
        together = people if "of all" in sentence else names
        return lambda ages: sum(ages[x] for x in together) == number[-1]
    if "years old." in sentence or "year old." in sentence:
        return lambda ages: ages[names[0]] == number[0]
    x, y = names
    shift = number[0] if number else 0
    if sentence.startswith("In ") or sentence.endswith("ago."):
        then = shift if sentence.startswith("In ") else -shift
        return lambda ages: ages[x] + then == times * (ages[y] + then) and ages[y] + then > 0
    older = shift if "older" in sentence else -shift
    return lambda ages: ages[x] == times * ages[y] + older


READERS = {
    "arithmetic": read_arithmetic,
    "directions": read_direction,
    "ages": read_ages,
}


@pytest.mark.parametrize("kind", READERS)
def test_the_text_alone_gives_the_key(kind: str) -> None:
    for seed in range(COUNT):
        puzzle = generate(kind, seed, 1 + seed % 10, short=seed % 3 == 0)
        assert READERS[kind](puzzle.question, puzzle.choices) == {puzzle.answer}, puzzle

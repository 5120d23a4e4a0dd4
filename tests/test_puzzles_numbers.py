"""The keys of the number puzzles, found again from the English text alone, with nothing of the generators' solvers."""

from __future__ import annotations

import calendar
import os
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from fractions import Fraction

import pytest

from stepladder.puzzles import generate

COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))
DAYS = list(calendar.day_name)
MONTHS = list(calendar.month_name)
DATE = rf"(\d+) ({'|'.join(MONTHS[1:])})"


def letters(choices: dict[str, str], text: str) -> set[str]:
    return {letter for letter, option in choices.items() if option == text}


# -- calendars -------------------------------------------------------------------------------------------------------


def read_calendar(question: str, choices: dict[str, str]) -> set[str]:
    year = 2024 if "in a leap year" in question.lower() else 2025
    dates = [date(year, MONTHS.index(m), int(d)) for d, m in re.findall(DATE, question)]
    if question.startswith(("If ", "Suppose ")):
        return letters(choices, _near_days(question))
    weekday = re.search(rf"({'|'.join(DAYS)})", question)
    if weekday and dates:
        return letters(choices, DAYS[(DAYS.index(weekday.group()) + (dates[1] - dates[0]).days) % 7])
    if weekday:
        day = DAYS.index(weekday.group())
        amount, way = re.search(r"(\d+) days (ago|from)", question).groups()
        day += int(amount) * (-1 if way == "ago" else 1)
        before = re.search(r"(\d+) days before", question)
        return letters(choices, DAYS[(day - (int(before.group(1)) if before else 0)) % 7])
    if len(dates) == 2:
        both = "both d" in question
        return letters(choices, str((dates[1] - dates[0]).days + both))
    amount, way = re.search(r"(\d+) days (before|after|ago|from)", question).groups()
    end = dates[0] + timedelta(int(amount) * (-1 if way in ("before", "ago") else 1))
    return letters(choices, f"{end.day} {MONTHS[end.month]}")


def _near_days(question: str) -> str:
    shifts = {"the day before yesterday": -2, "the day after tomorrow": 2, "three days before today": -3,
              "three days from today": 3, "yesterday": -1, "tomorrow": 1}  # fmt: skip
    phrase = "|".join(shifts)
    given, name = re.search(rf"(?:If|Suppose) ({phrase}) (?:was|will be) (\w+)", question).groups()
    extra, asked = re.search(rf"(?:(\d) days after )?({phrase})\?", question).groups()
    return DAYS[(DAYS.index(name) - shifts[given] + shifts[asked] + int(extra or 0)) % 7]


# -- clocks ----------------------------------------------------------------------------------------------------------

SPAN = r"(?:(\d+) hours?)?(?: ?(\d+) minutes?)?"
CLOCK = r"\d\d:\d\d"


def at(text: str) -> datetime:
    return datetime.strptime(text, "%H:%M")


def spans(text: str) -> list[timedelta]:
    found = re.findall(r"(\d+) hours?(?: (\d+) minutes?)?|(\d+) minutes?", text)
    return [timedelta(hours=int(h or 0), minutes=int(m or n or 0)) for h, m, n in found]


def read_clock(question: str, choices: dict[str, str]) -> set[str]:
    times = [at(t) for t in re.findall(CLOCK, question)]
    if "angle" in question:
        hour, minute = map(int, re.search(r"(\d+):(\d\d)", question).groups())
        apart = abs(Fraction(hour % 12 * 60 + minute, 2) - 6 * minute)
        return letters(choices, f"{float(min(apart, 360 - apart)):g} degrees")
    if question.startswith("A clock "):
        word, rate = re.search(r"(gains|loses) (\d+)", question).groups()
        pace = 60 + int(rate) * (1 if word == "gains" else -1)  # minutes shown in a true hour
        passed = (times[1] - times[0]).seconds // 60
        if "right time when it shows" in question:
            true = Fraction(passed * 60, pace)
            assert true.denominator == 1
            return letters(choices, f"{times[0] + timedelta(minutes=int(true)):%H:%M}")
        return letters(choices, f"{times[0] + timedelta(minutes=passed * pace // 60):%H:%M}")
    if question.startswith("Clocks in"):
        there, hours, way, here = re.match(
            r"Clocks in (\w+) are (\d+) hours? (ahead of|behind) those in (\w+)\.", question
        ).groups()
        assert f"leaves {here}" in question
        assert f"local time in {there}" in question
        flight = spans(question.split("flies")[1])[0]
        landing = times[0] + flight + timedelta(hours=int(hours) * (1 if way == "ahead of" else -1))
        return letters(choices, f"{landing:%H:%M}")
    if len(times) == 2:
        length = times[1] - times[0] + timedelta(days=1 if "next day" in question else 0)
        assert length > timedelta(0)
        length -= (
            sum(spans(question.split(" with one ")[1]), timedelta())
            if " with one " in question
            else timedelta()
        )
        return {letter for letter, text in choices.items() if spans(text) == [length]}
    total = sum(spans(question), timedelta())
    end = times[0] + (-total if "did" in question else total)
    return letters(choices, f"{end:%H:%M}")


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
    "calendars": read_calendar,
    "clocks": read_clock,
    "arithmetic": read_arithmetic,
    "directions": read_direction,
    "ages": read_ages,
}


@pytest.mark.parametrize("kind", READERS)
def test_the_text_alone_gives_the_key(kind: str) -> None:
    for seed in range(COUNT):
        puzzle = generate(kind, seed, 1 + seed % 10, short=seed % 3 == 0)
        assert READERS[kind](puzzle.question, puzzle.choices) == {puzzle.answer}, puzzle

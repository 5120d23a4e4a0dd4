"""The keys of the number puzzles, found again from the English text alone, with nothing of the generators' solvers."""

from __future__ import annotations

import calendar
import os
import re
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise, product
from string import ascii_uppercase

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


# -- sequences -------------------------------------------------------------------------------------------------------


def read_sequence(question: str, choices: dict[str, str]) -> set[str]:
    row = re.search(r"-?\d+(?:, (?:-?\d+|\?))+", question).group().split(", ")
    if "?" in row and row[-1] != "?":
        gap = row.index("?")
        fits = [
            text
            for text in choices.values()
            if _regular([int(x) for x in [*row[:gap], text, *row[gap + 1 :]]])
        ]
        return {letter for letter, text in choices.items() if text in fits}
    shown = [int(x) for x in row if x != "?"]
    return {letter for letter, text in choices.items() if int(text) in _continuations(shown)}


def _regular(row: list[int]) -> bool:
    """Whether one rule x -> a x + b makes the row."""
    return any(
        all(a * x + b == y for x, y in pairwise(row)) for a in range(-5, 6) for b in [row[1] - a * row[0]]
    )


def _continuations(row: list[int]) -> set[int]:
    """What every simple reading of the row makes of it."""
    found = set()
    steps = [y - x for x, y in pairwise(row)]
    pairs = list(pairwise(row))
    found |= {
        a * row[-1] + row[1] - a * row[0]
        for a in range(-6, 7)
        if all(a * x + row[1] - a * row[0] == y for x, y in pairs)
    }
    if len({y - x for x, y in pairwise(steps)}) == 1:
        found.add(row[-1] + 2 * steps[-1] - steps[-2])
    if len(set(steps[::2])) == len(set(steps[1::2])) == 1:
        found.add(row[-1] + steps[-2])
    plus = {z - x - y for x, y, z in zip(row, row[1:], row[2:], strict=False)}
    if len(plus) == 1:
        found.add(row[-1] + row[-2] + plus.pop())
    for factor in range(2, 6):
        made = row[:1]
        while len(made) <= len(row):
            made.append(made[-1] * factor if len(made) % 2 == 0 else made[-1] + steps[0])
        if made[: len(row)] == row:
            found.add(made[-1])
    if len(row) >= 6 and all(len({b - a for a, b in pairwise(half)}) == 1 for half in (row[::2], row[1::2])):
        found.add(row[-2] + row[2] - row[0] if len(row) % 2 == 0 else row[-2] + row[3] - row[1])
    return found


# -- codes -----------------------------------------------------------------------------------------------------------


def read_code(question: str, choices: dict[str, str]) -> set[str]:
    if "A = 1" in question:
        word = re.search(r"(?:is|of) ([A-Z]{3,})", question).group(1)
        factor = int((re.search(r"(\d) times the sum", question) or [1, 1])[1])
        return letters(choices, str(factor * sum(ord(c) - 64 for c in word)))
    told = re.search(r"(\d+) places? (after|before) it", question)
    capitals = re.findall(r"\b[A-Z]{2,}\b", question)
    if told:
        shift = int(told.group(1)) * (1 if told.group(2) == "after" else -1)
        return letters(choices, "".join(ascii_uppercase[(ord(c) - 65 + shift) % 26] for c in capitals[0]))
    plain, code, third = capitals
    decode = "which word" in question.lower()
    rules = [rule for rule in RULES if rule(plain) == code]
    right = set()
    for letter, text in choices.items():
        word, written = (text, third) if decode else (third, text)
        if any(rule(word) == written for rule in rules):
            right.add(letter)
    return right


def _rules() -> list:
    def moved(shift):
        return lambda word: "".join(
            ascii_uppercase[(ord(c) - 65 + shift(i)) % 26] for i, c in enumerate(word)
        )

    straight = [moved(lambda i, k=k: k) for k in range(1, 26)]
    growing = [moved(lambda i, k=k, by=by: k + i * by) for k in range(-6, 7) for by in (-2, -1, 1, 2)]
    turns = [moved(lambda i, pair=pair: pair[i % 2]) for pair in product(range(-6, 7), repeat=2)]
    backwards = [lambda word, k=k: moved(lambda i: k)(word[::-1]) for k in range(26)]
    mirror = [lambda word: "".join(chr(155 - ord(c)) for c in word)]
    return straight + growing + turns + backwards + mirror


RULES = _rules()
READERS = {
    "calendars": read_calendar,
    "clocks": read_clock,
    "sequences": read_sequence,
    "coding": read_code,
}


@pytest.mark.parametrize("kind", READERS)
def test_the_text_alone_gives_the_key(kind: str) -> None:
    for seed in range(COUNT):
        puzzle = generate(kind, seed, 1 + seed % 10, short=seed % 3 == 0)
        assert READERS[kind](puzzle.question, puzzle.choices) == {puzzle.answer}, puzzle

"""The answers of calendar puzzles, found again from the English alone: every sentence is read in full, every date and
tense is checked, and nothing of the generator is used."""

from __future__ import annotations

import calendar
import os
import re
from collections.abc import Callable
from datetime import date, timedelta

from stepladder.puzzles import generate

COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))
DAYS = list(calendar.day_name)
MONTHS = list(calendar.month_name)
DAY = "|".join(DAYS)
DATE = rf"\d\d? (?:{'|'.join(MONTHS[1:])})"
NEAR = {"three days before today": -3, "the day before yesterday": -2, "yesterday": -1, "today": 0, "tomorrow": 1,
        "the day after tomorrow": 2, "three days after today": 3}  # fmt: skip
NEAR_DAY = "|".join(NEAR)
ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]
YEAR = re.compile(r"[Ii]n a (leap year|year that is not a leap year)(?:, |(?=\.))")
Choices = dict[str, str]


def letters(choices: Choices, text: str) -> set[str]:
    return {letter for letter, option in choices.items() if option == text}


def amount(number: str, noun: str) -> int:
    """ "1 day" or "5 days"."""
    assert (number == "1") == (noun == "day")
    return int(number)


def on(text: str, year: int) -> date:
    day, month = text.split()
    return date(year, MONTHS.index(month), int(day))


def said(day: date) -> str:
    return f"{day.day} {MONTHS[day.month]}"


def tense(days: int) -> set[str]:
    """How the verb of something so many days from today may read."""
    return {"was"} if days < 0 else {"is", "will be"} if days > 0 else {"is"}


# -- events around today ---------------------------------------------------------------------------------------------


def event_days(sentences: list[str]) -> dict[str, int]:
    """How many days from today each event is; every sentence must be true, and its tense right."""
    days: dict[str, int] = {}
    relations = []
    for sentence in sentences:
        here = re.fullmatch(
            r"The (\w+) (was|is) (?:(\d+) (days?) (from today|ago)|in (\d+) (days?))\.", sentence
        )
        there = re.fullmatch(r"The (\w+) (was|is) (\d+) (days?) (after|before) the (\w+)\.", sentence)
        assert here or there, sentence
        if here:
            number = amount(here[3] or here[6], here[4] or here[7])
            days[here[1]] = -number if here[5] == "ago" else number
            assert here[2] in tense(days[here[1]])
        else:
            number = amount(there[3], there[4])
            relations.append((there[1], there[2], number if there[5] == "after" else -number, there[6]))
    for _ in relations:
        for event, _verb, shift, other in relations:
            if other in days:
                days.setdefault(event, days[other] + shift)
            elif event in days:
                days[other] = days[event] - shift
    for event, verb, shift, other in relations:
        assert days[event] == days[other] + shift
        assert verb in tense(days[event]), (event, sentences)
    assert 0 not in days.values()
    return days


def asked_day(sentences: list[str], ask: str, pattern: str) -> int:
    verb, event = re.fullmatch(pattern, ask).groups()
    days = event_days(sentences)
    assert verb in tense(days[event]), (sentences, ask)
    return days[event]


def read_after(question: str, choices: Choices) -> set[str]:
    *told, ask = re.split(r"(?<=\.) ", question)
    today = [re.fullmatch(rf"Today is ({DAY})\.", sentence) for sentence in told]
    (start,) = [DAYS.index(match[1]) for match in today if match]
    told = [sentence for sentence, match in zip(told, today, strict=True) if not match]
    plain = re.fullmatch(r"Which weekday (was it|will it be) (\d+) (days?) (ago|from today)\?", ask)
    if plain:
        assert not told
        assert (plain[1] == "was it") == (plain[4] == "ago")
        days = amount(plain[2], plain[3]) * (-1 if plain[4] == "ago" else 1)
    else:
        days = asked_day(told, ask, r"On which weekday (was|is) the (\w+)\?")
    return letters(choices, DAYS[(start + days) % 7])


def read_near(question: str, choices: Choices) -> set[str]:
    match = re.fullmatch(
        rf"(?:If ({NEAR_DAY}) (was|is) ({DAY}), which|Suppose ({NEAR_DAY}) (was|is) ({DAY})\. Which) "
        rf"weekday (was it|is it|will it be) (?:(\d+) (days?) (after|before) )?({NEAR_DAY})\?",
        question,
    )
    assert match, question
    given, verb, weekday = match.groups()[:3] if match[1] else match.groups()[3:6]
    assert verb in tense(NEAR[given])
    asked = NEAR[match[11]]
    if match[8]:
        asked += amount(match[8], match[9]) * (1 if match[10] == "after" else -1)
    assert match[7] == ("was it" if asked < 0 else "will it be" if asked else "is it"), question
    return letters(choices, DAYS[(DAYS.index(weekday) - NEAR[given] + asked) % 7])


# -- dates: where the kind of year is not said, both kinds must give the same ----------------------------------------


def years(question: str) -> tuple[str, list[int]]:
    """The question without its kind of year, and the years that it may be about."""
    kinds = YEAR.findall(question)
    assert len(kinds) <= 1
    rest = YEAR.sub("", question).replace(" .", ".")
    return rest[0].upper() + rest[1:], [2023, 2024] if not kinds else [2024 if kinds[0] == "leap year" else 2023]


def over_years(read: Callable[[str, Choices, int], str]) -> Callable[[str, Choices], set[str]]:
    def reader(question: str, choices: Choices) -> set[str]:
        rest, kinds = years(question)
        answers = {read(rest, choices, year) for year in kinds}
        assert len(answers) == 1, question
        return letters(choices, answers.pop())

    return reader


@over_years
def read_weekday(question: str, choices: Choices, year: int) -> str:
    match = re.fullmatch(
        rf"({DATE}) (?:is a ({DAY})\. Which weekday is ({DATE}) of the same year"
        rf"|falls on a ({DAY})\. On which weekday does ({DATE}) of that year fall)\?",
        question,
    )
    assert match, question
    given, asked = on(match[1], year), on(match[3] or match[5], year)
    return DAYS[(DAYS.index(match[2] or match[4]) + (asked - given).days) % 7]


def possible_dates(choices: Choices, year: int) -> None:
    for text in choices.values():
        assert re.fullmatch(DATE, text)
        on(text, year)


@over_years
def read_date(question: str, choices: Choices, year: int) -> str:
    possible_dates(choices, year)
    plain = re.fullmatch(rf"Which date is (\d+) (days?) (before|after) ({DATE})\?", question)
    if plain:
        days, given = amount(plain[1], plain[2]) * (-1 if plain[3] == "before" else 1), on(plain[4], year)
    else:
        first, *told, ask = re.split(r"(?<=\.) ", question)
        given = on(re.fullmatch(rf"It is ({DATE})\.", first)[1], year)
        days = asked_day(told, ask, r"On which date (was|is) the (\w+)\?")
    end = given + timedelta(days)
    assert end.year == year
    for text in choices.values():
        assert (on(text, year) < given) == (days < 0)
        assert on(text, year) != given
    return said(end)


@over_years
def read_rhythm(question: str, choices: Choices, year: int) -> str:
    possible_dates(choices, year)
    match = re.fullmatch(
        rf"A \w+ has its first (\w+) on ({DATE})\. "
        r"Every further (\w+) is (\d+) (days?) after the (\w+) before it\. On which date is the (\w+) (\w+)\?",
        question,
    )
    assert match, question
    assert match[1] == match[3] == match[6] == match[8]
    end = on(match[2], year) + timedelta(ORDINALS.index(match[7]) * amount(match[4], match[5]))
    assert end.year == year
    return said(end)


SPANS = {
    rf"How many days after (?P<first>{DATE}) is (?P<last>{DATE}) of the same year\?": 0,
    rf"(?P<who>\w+) comes to a hotel on (?P<first>{DATE}) and leaves it on (?P<last>{DATE})\. "
    r"How many nights does (?P=who) stay\?": 0,
    rf"An? (?:course|fair|exhibition|school trip) lasts from (?P<first>{DATE}) to (?P<last>{DATE})\. "
    r"How many days is that, with both dates counted\?": 1,
    rf"How many days are there from (?P<first>{DATE}) to (?P<last>{DATE}), with both of these dates counted\?": 1,
    rf"How many days lie between (?P<first>{DATE}) and (?P<last>{DATE}), with neither of these dates counted\?": -1,
    rf"\w+ is away from (?P<first>{DATE}) to (?P<last>{DATE})\. "
    r"How many days is that, with neither of the two dates counted\?": -1,
}  # fmt: skip


@over_years
def read_span(question: str, choices: Choices, year: int) -> str:
    assert all(1 <= int(text) <= 366 for text in choices.values())
    ((match, more),) = [(m, more) for pattern, more in SPANS.items() if (m := re.fullmatch(pattern, question))]
    first, last = on(match["first"], year), on(match["last"], year)
    assert first < last
    return str((last - first).days + more)


READERS = {"after": read_after, "near": read_near, "weekday": read_weekday, "date": read_date,
           "rhythm": read_rhythm, "span": read_span}  # fmt: skip


def test_the_text_alone_gives_the_answer() -> None:
    seen = set()
    for seed in range(COUNT):
        puzzle = generate("calendars", seed, 1 + seed % 10, short=seed % 3 == 0)
        seen.add(puzzle.template)
        options = list(puzzle.choices.values())
        if puzzle.template in ("after", "near", "weekday"):
            assert set(options) <= set(DAYS)
        assert READERS[puzzle.template](puzzle.question, puzzle.choices) == {puzzle.answer}, puzzle
        assert puzzle.choices[puzzle.answer].split()[0] in re.findall(r"\w+", puzzle.reasoning.split("\n")[0])
    assert seen == set(READERS)

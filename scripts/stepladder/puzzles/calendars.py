"""Calendars: weekdays and dates, counted forwards and backwards."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from random import Random

from .base import Draft, Kind, near
from .words import count_of, someone

DAYS = tuple(calendar.day_name)
_EVENTS = ("meeting", "exam", "concert", "wedding", "match", "trip", "delivery", "party", "interview", "fair")
_NEAR_DAYS = {
    -3: ("three days before today",),
    -2: ("the day before yesterday",),
    -1: ("yesterday",),
    0: ("today",),
    1: ("tomorrow",),
    2: ("the day after tomorrow",),
    3: ("three days from today",),
}


def _weekday_mistakes(rng: Random, key: int, *typical: int) -> list[str]:
    rest = rng.sample(range(7), 7)
    return [DAYS[d % 7] for d in (*typical, key + 1, key - 1, *rest)]


def _day_month(day: date) -> str:
    return f"{day.day} {calendar.month_name[day.month]}"


def _after_days(rng: Random, level: int) -> Draft:
    """The weekday n days on or back, at higher levels after weeks or twice in a row."""
    start = rng.randrange(7)
    amount = (
        rng.randint(3, 6) if level == 1 else rng.randint(8, 20) if level == 2 else rng.randint(21, 60 * level)
    )
    back = level > 1 and rng.random() < 0.4
    second = rng.randint(8, 15 * level) if level >= 5 else 0
    event = rng.choice(_EVENTS)
    shift = (-amount if back else amount) - second
    key = (start + shift) % 7
    if second:
        where = f"{amount} days {'ago' if back else 'from now'}"
        question = rng.choice([
            f"Today is {DAYS[start]}. The {event} {'was' if back else 'is'} {where}, and it was planned "
            f"{second} days "
            f"before the {event}. On which weekday was it planned?",
            f"Today is {DAYS[start]}. Notice of the {event}, which {'was' if back else 'is'} {where}, "
            f"came {second} days "
            f"before the {event}. On which weekday did the notice come?",
        ])  # fmt: skip
        total = -shift
        steps = (f"{'-' if back else ''}{amount} - {second} = {shift} days. {abs(total)} = 7 x "
                 f"{abs(total) // 7} + "
                 f"{abs(total) % 7}. {DAYS[start]} {'back' if shift < 0 else 'forward'} "
                 f"{abs(total) % 7}: {DAYS[key]}.")  # fmt: skip
    else:
        question = rng.choice([
            f"Today is {DAYS[start]}. Which weekday {'was it' if back else 'will it be'} {amount} days "
            f"{'ago' if back else 'from now'}?",
            f"The {event} {'was' if back else 'is'} {amount} days {'ago' if back else 'from today'}. "
            f"Today is {DAYS[start]}. "
            f"On which weekday {'was' if back else 'is'} the {event}?",
        ])  # fmt: skip
        steps = (f"{amount} = 7 x {amount // 7} + {amount % 7}. {DAYS[start]} {'minus' if back else 'plus'} "
                 f"{count_of(amount % 7, 'day')}: {DAYS[key]}.")  # fmt: skip
    mistakes = _weekday_mistakes(rng, key, start - shift, key + 1, key - 1)
    return Draft(question, DAYS[key], mistakes, steps, ("after", start, -amount if back else amount, second))


def _near_days(rng: Random, level: int) -> Draft:
    """ "If the day before yesterday was Monday, what will the day after tomorrow be?" """
    given = rng.choice([-3, -2, -1, 1, 2, 3])
    extra = rng.randint(2, 5) if level >= 2 else 0
    asked = rng.choice([d for d in ((-2, -1, 1, 2) if extra else (-3, -2, -1, 1, 2, 3)) if d != given])
    start = rng.randrange(7)
    today = (start - given) % 7
    key = (today + asked + extra) % 7
    said = f"{_NEAR_DAYS[given][0]} {'was' if given < 0 else 'will be'} {DAYS[start]}"
    what = _NEAR_DAYS[asked][0]
    future = asked + extra > 0
    tense = ("will", " be") if future else ("was", "") if asked + extra < 0 else ("is", "")
    if extra:
        what = f"{extra} days after {what}"
    question = rng.choice([f"If {said}, what day {tense[0]} it{tense[1]} {what}?",
                           f"Suppose {said}. Which weekday {tense[0]}{tense[1]} {what}?"])  # fmt: skip
    steps = f"Today is {DAYS[today]}. {what.capitalize()} is {asked + extra:+d}: {DAYS[key]}."
    mistakes = _weekday_mistakes(rng, key, start + asked + extra, today, key - 1)
    return Draft(question, DAYS[key], mistakes, steps, ("near", given, asked, extra, start))


def _year_phrase(leap: bool) -> str:
    return "a leap year" if leap else "a year that is not a leap year"


def _date_weekday(rng: Random, level: int) -> Draft:
    """The weekday of one date from that of another in the same year."""
    leap = level >= 4 and rng.random() < 0.5
    year = 2024 if leap else 2023
    first = date(year, rng.randint(1, 11), rng.randint(1, 28))
    months = 1 if level <= 4 else rng.randint(2, 4) if level <= 7 else rng.randint(4, 9)
    other_month = min(12, first.month + months)
    second = date(year, other_month, rng.randint(1, 28))
    if level >= 6 and rng.random() < 0.4:
        first, second = second, first
    start = rng.randrange(7)
    days = (second - first).days
    key = (start + days) % 7
    question = rng.choice([
        f"In {_year_phrase(leap)}, {_day_month(first)} is a {DAYS[start]}. Which weekday is "
        f"{_day_month(second)}?",
        f"{_day_month(first)} falls on a {DAYS[start]} in {_year_phrase(leap)}. On which weekday does "
        f"{_day_month(second)} fall?",
    ])  # fmt: skip
    counted, total = _count_days(min(first, second), max(first, second))
    sign = "plus" if days >= 0 else "minus"
    steps = (f"{counted} = {total} days. {total} = 7 x {total // 7} + {total % 7}. {DAYS[start]} {sign} "
             f"{total % 7}: {DAYS[key]}.")  # fmt: skip
    slip = 1 if leap else -1
    mistakes = _weekday_mistakes(rng, key, key - slip, start - days, key + slip)
    return Draft(
        question,
        DAYS[key],
        mistakes,
        steps,
        ("weekday", leap, first.timetuple().tm_yday, second.timetuple().tm_yday, start),
    )


def _count_days(first: date, last: date) -> tuple[str, int]:
    """The days from one date to a later one, month by month, as text and sum."""
    if first.month == last.month:
        return f"{last.day} - {first.day}", last.day - first.day
    parts = [f"{calendar.month_abbr[first.month]} {_month_days(first) - first.day}"]
    for month in range(first.month + 1, last.month):
        parts.append(f"{calendar.month_abbr[month]} {_month_days(date(first.year, month, 1))}")
    parts.append(f"{calendar.month_abbr[last.month]} {last.day}")
    return " + ".join(parts), (last - first).days


def _month_days(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _date_after(rng: Random, level: int) -> Draft:
    """The date n days after or before another."""
    leap = level >= 4 and rng.random() < 0.5
    year = 2024 if leap else 2023
    amount = (
        rng.randint(5, 20)
        if level <= 2
        else rng.randint(12, 45)
        if level <= 4
        else rng.randint(5 * level, 14 * level)
    )
    back = level >= 3 and rng.random() < 0.4
    low, high = date(year, 1, 1), date(year, 12, 31) - timedelta(amount)
    start = low + timedelta(rng.randrange((high - low).days))
    end = start + timedelta(amount)
    given, asked = (end, start) if back else (start, end)
    event, person = rng.choice(_EVENTS), someone(rng, rng.random() < 0.5)
    question = rng.choice([
        f"Which date is {amount} days {'before' if back else 'after'} {_day_month(given)} in "
        f"{_year_phrase(leap)}?",
        f"It is {_day_month(given)} in {_year_phrase(leap)}. {person.name}'s {event} "
        f"{'was' if back else 'is'} {amount} days "
        f"{'ago' if back else 'from today'}. On which date?",
    ])  # fmt: skip
    steps = _walk_months(given, amount, back)
    slips = [timedelta(d) for d in (1, -1, 2, -2, 3, 7)]
    mistakes = [_day_month(asked + slip) for slip in slips if (asked + slip).year == year]
    rng.shuffle(mistakes)
    return Draft(
        question,
        _day_month(asked),
        mistakes,
        steps,
        ("date", leap, given.timetuple().tm_yday, -amount if back else amount),
    )


def _walk_months(given: date, amount: int, back: bool) -> str:
    """Step by step: on to the 1st of the next month, or back to the last of the one before."""
    parts, here, left = [], given, amount
    while True:
        room = here.day if back else _month_days(here) - here.day + 1
        if left < room:
            end = here + timedelta(-left if back else left)
            parts.append(f"{here.day} {'-' if back else '+'} {left} = {_day_month(end)}.")
            return " ".join(parts)
        left -= room
        here += timedelta(-room if back else room)
        parts.append(f"{'Back' if back else 'On'} {room} to {_day_month(here)}, {left} left.")
        if left == 0:
            return " ".join(parts)


def _between_dates(rng: Random, level: int) -> Draft:
    """How many days from one date to another, both counted or not."""
    leap = level >= 4 and rng.random() < 0.5
    year = 2024 if leap else 2023
    span = rng.randint(8, 40) if level <= 3 else rng.randint(30, 25 * level)
    first = date(year, 1, 1) + timedelta(rng.randrange(365 - span))
    last = first + timedelta(span)
    both = rng.random() < 0.5
    key = span + both
    who = someone(rng, rng.random() < 0.5).name
    question = rng.choice([
        f"{who} stays at a hotel from {_day_month(first)} to {_day_month(last)} in "
        f"{_year_phrase(leap)}. How many "
        f"{'days is that, with both dates counted' if both else 'nights is that'}?",
        f"In {_year_phrase(leap)}, {who}'s course runs from {_day_month(first)} to {_day_month(last)}, "
        f"both days included. "
        f"How many days is that?" if both else
        f"In {_year_phrase(leap)}, how many days after {_day_month(first)} is {_day_month(last)}?",
    ])  # fmt: skip
    counted, _ = _count_days(first, last)
    steps = f"{counted} = {span}." + (f" Both counted: {span} + 1 = {key}." if both else "")
    mistakes = [str(m) for m in (key + (-1 if both else 1), key + (1 if both else -1), key + 2, key - 2)]
    return Draft(
        question,
        str(key),
        mistakes + near(rng, key, 1),
        steps,
        ("span", leap, first.timetuple().tm_yday, span, both),
    )


def make(rng: Random, level: int) -> Draft:
    if level == 1:
        makers = [_after_days, _near_days]
    elif level <= 3:
        makers = [_after_days, _near_days, _date_after, _between_dates]
    else:
        makers = [_after_days, _date_weekday, _date_after, _between_dates]
    return rng.choice(makers)(rng, level)


KIND = Kind(
    "calendars", "Calendar problems", ("Weekdays", "Dates and durations"), "Mathematics", make, short_level=10
)

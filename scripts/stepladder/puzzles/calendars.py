"""Calendars: weekdays and dates, counted forwards and backwards.

The four worlds tell the same story from another day: another weekday today, another first or last date.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from .base import Kind, Template, Told, World
from .slips import persistent, shifts, spread
from .words import ORDINALS, capital, count_of, someone

DAYS = tuple(calendar.day_name)
_STEPS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 5, 7: 6, 8: 7, 9: 7, 10: 8}  # of a solution, by level
_EVENTS = ("meeting", "exam", "concert", "wedding", "match", "trip", "delivery", "party", "interview", "fair", "play",
           "race", "picnic", "lecture", "auction")  # fmt: skip
_NEAR = {
    -3: "three days before today",
    -2: "the day before yesterday",
    -1: "yesterday",
    0: "today",
    1: "tomorrow",
    2: "the day after tomorrow",
    3: "three days after today",
}


# -- text that several templates share -------------------------------------------------------------------------------


def _days(count: int) -> str:
    return count_of(count, "day")


def _was(shift: int, future: str = "is") -> str:
    """The verb of something so many days from today."""
    return "was" if shift < 0 else "is" if shift == 0 else future


def _be(shift: int, subject: str) -> str:
    """ "was it", "is it" or "will it be", for a day so many days from today."""
    return f"will {subject} be" if shift > 0 else f"{_was(shift)} {subject}"


def _weekday_steps(start: int, days: int) -> list[str]:
    """From a weekday to the one so many days later (below 0: earlier)."""
    weeks, rest = divmod(abs(days), 7)
    steps = [f"{abs(days)} = 7 x {weeks} + {rest}."] if weeks else []
    sign = "+" if days > 0 else "-"
    return [*steps, f"{DAYS[start]} {sign} {_days(rest)}: {DAYS[(start + days) % 7]}."]


def _weekdays(rng: Random, days: int) -> list[tuple[int, str]]:
    """Four weekdays to start from, each with the one that lies so many days later."""
    first = rng.randrange(7)
    return [((first + shift) % 7, DAYS[(first + shift + days) % 7]) for shift in shifts(rng, (1, 2, 3))]


# -- events one after another ----------------------------------------------------------------------------------------


def _links(rng: Random, count: int, longest: int, total: int | None = None) -> tuple[int, ...] | None:
    """`count` numbers of days from one event to the next (below 0: back), of which none leads to today."""
    links = [rng.choice((-1, 1)) * rng.randint(2, longest) for _ in range(count)]
    if total is not None:
        links[-1] = total - sum(links[:-1])
    far = max(longest, abs(total or 0)) + longest
    bad = 0 in accumulate(links) or any(not 2 <= abs(link) <= far for link in links)
    return None if bad else tuple(links)


def _events(rng: Random, level: int, links: Sequence[int]) -> tuple[list[str], list[str], str]:
    """Sentences that tell the links, the steps that add them up, and the last event. Mixed from level 6."""
    events, days = rng.sample(_EVENTS, len(links)), list(accumulate(links))
    first = rng.choice(["{0} days from today", "in {0} days"]) if links[0] > 0 else "{0} days ago"
    told = [f"The {events[0]} {_was(links[0])} {first.format(abs(links[0]))}."]
    steps = []
    for i in range(1, len(links)):
        subject, other, link = i, i - 1, links[i]
        if level >= 6 and rng.random() < 0.4:
            subject, other, link = other, subject, -link
        told.append(f"The {events[subject]} {_was(days[subject])} {_days(abs(link))} "
                    f"{'after' if link > 0 else 'before'} the {events[other]}.")  # fmt: skip
        sign = "+" if links[i] > 0 else "-"
        steps.append(f"{capital(events[i])}: {days[i - 1]} {sign} {abs(links[i])} = {days[i]}.")
    if level >= 6:
        told = rng.sample(told, len(told))
    return told, steps, events[-1]


@persistent
def _draw_after(rng: Random, level: int) -> list[World] | None:
    """Facts: the weekday of today and the days from today to an event, from this to the next, and so on."""
    steps = _STEPS[level]
    count, longest = (1, 6) if steps == 1 else (1, 60) if steps == 2 else (steps - 1, 10 + 5 * level)
    links = _links(rng, count, longest)
    if links is None or (abs(sum(links)) >= 7) != (steps > 1):
        return None
    return [World(day, (start, links)) for start, day in _weekdays(rng, sum(links))]


def _tell_after(rng: Random, level: int, world: World) -> Told:
    start, links = world.facts
    days = sum(links)
    today = f"Today is {DAYS[start]}."
    told, steps, event = _events(rng, level, links)
    if len(links) == 1 and rng.random() < 0.5:
        away = f"{_days(abs(days))} {'from today' if days > 0 else 'ago'}"
        question = f"{today} Which weekday {_be(days, 'it')} {away}?"
    else:
        told.insert(0 if level < 4 else rng.choice((0, len(told))), today)
        question = f"{' '.join(told)} On which weekday {_was(days)} the {event}?"
    return Told(question, [*steps, *_weekday_steps(start, days)], (start, links))


# -- days near today -------------------------------------------------------------------------------------------------


@persistent
def _draw_near(rng: Random, level: int) -> list[World] | None:
    """Facts: how far from today the given day is and which weekday; how far the asked one is, in two parts."""
    given, asked = rng.choice(sorted(_NEAR)), rng.randint(-2, 2) if level >= 3 else rng.choice(sorted(_NEAR))
    extra = rng.choice((-1, 1)) * rng.randint(2, 6) if level >= 3 else 0
    if given == asked or (level == 1) != (0 in (given, asked)) or (extra and asked + extra in (0, given)):
        return None
    return [World(day, (given, start, asked, extra)) for start, day in _weekdays(rng, asked + extra - given)]


def _tell_near(rng: Random, level: int, world: World) -> Told:
    given, start, asked, extra = world.facts
    today, final = (start - given) % 7, asked + extra
    what, said = _NEAR[asked], f"{_NEAR[given]} {_was(given)} {DAYS[start]}"
    steps = []
    if given:
        steps.append(f"Today: {DAYS[start]} {_signed(-given)} = {DAYS[today]}.")
    if asked:
        steps.append(f"{capital(what)}: {DAYS[today]} {_signed(asked)} = {DAYS[(today + asked) % 7]}.")
    if extra:
        what = f"{_days(abs(extra))} {'after' if extra > 0 else 'before'} {what}"
        steps.append(f"{DAYS[(today + asked) % 7]} {_signed(extra)} = {DAYS[(today + final) % 7]}.")
    question = rng.choice([f"If {said}, which weekday {_be(final, 'it')} {what}?",
                           f"Suppose {said}. Which weekday {_be(final, 'it')} {what}?"])  # fmt: skip
    return Told(question, steps, (given, start, asked, extra))


def _signed(days: int) -> str:
    return f"{'+' if days > 0 else '-'} {_days(abs(days))}"


# -- dates of one year -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Dates:
    """Two dates of one year; `plan` is what else the template tells, `says_year` whether it must be named."""

    first: date
    last: date
    plan: tuple = ()
    says_year: bool = False

    @property
    def days(self) -> int:
        return (self.last - self.first).days

    @property
    def leap(self) -> bool:
        return calendar.isleap(self.first.year)

    @property
    def year_matters(self) -> bool:
        """Whether the end of February lies between the two."""
        low, high = sorted((self.first, self.last))
        return low <= date(low.year, 3, 1) - timedelta(1) and high > date(low.year, 2, 28)

    def moved(self, days: int) -> _Dates | None:
        first, last = self.first + timedelta(days), self.last + timedelta(days)
        return replace(self, first=first, last=last) if first.year == last.year == self.first.year else None

    def kind(self) -> str:
        """ "in a leap year", where the year matters."""
        kind = "a leap year" if self.leap else "a year that is not a leap year"
        return f"in {kind}" if self.says_year else ""

    def opening(self) -> str:
        return f"{self.kind()}, " if self.says_year else ""

    def key(self) -> tuple:
        """The dates for the structure, with the kind of year where it matters."""
        return *(f"{day:%m-%d}" for day in (self.first, self.last)), self.leap and self.year_matters


def _date(day: date) -> str:
    return f"{day.day} {calendar.month_name[day.month]}"


def _length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _two_dates(rng: Random, months: int) -> _Dates:
    """Two dates of a year, the later one so many months on in the calendar."""
    year = rng.choice((2023, 2024))
    month = rng.randint(1, 12 - months)
    first, last = (date(year, m, rng.randint(1, calendar.monthrange(year, m)[1])) for m in (month, month + months))
    return _Dates(min(first, last), max(first, last))


def _named(cast: Sequence[_Dates | None]) -> list[_Dates] | None:
    """The four, all naming the year if one of them must; None where one of them is no world."""
    if None in cast:
        return None
    matters = any(one.year_matters for one in cast)
    return [replace(one, says_year=matters) for one in cast]


def _count_steps(first: date, last: date) -> list[str]:
    """The days from one date to a later one, month by month."""
    if first.month == last.month:
        return [f"{last.day} - {first.day} = {_days(last.day - first.day)}."]
    total = _length(first) - first.day
    steps = [f"To the end of {calendar.month_name[first.month]}: {_length(first)} - {first.day} = {total}."]
    for month in range(first.month + 1, last.month):
        length = _length(date(first.year, month, 1))
        steps.append(f"{calendar.month_name[month]}: {total} + {length} = {total + length}.")
        total += length
    return [*steps, f"To {_date(last)}: {total} + {last.day} = {_days(total + last.day)}."]


def _walk_steps(given: date, days: int) -> list[str]:
    """On to the 1st of each month, or back to the last of the one before, then the rest."""
    steps, here, left = [], given, abs(days)
    while left >= (room := here.day if days < 0 else _length(here) - here.day + 1):
        here += timedelta(room if days > 0 else -room)
        left -= room
        steps.append(f"{room} {'days' if room > 1 else 'day'} {'on' if days > 0 else 'back'}: {_date(here)}, "
                     f"{left} left.")  # fmt: skip
    if left:
        end = here + timedelta(left if days > 0 else -left)
        steps.append(f"{_date(here)} {'+' if days > 0 else '-'} {left} = {_date(end)}.")
    return steps


@persistent
def _draw_weekday(rng: Random, level: int) -> list[World] | None:
    """Facts: two dates, the weekday of the one that is given, whether this is the later one."""
    dates = _named([_two_dates(rng, _STEPS[level] - 3)])[0]
    back = level >= 6 and rng.random() < 0.5
    if dates.days < 8:
        return None
    days = -dates.days if back else dates.days
    return [World(day, (dates, start, back)) for start, day in _weekdays(rng, days)]


def _tell_weekday(rng: Random, level: int, world: World) -> Told:
    dates, start, back = world.facts
    given, asked = (dates.last, dates.first) if back else (dates.first, dates.last)
    question = rng.choice([
        f"{dates.opening()}{_date(given)} is a {DAYS[start]}. Which weekday is {_date(asked)} of the same year?",
        f"{dates.opening()}{_date(given)} falls on a {DAYS[start]}. "
        f"On which weekday does {_date(asked)} of that year fall?",
    ])  # fmt: skip
    steps = [*_count_steps(dates.first, dates.last), *_weekday_steps(start, -dates.days if back else dates.days)]
    return Told(capital(question), steps, (*dates.key(), start, back))


@persistent
def _draw_date(rng: Random, level: int) -> list[World] | None:
    """Facts: the given and the asked date in calendar order, with (back, links from the given one) as the plan."""
    count = 1 if level <= 3 else rng.randint(1, min(4, _STEPS[level] - 2))
    dates = _two_dates(rng, _STEPS[level] - count)
    back = level >= 2 and rng.random() < 0.4
    total = -dates.days if back else dates.days
    links = _links(rng, count, 30 + 5 * level, total)
    if abs(total) < 2 or links is None:
        return None
    dates = replace(dates, plan=(back, links))
    moves = shifts(rng, (1, 2, 3, 7, 10))
    cast = _named([dates.moved(shift) for shift in moves])
    if cast is None or spread(moves) >= abs(total):
        return None
    if any(len(_date_steps(one)) != _STEPS[level] - count + 1 for one in cast):
        return None
    return [World(_date(one.first if back else one.last), one) for one in cast]


def _date_steps(dates: _Dates) -> list[str]:
    back = dates.plan[0]
    return _walk_steps(dates.last if back else dates.first, -dates.days if back else dates.days)


def _tell_date(rng: Random, level: int, world: World) -> Told:
    dates: _Dates = world.facts
    back, links = dates.plan
    given, days = (dates.last, -dates.days) if back else (dates.first, dates.days)
    sums: list[str] = []
    if len(links) == 1 and rng.random() < 0.5:
        ask = f"which date is {_days(abs(days))} {'before' if back else 'after'} {_date(given)}?"
        question = capital(f"{dates.opening()}{ask}")
    else:
        told, sums, event = _events(rng, level, links)
        today = f"It is {_date(given)} {dates.kind()}".strip() + "."
        question = f"{today} {' '.join(told)} On which date {_was(days)} the {event}?"
    structure = (f"{given:%m-%d}", links, dates.key()[-1])
    return Told(question, [*sums, *_date_steps(dates)], structure)


# -- every so many days ----------------------------------------------------------------------------------------------


@persistent
def _draw_rhythm(rng: Random, level: int) -> list[World] | None:
    """Facts: the dates of the first and of the last meeting, with (days between two meetings, meetings) as the plan."""
    months = _STEPS[level] - 3
    gap, count = rng.randint(2, 25), rng.randint(3, len(ORDINALS))
    days = gap * (count - 1)
    if not 30 * (months - 1) < days < 30 * (months + 1):
        return None
    start = date(rng.choice((2023, 2024)), 1, 1) + timedelta(rng.randrange(365 - days))
    dates = _Dates(start, start + timedelta(days), (gap, count))
    moves = shifts(rng, (1, 2, 7, gap))
    cast = _named([dates.moved(shift) for shift in moves])
    if cast is None or spread(moves) >= days or any(len(_walk_steps(one.first, days)) != months + 1 for one in cast):
        return None
    return [World(_date(one.last), one) for one in cast]


def _tell_rhythm(rng: Random, level: int, world: World) -> Told:
    dates: _Dates = world.facts
    gap, count = dates.plan
    what, one = rng.choice([("club", "meeting"), ("choir", "rehearsal"), ("class", "lesson"), ("team", "match")])
    last = ORDINALS[count - 1]
    question = (f"{dates.opening()}a {what} has its first {one} on {_date(dates.first)}. Every further {one} is "
                f"{_days(gap)} after the {one} before it. On which date is the {last} {one}?")  # fmt: skip
    steps = [f"From the first to the {last}: {count} - 1 = {count - 1} times.",
             f"{count - 1} x {gap} = {_days(dates.days)}.", *_walk_steps(dates.first, dates.days)]  # fmt: skip
    return Told(capital(question), steps, (dates.key()[0], gap, count, dates.key()[-1]))


# -- how many days ---------------------------------------------------------------------------------------------------


@persistent
def _draw_span(rng: Random, level: int) -> list[World] | None:
    """Facts: the first and the last date, with what the count adds to their distance as the plan."""
    more = 0 if level == 1 else rng.choice((-1, 0, 1))
    dates = _two_dates(rng, max(0, _STEPS[level] - 1 - abs(more)))
    cast = []
    for shift in shifts(rng, (1, 2, 3, 7, 10)):
        last = dates.last + timedelta(shift)
        if last.month != dates.last.month or (last - dates.first).days < 3:
            return None
        cast.append(_Dates(dates.first, last, (more,)))
    return [World(str(one.days + more), one) for one in _named(cast)]


def _tell_span(rng: Random, level: int, world: World) -> Told:
    dates: _Dates = world.facts
    more, first, last = dates.plan[0], _date(dates.first), _date(dates.last)
    period, person = f"from {first} to {last}", someone(rng, rng.random() < 0.5).name
    event = rng.choice(("a course", "a fair", "an exhibition", "a school trip"))
    question = rng.choice({
        0: [f"how many days after {first} is {last} of the same year?",
            f"{person} comes to a hotel on {first} and leaves it on {last}. How many nights does {person} stay?"],
        1: [f"{event} lasts {period}. How many days is that, with both dates counted?",
            f"how many days are there {period}, with both of these dates counted?"],
        -1: [f"how many days lie between {first} and {last}, with neither of these dates counted?",
             f"{person} is away {period}. How many days is that, with neither of the two dates counted?"],
    }[more])  # fmt: skip
    steps = _count_steps(dates.first, dates.last)
    if more:
        which = "Both" if more > 0 else "Neither"
        steps.append(f"{which} counted: {dates.days} {'+' if more > 0 else '-'} 1 = {dates.days + more}.")
    return Told(capital(dates.opening() + question), steps, (*dates.key(), more))


KIND = Kind(
    "calendars",
    "Calendar problems",
    ("Weekdays", "Dates and durations"),
    "Puzzles",
    (
        Template("after", _draw_after, _tell_after),
        Template("near", _draw_near, _tell_near, range(1, 4)),
        Template("weekday", _draw_weekday, _tell_weekday, range(3, 11)),
        Template("date", _draw_date, _tell_date),
        Template("rhythm", _draw_rhythm, _tell_rhythm, range(3, 11)),
        Template("span", _draw_span, _tell_span),
    ),
    short_level=10,
)

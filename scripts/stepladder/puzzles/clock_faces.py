"""Clocks that gain or lose, and the angle between a clock's hands. The four worlds differ in the time of day."""

from __future__ import annotations

from random import Random

from .base import Template, Told, World
from .clock_text import DAY, added, clock, elapsed, span
from .slips import persistent, shifts, spread
from .words import count_of

_SLIPS = (1, 2, 5, 10, 60)  # minutes


def _runs(rate: int, every: int = 1) -> str:
    """ "gains 3 minutes every hour" """
    hours = "hour" if every == 1 else f"{every} hours"
    return f"{'gains' if rate > 0 else 'loses'} {count_of(abs(rate), 'minute')} every {hours}"


def _rate(rng: Random, most: int) -> int:
    """Minutes that a clock gains (below 0: loses)."""
    return rng.choice((-1, 1)) * rng.randint(2, most)


def _starts(rng: Random, long: int, slips: set[int]) -> list[int] | None:
    """Four times of day, as far apart as the slips make them, at which something begins that takes so long and ends on
    the same day."""
    first = 5 * rng.randint(12, (DAY - 70 - long) // 5)
    starts = [first + shift for shift in shifts(rng, slips)]
    fits = spread(starts) < long and all(0 <= start < start + long < DAY for start in starts)
    return starts if fits else None


# -- clocks that gain or lose ----------------------------------------------------------------------------------------


@persistent
def _draw_drift(rng: Random, level: int) -> list[World] | None:
    """Facts: when the clock is set right, the true hours that pass, its rate, for how many hours this is."""
    every = 1 if level == 3 else rng.randint(2, 4)
    hours = every * rng.randint(2, 12 // every)
    rate = _rate(rng, 9)
    change = rate * hours // every
    starts = _starts(rng, 60 * hours + max(change, 0), {*_SLIPS, abs(rate), 2 * abs(rate)})
    if starts is None or not spread(starts) < abs(change) < 60:  # a clock that gains never shows too little
        return None
    return [World(clock(start + 60 * hours + change), (start, hours, rate, every)) for start in starts]


def _tell_drift(rng: Random, level: int, world: World) -> Told:
    start, hours, rate, every = world.facts
    true, times = start + 60 * hours, hours // every
    change = rate * times
    question = rng.choice([
        f"A clock steadily {_runs(rate, every)}. It is set right at {clock(start)}. "
        f"What does it show when the right time is {clock(true)} on the same day?",
        f"A clock that steadily {_runs(rate, every)} shows the right time at {clock(start)}. "
        f"What does it show on the same day when it is really {clock(true)}?",
    ])  # fmt: skip
    steps = elapsed(start, true)
    if every > 1:
        steps.append(f"{hours} / {every} = {times}.")
    steps += [f"{times} x {abs(rate)} = {count_of(abs(change), 'minute')}.", *added(true, change)]
    return Told(question, steps, (start, hours, rate, every))


def _true_steps(which: str, start: int, hours: int, rate: int) -> list[str]:
    """From what this clock ("the clock") shows to the right time."""
    pace = 60 + rate
    moved = hours * pace
    sign = "+" if rate > 0 else "-"
    return [
        f"In an hour {which} moves on 60 {sign} {abs(rate)} = {pace} minutes.",
        *elapsed(start, start + moved),
        f"{moved // 60} x 60 + {moved % 60} = {moved} minutes.",
        f"{moved} / {pace} = {hours} hours.",
        *added(start, 60 * hours),
    ]


@persistent
def _draw_true(rng: Random, level: int) -> list[World] | None:
    """Facts: when the clock is set right, the true hours that pass, its rate in minutes an hour.

    The worlds are whole hours apart: the right time has the minutes of the question's first time, so all four must.
    The clock goes so wrong that all four lie on that side of what it shows on which the right time must be: else the
    one next to it is right.
    """
    hours, rate = rng.randint(5, 11), rng.choice((-1, 1)) * rng.randint(18, 30)
    starts = _starts(rng, 60 * hours + max(rate * hours, 0), {60, 120})
    if starts is None or not rate * hours % 60 or abs(rate * hours) <= spread(starts):
        return None
    return [World(clock(start + 60 * hours), (start, hours, rate)) for start in starts]


def _tell_true(rng: Random, level: int, world: World) -> Told:
    start, hours, rate = world.facts
    shown = start + hours * (60 + rate)
    question = rng.choice([
        f"A clock steadily {_runs(rate)}. It is set right at {clock(start)}. "
        f"What is the right time when it shows {clock(shown)} on the same day?",
        f"At {clock(start)} a clock is set right, but it steadily {_runs(rate)}. "
        f"Later that day it shows {clock(shown)}. What is the right time then?",
    ])  # fmt: skip
    return Told(question, _true_steps("the clock", start, hours, rate), (start, hours, rate))


@persistent
def _draw_two_clocks(rng: Random, level: int) -> list[World] | None:
    """Facts: when both clocks are set right, the true hours that pass, their rates in minutes an hour."""
    hours, first, second = rng.randint(2, 11), _rate(rng, 12), _rate(rng, 12)
    gone = second * hours
    if first == second or not first * hours % 60 or abs(gone) >= 60:
        return None
    starts = _starts(rng, 60 * hours + max(first * hours, gone, 0),
                     {*_SLIPS, abs(first), abs(second), abs(first - second)})
    if starts is None or abs(first - second) * hours <= spread(starts):  # which clock is ahead rules none out
        return None
    end = 60 * hours + gone
    return [World(clock(start + end), (start, hours, first, second)) for start in starts]


def _tell_two_clocks(rng: Random, level: int, world: World) -> Told:
    start, hours, first, second = world.facts
    shown, gone = start + hours * (60 + first), second * hours
    one, other = rng.sample(("kitchen", "hall", "station", "school", "office"), 2)
    question = (f"The {one} clock steadily {_runs(first)}, the {other} clock steadily {_runs(second)}. Both are set "
                f"right at {clock(start)}. What does the {other} clock show when the {one} clock shows {clock(shown)} "
                f"on the same day?")  # fmt: skip
    steps = [*_true_steps(f"the {one} clock", start, hours, first),
             f"The {other} clock: {hours} x {abs(second)} = {abs(gone)} minutes.",
             *added(start + 60 * hours, gone)]  # fmt: skip
    return Told(question, steps, (start, hours, first, second))


# -- the angle between the hands -------------------------------------------------------------------------------------


def _angle(half: int) -> str:
    """Half degrees as "97.5 degrees"."""
    return f"{half / 2:g} degrees"


def _halves(time: int) -> int:
    """The half degrees from the minute hand to the hour hand, clockwise or not: 0 to 719."""
    return abs(time % 720 - 12 * (time % 60))


def _smaller(time: int) -> int:
    return min(_halves(time), 720 - _halves(time))


_FACES: dict[int, list[int]] = {}  # the times of half a day by the half degrees of the smaller angle
for _time in range(720):
    _FACES.setdefault(_smaller(_time), []).append(_time)


def _angles(rng: Random) -> list[int] | None:
    """Four times whose smaller angles are as far apart as mistakes make them: an hour off, or some minutes."""
    first = rng.randint(2, 358)
    angles = [first + shift for shift in shifts(rng, (10, 12, 20, 24, 30, 60))]
    if any(not 0 < angle < 360 for angle in angles):
        return None
    times = [rng.choice(_FACES[angle]) for angle in angles]
    return times if all(time % 60 for time in times) else None


def _angle_steps(time: int) -> list[str]:
    hour, minute = time // 60, time % 60
    low, high = sorted((6 * minute, 30 * hour + minute / 2))
    steps = [
        f"Hour hand: {hour} x 30 = {30 * hour}.",
        f"{30 * hour} + {minute} / 2 = {30 * hour + minute / 2:g}.",
        f"Minute hand: {minute} x 6 = {6 * minute}.",
        f"Apart: {high:g} - {low:g} = {_angle(_halves(time))}.",
    ]
    if _halves(time) > 360:
        steps.append(f"The smaller angle: 360 - {_halves(time) / 2:g} = {_angle(_smaller(time))}.")
    return steps


def _face(time: int) -> str:
    return f"{time // 60 or 12}:{time % 60:02d}"


@persistent
def _draw_angle(rng: Random, level: int) -> list[World] | None:
    times = _angles(rng)
    return None if times is None else [World(_angle(_smaller(time)), time) for time in times]


def _tell_angle(rng: Random, level: int, world: World) -> Told:
    question = rng.choice([
        f"What is the smaller angle between the hands of a clock at {_face(world.facts)}?",
        f"A clock with two hands shows {_face(world.facts)}. How large is the smaller angle between the hands?",
    ])  # fmt: skip
    return Told(question, _angle_steps(world.facts), (world.facts,))


@persistent
def _draw_later_angle(rng: Random, level: int) -> list[World] | None:
    """Facts: the time on the clock's face, and the minutes that pass until the one that is asked about."""
    times, passed = _angles(rng), rng.randint(61, 599)
    if times is None or not passed % 60 or any(len(_angle_steps(time)) != level - 3 for time in times):
        return None
    return [World(_angle(_smaller(time)), ((time - passed) % 720, passed)) for time in times]


def _tell_later_angle(rng: Random, level: int, world: World) -> Told:
    start, passed = world.facts
    hours, minutes = passed // 60, passed % 60
    middle, end = (start + 60 * hours) % 720, (start + passed) % 720
    question = (f"A clock with two hands shows {_face(start)}. "
                f"How large will the smaller angle between its hands be {span(passed)} later?")  # fmt: skip
    steps = [f"{_face(start)} + {count_of(hours, 'hour')} = {_face(middle)}.",
             f"{_face(middle)} + {count_of(minutes, 'minute')} = {_face(end)}.", *_angle_steps(end)]  # fmt: skip
    return Told(question, steps, (start, passed))


TEMPLATES = (
    Template("drift", _draw_drift, _tell_drift, range(3, 5)),
    Template("angle", _draw_angle, _tell_angle, range(5, 6)),
    Template("true time", _draw_true, _tell_true, range(6, 8)),
    Template("later angle", _draw_later_angle, _tell_later_angle, range(7, 9)),
    Template("two clocks", _draw_two_clocks, _tell_two_clocks, range(9, 11)),
)

"""Clocks: times after steps, durations, time zones, buses; clocks that run wrong and hands are in clock_faces.

The four worlds tell the same story at another time of day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from . import clock_faces
from .base import Kind, Template, Told, World
from .clock_text import DAY, added, clock, dated, elapsed, span
from .slips import persistent, shifts, spread
from .words import count_of, listing, someone

_STEPS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 5, 7: 6, 8: 7, 9: 8, 10: 8}  # of a solution, by level
_ACTS = ("reading", "cooking", "walking", "practising the piano", "painting", "doing homework", "working in the garden",
         "resting", "cleaning the kitchen", "writing letters", "swimming", "repairing a bike", "shopping",
         "studying maps")  # fmt: skip
_TOWNS = ("Norby", "Velta", "Karum", "Solano", "Edria", "Tamsin", "Orvik", "Bellmar")  # none that has a real time zone
_EVENTS = (("train ride", "stop"), ("bus trip", "stop"), ("ferry trip", "stop"), ("hike", "break"),
           ("workshop", "break"), ("tournament", "break"), ("bike tour", "break"))  # fmt: skip
_WEEK = ("Monday", "Tuesday", "Wednesday")
_SLIPS = (5, 10, 20, 30, 40, 60)  # minutes


def _unit(level: int) -> int:
    return 5 if level <= 5 else 1


def _times(rng: Random, unit: int, low: int, high: int) -> int:
    """A time or a length between two numbers of minutes, whole units."""
    return unit * rng.randint(-(-low // unit), high // unit)


def _lengths(rng: Random, level: int, steps: int) -> list[int]:
    """Lengths in minutes that take so many additions: one for the hours of a length, one for its minutes."""
    count = rng.randint(-(-steps // 2), min(steps, 5))
    hours = rng.sample(range(count), steps - count)
    return [_times(rng, _unit(level), 10, 59) + (60 * rng.randint(1, 2) if i in hours else 0)
            for i in range(count)]


# -- one thing after another -----------------------------------------------------------------------------------------


@persistent
def _draw_chain(rng: Random, level: int) -> list[World] | None:
    """Facts: the start, the lengths, and whether the start is asked for (else the end)."""
    lengths, backward = _lengths(rng, level, _STEPS[level]), level >= 2 and rng.random() < 0.5
    total = sum(lengths)
    first = _times(rng, _unit(level), 6 * 60, DAY - 60 - total)
    slips = (5, 10, 15) if level == 1 else {*_SLIPS, *lengths, 2 * lengths[-1]}
    starts = [first + shift for shift in shifts(rng, slips)]
    if spread(starts) >= total or any(not 0 <= start < start + total < DAY for start in starts):
        return None
    return [World(clock(start if backward else start + total), (start, tuple(lengths), backward)) for start in starts]


def _tell_chain(rng: Random, level: int, world: World) -> Told:
    start, lengths, backward = world.facts
    who, end = someone(rng, rng.random() < 0.5), start + sum(lengths)
    acts = rng.sample(_ACTS, len(lengths))
    if len(lengths) == 1:
        told = f"spent {span(lengths[0])} {acts[0]}"
    else:
        parts = [f"{span(length)} {act}" for length, act in zip(lengths, acts, strict=True)]
        told = f"spent {', '.join(parts[:-1])} and then {parts[-1]}, without a break"
    if backward:
        question = rng.choice([f"{who.name} {told}, and was done at {clock(end)}. At what time did {who.name} begin?",
                               f"It was {clock(end)} when {who.name} was done. Until then {who.name} had {told}. "
                               f"At what time had {who.he} begun?"])  # fmt: skip
    else:
        question = rng.choice([f"{who.name} began at {clock(start)} and {told}. At what time was {who.he} done?",
                               f"From {clock(start)} on, {who.name} {told}. What time was it then?"])  # fmt: skip
    steps, here = [], end if backward else start
    for length in reversed(lengths) if backward else lengths:
        move = -length if backward else length
        steps += added(here, move)
        here += move
    return Told(question, steps, (start, lengths, backward))


# -- how long --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stay:
    """Periods (start and end in minutes after midnight), and the breaks in them that do not count."""

    periods: tuple[tuple[int, int], ...]
    breaks: tuple[int, ...]

    @property
    def length(self) -> int:
        return sum(end - start for start, end in self.periods) - sum(self.breaks)

    def steps(self) -> list[str]:
        steps = [step for start, end in self.periods for step in elapsed(start, end)]
        total = self.periods[0][1] - self.periods[0][0]
        for start, end in self.periods[1:]:
            steps.append(f"{span(total)} + {span(end - start)} = {span(total + end - start)}.")
            total += end - start
        lost = self.breaks[0] if self.breaks else 0
        for one in self.breaks[1:]:
            steps.append(f"{lost} + {one} = {lost + one} minutes.")
            lost += one
        return [*steps, f"{span(total)} - {span(lost)} = {span(total - lost)}."] if lost else steps


_STAYS = {1: [(1, 0)], 2: [(1, 0)], 3: [(1, 1)], 4: [(1, 2)], 5: [(1, 3)], 6: [(1, 3), (2, 0)], 7: [(2, 1)],
          8: [(2, 2)], 9: [(2, 3), (3, 0)], 10: [(2, 3), (3, 0)]}  # periods and breaks, by level  # fmt: skip


@persistent
def _draw_duration(rng: Random, level: int) -> list[World] | None:
    """Facts: the periods and breaks. The last period's end is what differs."""
    count, rests = rng.choice(_STAYS[level])
    breaks = tuple(_times(rng, _unit(level), 5, 25) for _ in range(rests))
    night = level >= 4 and rng.random() < 0.4
    periods = []
    for i in range(count):
        late = night and i == count - 1
        start = _times(rng, _unit(level), *((19 * 60, 23 * 60 + 50) if late else (6 * 60, 14 * 60)))
        periods.append((start, start + _times(rng, _unit(level), *((5, 55) if level == 1 else (100, 480)))))
    *others, (start, end) = periods
    slips = (5, 10, 15, 20) if level == 1 else {*_SLIPS, *breaks, sum(breaks), 2 * sum(breaks)} - {0}
    cast = [_Stay((*others, (start, end + shift)), breaks) for shift in shifts(rng, slips)]
    if any(one.periods[-1][1] < start + (5 if level == 1 else 65) or len(one.steps()) != _STEPS[level]
           or (one.periods[-1][1] >= DAY) != night for one in cast):  # fmt: skip
        return None
    return [World(span(one.length), one) for one in cast]


def _tell_duration(rng: Random, level: int, world: World) -> Told:
    stay: _Stay = world.facts
    breaks = list(map(str, stay.breaks))
    times = [f"{clock(start)} to {dated(end)}" for start, end in stay.periods]
    if len(times) == 1:
        event, pause = rng.choice(_EVENTS)
        start, end = times[0].split(" to ")
        told = f"A {event} starts at {start} and ends at {end}"
        if len(breaks) == 1:
            told += f", with one {pause} of {breaks[0]} minutes. How long is it without the {pause}?"
        elif breaks:
            told += f", with {pause}s of {listing(breaks)} minutes. How long is it without the {pause}s?"
        else:
            told += f". {rng.choice(['How long does it take?', f'How long is the {event}?'])}"
        return Told(told, stay.steps(), (stay.periods, tuple(sorted(stay.breaks))))
    who = someone(rng, rng.random() < 0.5)
    days = [f"on {day} from {time}" for day, time in zip(_WEEK, times, strict=False)]
    told = f"{who.name} was at work {listing(days)}."
    if len(breaks) == 1:
        told += f" One break of {breaks[0]} minutes in these times does not count as work."
    elif breaks:
        told += f" Breaks of {listing(breaks)} minutes in these times do not count as work."
    told += f" How long did {who.name} work in all?"
    return Told(told, stay.steps(), (stay.periods, tuple(sorted(stay.breaks))))


# -- time zones ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Journey:
    """Minutes: when it leaves (local), how long it flies, waits, flies, and how far each town's clocks are ahead."""

    leave: int
    lengths: tuple[int, ...]
    ahead: tuple[int, ...]
    backward: bool

    @property
    def arrive(self) -> int:
        return self.leave + sum(self.lengths) + sum(self.ahead)

    def steps(self) -> list[str]:
        zone, steps = sum(self.ahead), []
        if len(self.ahead) == 2:
            first, second = self.ahead
            steps.append(f"Ahead in all: {first // 60} {'+' if second > 0 else '-'} {abs(second) // 60} = "
                         f"{zone // 60} {'hour' if abs(zone) == 60 else 'hours'}.")  # fmt: skip
        sign = -1 if self.backward else 1
        here = self.arrive if self.backward else self.leave
        parts = [zone, *reversed(self.lengths)] if self.backward else [*self.lengths, zone]
        for part in parts:
            steps += added(here, sign * part)
            here += sign * part
        return steps


@persistent
def _draw_zones(rng: Random, level: int) -> list[World] | None:
    """Facts: the journey. The time at which it leaves is what differs."""
    unit, towns = _unit(level), 2 if level < 9 else rng.choice((2, 3))
    ahead = [60 * rng.choice([h for h in range(-9, 10) if h]) for _ in range(towns - 1)]
    if towns == 2 and rng.random() < 0.5:
        ahead[0] += 30 if ahead[0] > 0 else -30
    flights = 1 if level <= 5 else 2
    lengths = [_times(rng, unit, 70, 420) for _ in range(flights)]
    if flights == 2:
        lengths.insert(1, _times(rng, unit, 20, 59) + 60 * rng.randint(0, 2))
    elif level == 5:
        lengths.insert(0, _times(rng, unit, 20, 59))
    backward, zone = level >= 5 and rng.random() < 0.4, abs(sum(ahead))
    if not zone:
        return None
    first = _Journey(_times(rng, unit, 4 * 60, 20 * 60), tuple(lengths), tuple(ahead), backward)
    slips = {*_SLIPS, lengths[0] % 60, 2 * zone} - {0}
    cast = [replace(first, leave=first.leave + shift) for shift in shifts(rng, slips)]
    if spread([one.leave for one in cast]) >= sum(lengths):
        return None
    if any(not 0 <= one.leave < DAY or len(one.steps()) != _STEPS[level] for one in cast):
        return None
    nights = {one.arrive // DAY for one in cast}
    if len(nights) > 1 or not nights <= {0, 1}:
        return None
    return [World(clock(one.leave if one.backward else one.arrive), one) for one in cast]


def _relation(town: str, minutes: int, other: str) -> str:
    return f"{town} are {span(abs(minutes))} {'ahead of' if minutes > 0 else 'behind'} those in {other}"


def _tell_zones(rng: Random, level: int, world: World) -> Told:
    trip: _Journey = world.facts
    here, middle, there = rng.sample(_TOWNS, 3)
    ahead, lengths = trip.ahead, list(map(span, trip.lengths))
    who = someone(rng, rng.random() < 0.5)
    if len(ahead) == 1:
        told = f"Clocks in {_relation(there, ahead[0], here)}."
    else:
        told = f"Clocks in {_relation(middle, ahead[0], here)}; clocks in {_relation(there, ahead[1], middle)}."
    late = " the next day" if trip.arrive >= DAY else ""
    way = [f"flies {lengths[-1]} to {there}"]
    if len(lengths) > 1:
        way.insert(0, f"waits there {lengths[-2]}")
    if len(lengths) > 2:
        way.insert(0, f"flies {lengths[0]} to {middle}")
    leave, leaves, town = "leave", "leaves", here
    if len(lengths) == 2:
        leave, leaves, town = "come to", "comes to", f"{here} airport"
    if trip.backward:
        way = [f"{leaves} {town}", *way, f"lands there at {clock(trip.arrive)} local time{late}"]
        ask = f"At what local time does {who.he} {leave} {town}?"
    else:
        way = [f"{leaves} {town} at {clock(trip.leave)} local time", *way, *([f"lands there{late}"] if late else [])]
        ask = f"At what local time does {who.he} land in {there}?"
    told = f"{told} {who.name} {listing(way)}. {ask}"
    return Told(told, trip.steps(), (trip.leave, trip.lengths, ahead, trip.backward))


# -- the next bus ----------------------------------------------------------------------------------------------------


@persistent
def _draw_bus(rng: Random, level: int) -> list[World] | None:
    """Facts: the first departure, the interval and when somebody comes to the stop, in minutes."""
    gap, first = rng.randint(12, 45), 5 * rng.randint(60, 100)
    comes = first + rng.randint(65, 400)
    cast = [comes + shift for shift in shifts(rng, (1, 2, 3, 5, 10))]
    if any(not (one - first) % gap or one - first < 61 or not (one - first) % 60 for one in cast):
        return None
    if len({(one - first) // gap for one in cast}) > 1:
        return None
    return [World(count_of(gap - (one - first) % gap, "minute"), (first, gap, one)) for one in cast]


def _tell_bus(rng: Random, level: int, world: World) -> Told:
    first, gap, comes = world.facts
    who, passed = someone(rng, rng.random() < 0.5).name, comes - first
    times, rest = divmod(passed, gap)
    question = (f"The first bus leaves at {clock(first)}, and every {gap} minutes after that another one leaves. "
                f"{who} comes to the stop at {clock(comes)}. How long must {who} wait for the next bus?")  # fmt: skip
    steps = [
        *elapsed(first, comes),
        f"{passed // 60} x 60 + {passed % 60} = {passed} minutes.",
        f"{passed} = {times} x {gap} + {rest}.",
        f"{gap} - {rest} = {count_of(gap - rest, 'minute')}.",
    ]
    return Told(question, steps, (passed, gap))


KIND = Kind(
    "clocks",
    "Clocks and time intervals",
    ("Times and durations", "Clocks that gain or lose", "Time zones"),
    "Mathematics",
    (
        Template("chain", _draw_chain, _tell_chain),
        Template("duration", _draw_duration, _tell_duration),
        Template("zones", _draw_zones, _tell_zones, range(4, 11)),
        Template("bus", _draw_bus, _tell_bus, range(5, 7)),
        *clock_faces.TEMPLATES,
    ),
    short_level=10,
)

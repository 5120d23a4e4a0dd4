"""Clocks: times after steps, durations, clocks that gain or lose, time zones, the angle between the hands."""

from __future__ import annotations

from random import Random

from .base import Draft, Kind
from .words import count_of, someone

_ACTS = ("reads", "cooks", "walks", "practises the piano", "paints", "does homework", "works in the garden", "rests",
         "cleans the kitchen", "writes letters", "swims", "repairs a bike", "shops", "studies maps")  # fmt: skip
_CITIES = (
    "Norby",
    "Velta",
    "Karum",
    "Solano",
    "Edria",
    "Tamsin",
    "Orvik",
    "Bellmar",
)  # none that has a real time zone
_TRAVEL = ("train ride", "bus trip", "ferry trip", "film", "concert", "lesson", "flight", "play")
DAY = 24 * 60


def clock(minutes: int) -> str:
    """Minutes after midnight as "14:05"."""
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def span(minutes: int) -> str:
    """ "1 hour 5 minutes" """
    hours, rest = divmod(minutes, 60)
    parts = [count_of(hours, "hour")] * bool(hours) + [count_of(rest, "minute")] * bool(rest or not hours)
    return " ".join(parts)


def _length(rng: Random, level: int) -> int:
    """A duration in minutes, rounder at low levels."""
    if level <= 2:
        return 5 * rng.randint(2, 11)
    return 5 * rng.randint(3, 30) if level <= 5 else rng.randint(16, 40 * level)


def _add(start: int, minutes: int) -> str:
    """One addition, over the full hour where it crosses one: "09:50 + 25 min = 10:15"."""
    sign = "+" if minutes >= 0 else "-"
    hours, rest = divmod(abs(minutes), 60)
    middle = start + (60 * hours if minutes >= 0 else -60 * hours)
    if hours and rest:
        return (
            f"{clock(start)} {sign} {hours} h = {clock(middle)}; {sign} {rest} min = "
            f"{clock(start + minutes)}."
        )
    return f"{clock(start)} {sign} {span(abs(minutes)).replace('minutes', 'min')} = {clock(start + minutes)}."


def _time_mistakes(rng: Random, key: int, *typical: int) -> list[str]:
    slips = [60, -60, 10, -10, 40, -40, 5, -5]
    rng.shuffle(slips)
    return [clock(t % DAY) for t in (*typical, *(key + s for s in slips))]


def _chain(rng: Random, level: int) -> Draft | None:
    """A start and several activities one after another; when is the end, or when was the start?"""
    count = 1 if level <= 2 else 2 if level <= 4 else 3 if level <= 7 else 4
    start = 5 * rng.randint(72, 200) if level <= 5 else rng.randint(360, 1000)
    lengths = [_length(rng, min(level, 7)) for _ in range(count)]
    end = start + sum(lengths)
    if end >= DAY:
        return None
    who, acts = someone(rng, rng.random() < 0.5), rng.sample(_ACTS, len(lengths))
    told = [f"{act} for {span(m)}" for act, m in zip(acts, lengths, strict=True)]
    backward = level >= 3 and rng.random() < 0.4
    if backward:
        question = (
            f"{who.name} {_then(told)}, without a break, and is done at {clock(end)}. When did "
            f"{who.he} start?"
        )
        here, steps = end, []
        for m in reversed(lengths):
            steps.append(_add(here, -m))
            here -= m
        key = start
        typical = (end + sum(lengths), start + lengths[-1], start + lengths[0])
    else:
        question = rng.choice([
            f"At {clock(start)} {who.name} begins. {who.he.capitalize()} {_then(told)}, without a "
            f"break. When is {who.he} done?",
            f"{who.name} starts at {clock(start)}. First {who.he} {_then(told)}. What time is it after "
            f"that?" if len(told) > 1 else
            f"{who.name} starts at {clock(start)} and {told[0]}. What time is it after that?",
        ])  # fmt: skip
        here, steps = start, []
        for m in lengths:
            steps.append(_add(here, m))
            here += m
        key = end
        typical = (end - lengths[-1], end - lengths[0], end + 60)
    if len(lengths) == 1:
        typical = (key + 60, key - 60)
    mistakes = _time_mistakes(rng, key, *typical)
    return Draft(question, clock(key), mistakes, " ".join(steps), ("chain", start, tuple(lengths), backward))


def _then(told: list[str]) -> str:
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and then {told[-1]}"


def _duration(rng: Random, level: int) -> Draft:
    """How long from one time to another, at higher levels over midnight or less a break."""
    start = 5 * rng.randint(60, 250) if level <= 4 else rng.randint(300, 1400)
    total = _length(rng, min(level + 1, 8)) + (60 if level >= 2 else 0)
    rest = 5 * rng.randint(2, 9) if level >= 5 else 0
    key = total - rest
    if key <= 0:
        total += 60
        key += 60
    event = rng.choice(_TRAVEL)
    end = start + total
    next_day = " the next day" if end >= DAY else ""
    verb, stop = "starts", "ends"
    seated = event in ("film", "concert", "lesson", "play")
    if rest:
        pause = "break" if seated else "stop on the way"
        goal = f"How long does it last without the {'break' if seated else 'stop'}?"
        question = (
            f"A {event} {verb} at {clock(start)} and {stop} at {clock(end)}{next_day}, with one "
            f"{pause} of {rest} minutes. {goal}"
        )
    else:
        question = rng.choice([
            f"A {event} {verb} at {clock(start)} and {stop} at {clock(end)}{next_day}. How long does it "
            f"take?",
            f"How long is the {event} that {verb} at {clock(start)} and {stop} at {clock(end)}{next_day}?",
        ])  # fmt: skip
    full = -(-start // 60) * 60
    if full < end and start % 60:
        steps = (
            f"{clock(start)} to {clock(full)}: {full - start} min. {clock(full)} to {clock(end)}: "
            f"{span(end - full)}. Together {span(total)}."
        )
    else:
        steps = f"{clock(start)} to {clock(end)}: {span(total)}."
    if rest:
        steps += f" Minus {rest} minutes: {span(key)}."
    wrap = key // 60 * 60 + 60 - key % 60  # the minutes taken the wrong way round
    slips = [
        m
        for m in (key + 60, key - 60, key + rest, key + 2 * rest, wrap, key + 10, key - 10, key + 20)
        if m > 0
    ]
    return Draft(question, span(key), [span(m) for m in slips], steps, ("duration", start, total, rest))


def _drift(rng: Random, level: int) -> Draft:
    """A clock that gains or loses so many minutes an hour."""
    rate, hours = rng.randint(2, 3 + level), rng.randint(2, 3 + level)
    start = 60 * rng.randint(5, 12)
    gains = rng.random() < 0.5
    shown = start + 60 * hours + (rate * hours if gains else -rate * hours)
    true = start + 60 * hours
    word = "gains" if gains else "loses"
    setting = f"A clock {word} {count_of(rate, 'minute')} every hour. It is set right at {clock(start)}."
    factor = f"{hours} h x {rate} min = {rate * hours} min."
    if level >= 8:
        question = f"{setting} What is the right time when it shows {clock(shown)} for the first time?"
        key = true
        minutes = 60 + rate if gains else 60 - rate
        steps = (f"In one hour it moves {minutes} min. From {clock(start)} to {clock(shown)} it moved "
                 f"{shown - start} min. "
                 f"{shown - start} / {minutes} = {hours} hours. {clock(start)} + {hours} h = "
                 f"{clock(true)}.")  # fmt: skip
        typical = (
            shown,
            shown - rate * hours if not gains else shown + rate * hours,
            2 * true - shown + (5 if gains else -5),
        )
    else:
        question = f"{setting} What does it show when the right time is {clock(true)}?"
        key = shown
        steps = f"{clock(start)} to {clock(true)}: {hours} h. {factor} {_add(true, shown - true)}"
        typical = (2 * true - shown, true + (rate if gains else -rate), shown + (rate if gains else -rate))
    return Draft(
        question,
        clock(key),
        _time_mistakes(rng, key, *typical),
        steps,
        ("drift", rate, hours, start, gains, level >= 8),
    )


def _zones(rng: Random, level: int) -> Draft:
    """A journey between towns whose clocks differ (the difference is given, so no knowledge is needed)."""
    here, there = rng.sample(_CITIES, 2)
    ahead = rng.choice([h for h in range(-9, 10) if h])
    leave, flight = 5 * rng.randint(48, 200), 5 * rng.randint(24, 60 + 10 * level)
    arrive = leave + flight + 60 * ahead
    relation = (
        f"Clocks in {there} are {count_of(abs(ahead), 'hour')} "
        f"{'ahead of' if ahead > 0 else 'behind'} those in {here}."
    )
    question = (f"{relation} A plane leaves {here} at {clock(leave)} local time and flies {span(flight)}. "
                f"What is the local time in {there} when it lands?")  # fmt: skip
    steps = f"{_add(leave, flight)} {'Ahead' if ahead > 0 else 'Behind'}: {_add(leave + flight, 60 * ahead)}"
    typical = (leave + flight - 60 * ahead, leave + flight, leave + 60 * ahead)
    mistakes = _time_mistakes(rng, arrive, *typical)
    return Draft(question, clock(arrive % DAY), mistakes, steps, ("zones", leave, flight, ahead))


def _angle(rng: Random, level: int) -> Draft:
    """The smaller angle between the hands."""
    hour = rng.randint(1, 12)
    minute = 0 if level <= 2 else 30 if level <= 4 else rng.choice([m for m in range(2, 60, 2)])
    hour_at, minute_at = 30 * (hour % 12) + minute / 2, 6 * minute
    apart = abs(hour_at - minute_at)
    key = min(apart, 360 - apart)
    question = rng.choice(["What is the smaller angle between the hands of a clock at {t}?",
                           "A clock with hands shows {t}. How large is the smaller angle between "
                           "them?"])  # fmt: skip
    question = question.format(t=f"{hour}:{minute:02d}")
    steps = (
        f"Hour hand: {hour % 12} x 30 + {minute} / 2 = {_degrees(hour_at)}. Minute hand: {minute} x "
        f"6 = {minute_at}. Apart: {_degrees(apart)}"
    )
    steps += f", so 360 - {_degrees(apart)} = {_degrees(key)}." if apart > 180 else "."
    naive = abs(30 * (hour % 12) - minute_at)
    values = [min(naive, 360 - naive), 360 - key, key + 30, key - 30, key + 6, key - 6, key + 15]
    mistakes = [f"{_degrees(v)} degrees" for v in values if v >= 0]
    return Draft(question, f"{_degrees(key)} degrees", mistakes, steps, ("angle", hour, minute))


def _degrees(value: float) -> str:
    return f"{value:g}"


def make(rng: Random, level: int) -> Draft | None:
    makers = [_chain, _duration]
    if level > 2:
        makers += [_chain, _duration, _drift, _angle]
    if level > 4:
        makers += [_zones, _zones]
    return rng.choice(makers)(rng, level)


KIND = Kind(
    "clocks",
    "Clocks and time intervals",
    ("Times and durations", "Clocks that gain or lose", "Time zones"),
    "Mathematics",
    make,
    short_level=10,
)

"""Times of day and durations in words, and how to add them up one elementary step at a time."""

from __future__ import annotations

from .words import count_of

DAY = 24 * 60


def clock(minutes: int) -> str:
    """Minutes after midnight as "14:05"."""
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def dated(minutes: int) -> str:
    """ "01:20 the next day" for what lies after the midnight that ends the day, "23:10 the day before" likewise."""
    return clock(minutes) + ("" if 0 <= minutes < DAY else " the next day" if minutes >= DAY else " the day before")


def span(minutes: int) -> str:
    """ "1 hour 5 minutes" """
    hours, rest = divmod(minutes, 60)
    parts = [count_of(hours, "hour")] * bool(hours) + [count_of(rest, "minute")] * bool(rest or not hours)
    return " ".join(parts)


def added(start: int, minutes: int) -> list[str]:
    """A time and what is so much later (below 0: earlier), first the hours, then the minutes."""
    sign, steps, here = "+" if minutes > 0 else "-", [], start
    for part in (abs(minutes) // 60 * 60, abs(minutes) % 60):
        if part:
            end = here + (part if minutes > 0 else -part)
            steps.append(f"{dated(here)} {sign} {span(part)} = {dated(end)}.")
            here = end
    return steps


def elapsed(start: int, end: int) -> list[str]:
    """The time from one to a later time of day, first the hours, then the minutes."""
    hours, rest = divmod(end - start, 60)
    middle = start + 60 * hours
    steps = [f"{dated(start)} to {dated(middle)}: {count_of(hours, 'hour')}."] if hours else []
    if rest:
        together = f", together {span(end - start)}" if hours else ""
        steps.append(f"{dated(middle)} to {dated(end)}: {count_of(rest, 'minute')}{together}.")
    return steps

"""The answers of clock puzzles, found again from the English alone: every sentence is read in full, a midnight that is
crossed must be said, every option must be possible, and nothing of the generator is used."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from fractions import Fraction

from stepladder.puzzles import generate
from stepladder.puzzles.words import MEN, WOMEN

COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))
TIME = r"[012]\d:[0-5]\d"
SPAN = r"\d+ (?:hours?(?: \d+ minutes?)?|minutes?)"
ACT = ("reading|cooking|walking|practising the piano|painting|doing homework|working in the garden|resting"
       "|cleaning the kitchen|writing letters|swimming|repairing a bike|shopping|studying maps")  # fmt: skip
NAME = "[A-Z][a-z]+"
TOWN = "Norby|Velta|Karum|Solano|Edria|Tamsin|Orvik|Bellmar"
MIDNIGHT = datetime(2023, 1, 1)
NEXT_DAY = timedelta(days=1)
Choices = dict[str, str]


def at(text: str) -> datetime:
    return MIDNIGHT + timedelta(hours=int(text[:2]), minutes=int(text[3:]))


def length(text: str) -> timedelta:
    """ "1 hour 5 minutes", with the right plurals and no more minutes than an hour has."""
    match = re.fullmatch(r"(?:(\d+) (hours?))?(?: ?(\d+) (minutes?))?", text)
    for number, noun in ((match[1], match[2]), (match[3], match[4])):
        assert number is None or (number == "1") == (not noun.endswith("s"))
    assert int(match[3] or 1) in range(1, 60)
    return timedelta(hours=int(match[1] or 0), minutes=int(match[3] or 0))


def pronoun(name: str) -> str:
    assert name in WOMEN + MEN
    return "she" if name in WOMEN else "he"


def times_of_day(choices: Choices, answer: datetime) -> set[str]:
    """The options that are this time of day; all must be times."""
    assert all(re.fullmatch(TIME, text) for text in choices.values())
    assert all(int(text[:2]) < 24 for text in choices.values())
    return {letter for letter, text in choices.items() if text == f"{answer:%H:%M}"}


def read_chain(question: str, choices: Choices) -> set[str]:
    thing = rf"{SPAN} (?:{ACT})"
    things = rf"spent (?P<things>{thing}|(?:{thing}, )*{thing} and then {thing}, without a break)"
    forms = [
        rf"(?P<who>{NAME}) {things}, and was done at (?P<end>{TIME})\. At what time did (?P<by>\w+) begin\?",
        rf"It was (?P<end>{TIME}) when (?P<who>{NAME}) was done\. Until then (?P<name>\w+) had {things}\. "
        r"At what time had (?P<by>\w+) begun\?",
        rf"(?P<who>{NAME}) began at (?P<start>{TIME}) and {things}\. At what time was (?P<by>\w+) done\?",
        rf"From (?P<start>{TIME}) on, (?P<who>{NAME}) {things}\. What time was it then\?",
    ]
    (match,) = [found for form in forms if (found := re.fullmatch(form, question))]
    told = match.groupdict()
    assert told.get("by", told["who"]) in (told["who"], pronoun(told["who"]))
    assert told.get("name", told["who"]) == told["who"]
    total = sum(map(length, re.findall(SPAN, told["things"])), timedelta())
    answer = at(told["start"]) + total if told.get("start") else at(told["end"]) - total
    assert answer.date() == MIDNIGHT.date()  # nothing says that midnight is crossed
    for text in choices.values():
        assert at(text) > at(told["start"]) if told.get("start") else at(text) < at(told["end"])
    return times_of_day(choices, answer)


def period(start: str, end: str, next_day: str | None) -> timedelta:
    gone = at(end) + (NEXT_DAY if next_day else timedelta()) - at(start)
    assert timedelta() < gone < NEXT_DAY
    return gone


def minutes(text: str | None) -> list[timedelta]:
    """ "10", or "10, 5 and 25"."""
    return [timedelta(minutes=int(number)) for number in re.findall(r"\d+", text or "")]


PERIOD = rf"({TIME}) to ({TIME})( the next day)?"
NUMBERS = r"\d+(?:, \d+)* and \d+"


def read_duration(question: str, choices: Choices) -> set[str]:
    one = re.fullmatch(
        r"A (train ride|bus trip|ferry trip|hike|workshop|tournament|bike tour) "
        rf"starts at ({TIME}) and ends at ({TIME})( the next day)?"
        r"(?:\. How long (?:does it take|is the (?P<event>[a-z ]+))"
        r"|, with one (?P<rest>stop|break) of (?P<number>\d+) minutes\. How long is it without the (?P=rest)"
        rf"|, with (?P<rests>stops|breaks) of (?P<numbers>{NUMBERS}) minutes\. "
        r"How long is it without the (?P=rests))\?",
        question,
    )
    if one:
        assert one["event"] in (None, one[1])
        total, breaks = period(*one.groups()[1:4]), minutes(one["number"] or one["numbers"])
    else:
        first, *middle, ask = re.split(r"(?<=\.) ", question)
        work = re.fullmatch(rf"({NAME}) was at work (.*)\.", first)
        assert ask == f"How long did {work[1]} work in all?"
        parts = re.split(r", | and (?=on )", work[2])
        days = ["Monday", "Tuesday", "Wednesday"]
        periods = [re.fullmatch(rf"on {day} from {PERIOD}", part) for day, part in zip(days, parts, strict=False)]
        assert len(parts) in (2, 3)
        total, breaks = sum((period(*each.groups()) for each in periods), timedelta()), []
        if middle:
            rest = re.fullmatch(
                rf"One break of (\d+) minutes in these times does not count as work\."
                rf"|Breaks of ({NUMBERS}) minutes in these times do not count as work\.",
                *middle,
            )
            breaks = minutes(rest[1] or rest[2])
    total -= sum(breaks, timedelta())
    assert all(length(text) > timedelta() for text in choices.values())
    return {letter for letter, text in choices.items() if length(text) == total}


def read_zones(question: str, choices: Choices) -> set[str]:
    relation = rf"(?:{TOWN}) are {SPAN} (?:ahead of|behind) those in (?:{TOWN})"
    zones = rf"(Clocks in {relation}(?:; clocks in {relation})?)\."
    told, journey, ask = re.fullmatch(
        rf"{zones} ((?:{NAME}) .*)\. (At what local time does .*\?)", question
    ).groups()
    ahead = {}  # of a town's clocks before another's
    for there, gap, way, here in re.findall(rf"({TOWN}) are ({SPAN}) (ahead of|behind) those in ({TOWN})", told):
        ahead[here, there] = length(gap) if way == "ahead of" else -length(gap)
    who, *_ = journey.split()
    parts = re.split(r", | and ", journey.removeprefix(f"{who} "))
    leave = re.fullmatch(rf"(?:leaves ({TOWN})|comes to ({TOWN}) airport)(?: at ({TIME}) local time)?", parts.pop(0))
    here = there = leave[1] or leave[2]
    total, landing, next_day = timedelta(), None, False
    for part in parts:
        flight, wait = re.fullmatch(rf"flies ({SPAN}) to ({TOWN})", part), re.fullmatch(rf"waits there ({SPAN})", part)
        lands = re.fullmatch(rf"lands there(?: at ({TIME}) local time)?( the next day)?", part)
        if flight:
            there = flight[2]
        elif lands:
            assert part is parts[-1]
            landing, next_day = lands[1], bool(lands[2])
        total += length((flight or wait)[1]) if not lands else timedelta()
    zone = sum(ahead.values(), timedelta())
    towns = [town for pair in ahead for town in pair]
    assert towns == [here, there] or (towns[0], towns[1], towns[3]) == (here, towns[2], there)
    if leave[3]:
        assert landing is None
        assert ask == f"At what local time does {pronoun(who)} land in {there}?"
        answer = at(leave[3]) + total + zone
        assert answer.date() == (MIDNIGHT + next_day * NEXT_DAY).date()
    else:
        verb = f"leave {here}" if leave[1] else f"come to {here} airport"
        assert ask == f"At what local time does {pronoun(who)} {verb}?"
        answer = at(landing) + next_day * NEXT_DAY - zone - total
        assert answer.date() == MIDNIGHT.date()
    return times_of_day(choices, answer)


def read_bus(question: str, choices: Choices) -> set[str]:
    first, gap, who, comes, waits = re.fullmatch(
        rf"The first bus leaves at ({TIME}), and every (\d+) minutes after that another one leaves\. "
        rf"({NAME}) comes to the stop at ({TIME})\. How long must (\w+) wait for the next bus\?",
        question,
    ).groups()
    assert who == waits
    bus, each = at(first), timedelta(minutes=int(gap))
    while bus < at(comes):
        bus += each
    assert bus > at(comes)
    assert all(timedelta() < length(text) < each for text in choices.values())
    return {letter for letter, text in choices.items() if length(text) == bus - at(comes)}


RATE = r"steadily (gains|loses) (\d+) (minutes?) every (?:hour|(\d+) hours)"


def pace(word: str, number: str, noun: str, every: str | None) -> Fraction:
    """Minutes that the clock moves on in a true minute."""
    assert noun == "minutes"
    assert int(number) > 1
    return 1 + Fraction(int(number) * (1 if word == "gains" else -1), 60 * int(every or 1))


def moved(start: str, end: str, factor: Fraction) -> datetime:
    """The time of day reached from `start` when what runs from it to `end` is taken so many times."""
    gone = Fraction((at(end) - at(start)).seconds // 60) * factor
    assert gone.denominator == 1
    answer = at(start) + timedelta(minutes=int(gone))
    assert answer.date() == MIDNIGHT.date()
    return answer


def later(choices: Choices, start: str, answer: datetime) -> set[str]:
    assert all(at(text) > at(start) for text in choices.values())
    return times_of_day(choices, answer)


def read_drift(question: str, choices: Choices) -> set[str]:
    match = re.fullmatch(
        rf"A clock {RATE}\. It is set right at ({TIME})\. "
        rf"What does it show when the right time is ({TIME}) on the same day\?", question,
    ) or re.fullmatch(
        rf"A clock that {RATE} shows the right time at ({TIME})\. "
        rf"What does it show on the same day when it is really ({TIME})\?", question,
    )  # fmt: skip
    return later(choices, match[5], moved(match[5], match[6], pace(*match.groups()[:4])))


def read_true_time(question: str, choices: Choices) -> set[str]:
    match = re.fullmatch(
        rf"A clock {RATE}\. It is set right at (?P<start>{TIME})\. "
        rf"What is the right time when it shows (?P<shown>{TIME}) on the same day\?", question,
    ) or re.fullmatch(
        rf"At (?P<start>{TIME}) a clock is set right, but it {RATE}\. "
        rf"Later that day it shows (?P<shown>{TIME})\. What is the right time then\?", question,
    )  # fmt: skip
    rate = [group for group in match.groups() if not re.fullmatch(TIME, group or "")]
    return later(choices, match["start"], moved(match["start"], match["shown"], 1 / pace(*rate)))


def read_two_clocks(question: str, choices: Choices) -> set[str]:
    match = re.fullmatch(
        rf"The (?P<one>\w+) clock {RATE}, the (?P<other>\w+) clock {RATE}\. Both are set right at (?P<start>{TIME})\. "
        rf"What does the (?P=other) clock show when the (?P=one) clock shows (?P<shown>{TIME}) on the same day\?",
        question,
    )
    _, *first, _, w, n, m, e, start, shown = match.groups()
    assert match["one"] != match["other"]
    true = moved(start, shown, 1 / pace(*first))
    return later(choices, start, moved(start, f"{true:%H:%M}", pace(w, n, m, e)))


FACE = r"(1[0-2]|[1-9]):([0-5]\d)"


def degrees(choices: Choices, hour: str, minute: str, later: timedelta) -> set[str]:
    time = int(hour) * 60 + int(minute) + later // timedelta(minutes=1)
    apart = abs(Fraction(time % 720, 2) - 6 * (time % 60))
    smaller = min(apart, 360 - apart)
    assert 0 < smaller < 180
    values = {letter: Fraction(text.removesuffix(" degrees")) for letter, text in choices.items()}
    assert all(0 < value < 180 for value in values.values())
    return {letter for letter, value in values.items() if value == smaller}


def read_angle(question: str, choices: Choices) -> set[str]:
    match = re.fullmatch(
        rf"What is the smaller angle between the hands of a clock at {FACE}\?", question
    ) or re.fullmatch(
        rf"A clock with two hands shows {FACE}\. How large is the smaller angle between the hands\?", question
    )
    return degrees(choices, match[1], match[2], timedelta())


def read_later_angle(question: str, choices: Choices) -> set[str]:
    match = re.fullmatch(
        rf"A clock with two hands shows {FACE}\. "
        rf"How large will the smaller angle between its hands be ({SPAN}) later\?",
        question,
    )
    return degrees(choices, match[1], match[2], length(match[3]))


READERS = {"chain": read_chain, "duration": read_duration, "zones": read_zones, "bus": read_bus, "drift": read_drift,
           "true time": read_true_time, "two clocks": read_two_clocks, "angle": read_angle,
           "later angle": read_later_angle}  # fmt: skip


def test_the_text_alone_gives_the_answer() -> None:
    seen = set()
    for seed in range(COUNT):
        puzzle = generate("clocks", seed, 1 + seed % 10, short=seed % 3 == 0)
        seen.add(puzzle.template)
        assert READERS[puzzle.template](puzzle.question, puzzle.choices) == {puzzle.answer}, puzzle
        steps = puzzle.reasoning.split("\n")[0]
        assert puzzle.choices[puzzle.answer] in steps.split(". ")[-1]
        assert not re.search(r"\b1 hours", steps)
        if puzzle.template == "two clocks":  # which clock a step speaks of
            other, one = re.search(r"does the (\w+) clock show when the (\w+) clock", puzzle.question).groups()
            assert f"In an hour the {one} clock moves on" in steps
            assert f" The {other} clock: " in steps
    assert seen == set(READERS)


def test_the_right_time_cannot_be_copied_from_the_question() -> None:
    """Set right at 13:50, shown later: whole hours have passed, so the answer ends in :50. So must all options."""
    for seed in range(200):
        puzzle = generate("clocks", seed, 6 + seed % 2, template="true time")
        assert len({option[-2:] for option in puzzle.choices.values()}) == 1, puzzle


def test_no_right_time_lies_where_it_cannot_be() -> None:
    """A clock that gains shows more than the right time, one that loses shows less: none of the options rules itself
    out by this, and the right one is not always the nearest."""
    nearest = 0
    for seed in range(400):
        puzzle = generate("clocks", seed, 6 + seed % 2, template="true time")
        shown = at(re.search(rf"shows ({TIME})", puzzle.question)[1])
        gone = {letter: at(text) - shown for letter, text in puzzle.choices.items()}
        assert {distance < timedelta() for distance in gone.values()} == {"gains" in puzzle.question}, puzzle
        nearest += min(gone, key=lambda letter: abs(gone[letter])) == puzzle.answer
    assert nearest < 160


def test_no_clock_shows_what_it_cannot() -> None:
    """A clock that gains never shows less than the right time, nor less than another clock that gains less."""
    for seed in range(400):
        for template, level in (("drift", 3), ("drift", 4), ("two clocks", 9), ("two clocks", 10)):
            puzzle = generate("clocks", seed, level, template=template)
            rates = [Fraction(int(number) * (1 if word == "gains" else -1), int(every or 1)) for word, number, _, every
                     in re.findall(RATE, puzzle.question)]
            ahead = rates[-1] > (rates[0] if len(rates) == 2 else 0)
            told = at(re.findall(TIME, puzzle.question)[-1])
            assert {at(text) > told for text in puzzle.choices.values()} == {ahead}, puzzle

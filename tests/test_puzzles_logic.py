"""The keys of the logic puzzles, found again from the English text by brute force, with nothing of the solvers."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import pytest

from stepladder.puzzles import generate
from stepladder.puzzles.words import MEN, WOMEN

COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))  # puzzles of each kind; more for a long run
NAMES = (*WOMEN, *MEN)
NUMBERS = {
    w: i for i, w in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight"])
}
PLACES = {
    w: i for i, w in enumerate(["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"])
}


def named(text: str) -> list[str]:
    """The people of a text, in order of appearance."""
    found: list[str] = []
    for word in re.findall(r"[A-Z][a-z]+", text):
        if word in NAMES and word not in found:
            found.append(word)
    return found


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.?]) (?=[A-Z])", text)


def match(patterns: dict[str, Callable], sentence: str):
    for pattern, make in patterns.items():
        found = re.fullmatch(pattern, sentence)
        if found:
            return make(*found.groups())
    return None


def arrangements(people: list[str], tests: list[Callable], ring: bool = False) -> list[dict[str, int]]:
    """Every seating that passes all tests: people are placed one by one, and a test counts once it finds its people."""
    fitting: list[dict[str, int]] = []

    def passes(test: Callable, place: dict[str, int]) -> bool:
        try:
            return test(place)
        except KeyError:
            return len(place) < len(people)

    def seat(place: dict[str, int]) -> None:
        if not all(passes(test, place) for test in tests):
            return
        if len(place) == len(people):
            fitting.append(dict(place))
            return
        person = people[len(place)]
        for free in range(len(people)):
            if free not in place.values():
                seat({**place, person: free})

    seat({people[0]: 0} if ring else {})
    return fitting


def right_letters(choices: dict[str, str], results: list[str]) -> set[str]:
    """The letters of the options that some arrangement calls right."""
    return {letter for letter, text in choices.items() if text in results}


def read_line(question: str, choices: dict[str, str]) -> set[str]:
    *told, ask = sentences(question)
    people = named(question)
    n = len(people)
    clues = {
        r"(\w+) sits in seat (\d)\.": lambda x, s: lambda p: p[x] == int(s) - 1,
        r"(\w+) sits at the (left|right) end\.": lambda x, e: lambda p: p[x] == (0 if e == "left" else n - 1),
        r"(\w+) sits exactly in the middle\.": lambda x: lambda p: 2 * p[x] == n - 1,
        r"(\w+) sits (\w+) from the left\.": lambda x, o: lambda p: p[x] == PLACES[o],
        r"(\w+) (?:does not sit at either end|sits at neither end of the row)\.": lambda x: lambda p: 0 < p[x] < n - 1,
        r"Exactly (\w+) (?:person sits|people sit) between (\w+) and (\w+)\.":
            lambda k, x, y: lambda p: abs(p[x] - p[y]) == NUMBERS[k] + 1,
        r"(\w+) (?:sits directly|has the seat just) to the right of (\w+)\.": lambda x, y: lambda p: p[x] - p[y] == 1,
        r"(\w+) sits directly to the left of (\w+)\.": lambda x, y: lambda p: p[y] - p[x] == 1,
        r"(\w+) sits next to (\w+)\.": lambda x, y: lambda p: abs(p[x] - p[y]) == 1,
        r"(\w+) and (\w+) are neighbours\.": lambda x, y: lambda p: abs(p[x] - p[y]) == 1,
        r"(\w+) does not sit next to (\w+)\.": lambda x, y: lambda p: abs(p[x] - p[y]) != 1,
        r"(\w+) and (\w+) are not neighbours\.": lambda x, y: lambda p: abs(p[x] - p[y]) != 1,
        r"(\w+) sits somewhere to the left of (\w+)\.": lambda x, y: lambda p: p[x] < p[y],
        r"(\w+) sits somewhere to the right of (\w+)\.": lambda x, y: lambda p: p[x] > p[y],
    }  # fmt: skip
    scene = (
        r".*(seats numbered 1|on a bench in seats|have seats 1|sit in one row|share a row|The seats run).*"
    )
    tests = []
    for sentence in told:
        test = match(clues, sentence)
        assert test or re.fullmatch(scene, sentence), sentence
        tests += [test] if test else []
    size = re.search(
        r"seats? (?:numbered )?(?:run from )?1 (?:to|\(left end\) to) (\d)|seat (\d) at the right end",
        question,
    )
    assert size, question
    assert n == int(size.group(1) or size.group(2)), question
    asks = {
        r"What is their order from left to right\?": lambda: lambda p: ", ".join(sorted(p, key=p.get)),
        r"Who (?:sits|is) in seat (\d)\?": lambda s: lambda p: next(x for x in p if p[x] == int(s) - 1),
        r"How many people sit between (\w+) and (\w+)\?": lambda x, y: lambda p: str(abs(p[x] - p[y]) - 1),
        r"Who (?:sits directly|is just) to the right of (\w+)\?": lambda y: (
            lambda p: next(x for x in p if p[x] == p[y] + 1)
        ),
        r"Who (?:sits directly|is just) to the left of (\w+)\?": lambda y: (
            lambda p: next(x for x in p if p[x] == p[y] - 1)
        ),
    }
    return right_letters(choices, [match(asks, ask)(p) for p in arrangements(people, tests)])


def read_ring(question: str, choices: dict[str, str]) -> set[str]:
    *told, ask = sentences(question)
    people = named(question)
    n = len(people)

    def spot(x: str, how: str, side: str, y: str) -> Callable:
        # Facing the centre, the left hand points clockwise, where the numbers of the places rise.
        k = 1 if how == "immediately" else PLACES[how] + 1
        return lambda p: (p[x] - p[y]) % n == (k if side == "left" else -k) % n

    def beside(x: str, y: str) -> Callable:
        return lambda p: abs(p[x] - p[y]) in (1, n - 1)

    clues = {
        r"(\w+) sits (\w+) to the (left|right) of (\w+)\.": spot,
        r"(\w+) sits between (\w+) and (\w+), next to both\.":
            lambda x, y, z: lambda p: {(p[x] + 1) % n, (p[x] - 1) % n} == {p[y], p[z]},
        r"The two neighbours of (\w+) are (\w+) and (\w+)\.":
            lambda x, y, z: lambda p: {(p[x] + 1) % n, (p[x] - 1) % n} == {p[y], p[z]},
        r"(\w+) sits directly opposite (\w+)\.": lambda x, y: lambda p: abs(p[x] - p[y]) * 2 == n,
        r"(\w+) and (\w+) face each other across the table\.": lambda x, y: lambda p: abs(p[x] - p[y]) * 2 == n,
        r"(\w+) (?:sits next to|and) (\w+)(?: are neighbours)?\.": beside,
        r"(\w+) does not sit next to (\w+)\.": lambda x, y: lambda p: abs(p[x] - p[y]) not in (1, n - 1),
        r"(\w+) and (\w+) are not neighbours\.": lambda x, y: lambda p: abs(p[x] - p[y]) not in (1, n - 1),
    }  # fmt: skip
    scene = r".*(facing (the centre|inwards)|face its centre).*"
    tests = []
    for sentence in told:
        test = match(clues, sentence)
        assert test or re.fullmatch(scene, sentence), sentence
        tests += [test] if test else []

    def at(p: dict[str, int], seat: int) -> str:
        return next(x for x in p if p[x] == seat % n)

    def from_left(y: str) -> Callable:
        return lambda p: ", ".join(at(p, p[y] + s) for s in range(1, n))

    def who(how: str, side: str, y: str) -> Callable:
        k = 1 if how == "immediately" else PLACES[how] + 1
        return lambda p: at(p, p[y] + (k if side == "left" else -k))

    asks = {
        r"Who sits (\w+) to the (left|right) of (\w+)\?": who,
        r"Who (?:sits opposite|faces) (\w+)(?: across the table)?\?": lambda y: lambda p: at(p, p[y] + n // 2),
        r"Going clockwise from (\w+) to (\w+), how many people sit between them\?":
            lambda x, y: lambda p: str((p[y] - p[x]) % n - 1),
        r"Starting to the left of (\w+) and going clockwise, in which order do the others sit\?": from_left,
    }  # fmt: skip
    return right_letters(choices, [match(asks, ask)(p) for p in arrangements(people, tests, ring=True)])


MORE = "taller|older|heavier|faster|richer"
LESS = "shorter|younger|lighter|slower|poorer"
TOP, BOTTOM = "tallest|oldest|heaviest|fastest|richest", "shortest|youngest|lightest|slowest|poorest"


def read_order(question: str, choices: dict[str, str]) -> set[str]:
    *told, ask = sentences(question)
    people = named(question)
    n = len(people)

    def ranked(ordinal: str | None, word: str) -> int:
        place = PLACES[ordinal] if ordinal else 0
        return n - 1 - place if re.fullmatch(BOTTOM, word) else place

    def is_at(x: str, ordinal: str | None, word: str) -> Callable:
        return lambda p: p[x] == ranked(ordinal, word)

    def raced(word: str) -> int:
        return n - 1 if word == "last" else PLACES[word]

    between = r"in (?:height|age|weight|speed|wealth|the race)"
    clues = {
        rf"(\w+) is (?:{MORE}) than (\w+)\.": lambda x, y: lambda p: p[x] < p[y],
        rf"(\w+) is (?:{LESS}) than (\w+)\.": lambda x, y: lambda p: p[x] > p[y],
        r"(\w+) (?:finished ahead of|crossed the line before) (\w+)\.": lambda x, y: lambda p: p[x] < p[y],
        r"(\w+) finished behind (\w+)\.": lambda x, y: lambda p: p[x] > p[y],
        r"(\w+) finished right after (\w+)\.": lambda x, y: lambda p: p[x] == p[y] + 1,
        r"(\w+) finished right before (\w+)\.": lambda x, y: lambda p: p[x] == p[y] - 1,
        rf"(\w+) is the (?:(\w+) )?({TOP}|{BOTTOM})\.": is_at,
        rf"(\w+) is the next (?:{TOP}) after (\w+)\.": lambda x, y: lambda p: p[x] == p[y] + 1,
        r"(\w+) finished (\w+)\.": lambda x, word: lambda p: p[x] == raced(word),
        r"(\w+) finished neither first nor last\.": lambda x: lambda p: 0 < p[x] < n - 1,
        r"(\w+) is neither the \w+ nor the \w+\.": lambda x: lambda p: 0 < p[x] < n - 1,
        rf"Nobody (?:is|finished) between (\w+) and (\w+) {between}\.": lambda x, y: lambda p: abs(p[x] - p[y]) == 1,
        rf"Exactly (\w+) (?:person is|people are) between (\w+) and (\w+) {between}\.":
            lambda k, x, y: lambda p: abs(p[x] - p[y]) == NUMBERS[k] + 1,
    }  # fmt: skip
    scene = (
        r"(No two of .* are equally tall|.* all (have different|run at different|own different) "
        r".*|.* ran a race, .*)\."
    )
    tests = []
    for sentence in told:
        test = None if re.fullmatch(scene, sentence) else match(clues, sentence)
        assert test or re.fullmatch(scene, sentence), sentence
        tests += [test] if test else []
    asks = {
        r"What is the order from \w+ to \w+\?": lambda: lambda p: ", ".join(sorted(p, key=p.get)),
        rf"Who is the (?:(\w+) )?({TOP}|{BOTTOM})\?": lambda o, w: lambda p: next(x for x in p if p[x] == ranked(o, w)),
        r"Who finished (\w+)\?": lambda word: lambda p: next(x for x in p if p[x] == raced(word)),
        rf"How many people (?:are|finished) between (\w+) and (\w+) {between}\?":
            lambda x, y: lambda p: str(abs(p[x] - p[y]) - 1),
        rf"How many of the others (?:are (?:{MORE}) than|finished ahead of) (\w+)\?": lambda x: lambda p: str(p[x]),
        rf"How many of the others (?:are (?:{LESS}) than|finished behind) (\w+)\?":
            lambda x: lambda p: str(n - 1 - p[x]),
    }  # fmt: skip
    return right_letters(choices, [match(asks, ask)(p) for p in arrangements(people, tests)])


READERS = {
    "linear_seating": read_line,
    "circular_seating": read_ring,
    "orderings": read_order,
}


@pytest.mark.parametrize("kind", READERS)
def test_the_text_alone_gives_the_key(kind: str) -> None:
    for seed in range(COUNT):
        puzzle = generate(kind, seed, 1 + seed % 10, short=seed % 3 == 0)
        assert READERS[kind](puzzle.question, puzzle.choices) == {puzzle.answer}, puzzle

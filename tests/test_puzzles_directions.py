"""Directions puzzles, walked again from the English text alone; a sentence that no pattern matches in full fails.

A place is a complex number, north along the imaginary axis; nothing of the generator's code is used.
"""

from __future__ import annotations

import os
import re
from math import hypot

import pytest

from stepladder.engine.extract import degenerate
from stepladder.puzzles import KINDS, generate

COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))
WAYS = {"north": 1j, "east": 1 + 0j, "south": -1j, "west": -1 + 0j}
TURNS = {"left": 1j, "right": -1j, "around": -1 + 0j}
WINDS = ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"]
WAY = "|".join(WAYS)


def metres(number: str, noun: str) -> int:
    assert noun == ("metre" if number == "1" else "metres")
    return int(number)


class Walk:
    """Where somebody is and which way they face, and how long the way was."""

    def __init__(self, sentence: str) -> None:
        self.name, told = re.fullmatch(r"(\w+) (walks .+)\.", sentence).groups()
        self.place, self.facing, self.length = 0j, 0j, 0
        self.turned = False
        for clause in re.split(r", then | and then | and finally ", told):
            self.go(clause)

    def go(self, clause: str) -> None:
        absolute = re.fullmatch(rf"(?:walks )?(\d+) (metres?) ({WAY})", clause)
        relative = re.fullmatch(r"turns (left|right|around) and walks (\d+) (metres?)", clause)
        if absolute:
            number, noun, way = absolute.groups()
            self.facing = WAYS[way]
        elif relative:
            turn, number, noun = relative.groups()
            assert self.facing
            self.facing *= TURNS[turn]
            self.turned |= turn != "around"
        else:
            number, noun = re.fullmatch(r"walks straight on for another (\d+) (metres?)", clause).groups()
            assert self.facing
        self.place += metres(number, noun) * self.facing
        self.length += int(number)


def read_walk(question: str) -> tuple[Walk, str, str]:
    """The walk, the pronoun in the question and the question with "she" for it."""
    told, *notes, ask = re.split(r"(?<=\.) (?=[A-Z])", question)
    walk = Walk(told)
    assert notes in ([["Each turn to the left or right is by 90 degrees."], ["Left and right turns are by 90 degrees."]]
                     if walk.turned else [[]])  # fmt: skip
    pronoun = re.search(r"\b(she|he)\b", ask).group()
    return walk, pronoun, re.sub(rf"\b{pronoun}\b", "she", ask)


def read_offset(text: str) -> complex:
    place, lines = 0j, []
    for part in text.split(" and "):
        number, noun, way = re.fullmatch(rf"(\d+) (metres?) ({WAY})", part).groups()
        assert metres(number, noun) > 0
        place += int(number) * WAYS[way]
        lines.append("north-south" if way in ("north", "south") else "east-west")
    assert lines in (["north-south"], ["east-west"], ["north-south", "east-west"])
    return place


def check_where(question: str, choices: dict[str, str]) -> set[str]:
    walk, _, ask = read_walk(question)
    assert ask in ("Where is she now, seen from the starting point?",
                   "Where does she end up, seen from the starting point?")  # fmt: skip
    ends = {letter: read_offset(text) for letter, text in choices.items()}
    assert all(abs(end.real) + abs(end.imag) <= walk.length for end in ends.values())
    return {letter for letter, end in ends.items() if end == walk.place}


def check_side(question: str, choices: dict[str, str]) -> set[str]:
    walk, _, ask = read_walk(question)
    assert ask in ("Is she now north or south of the starting point, and east or west of it?",
                   "Does she end up north or south of the start, and east or west of it?")  # fmt: skip
    assert set(choices.values()) == {"North and east", "North and west", "South and east", "South and west"}
    assert walk.place.imag
    assert walk.place.real
    name = f"{'North' if walk.place.imag > 0 else 'South'} and {'east' if walk.place.real > 0 else 'west'}"
    return {letter for letter, text in choices.items() if text == name}


def check_far(question: str, choices: dict[str, str]) -> set[str]:
    walk, _, ask = read_walk(question)
    assert ask in ("How far from the starting point is she now, in a straight line?",
                   "How long is the straight line from the starting point to where she is now?")  # fmt: skip
    lengths = {letter: metres(*text.split()) for letter, text in choices.items()}
    assert all(0 < length <= walk.length for length in lengths.values())
    assert hypot(walk.place.real, walk.place.imag) > 0
    return {letter for letter, length in lengths.items() if length**2 == walk.place.real**2 + walk.place.imag**2}


def check_facing_asked(ask: str) -> None:
    assert ask in ("Which direction is she facing at the end?", "Which direction does she face now?")


def check_heading(question: str, choices: dict[str, str]) -> set[str]:
    walk, _, ask = read_walk(question)
    check_facing_asked(ask)
    assert set(choices.values()) == {way.capitalize() for way in WAYS}
    return {letter for letter, text in choices.items() if WAYS[text.lower()] == walk.facing}


def check_facing(question: str, choices: dict[str, str]) -> set[str]:
    told, ask = re.split(r"(?<=\.) (?=[A-Z])", question)
    check_facing_asked(re.sub(r"\bhe\b", "she", ask))
    _, wind, turns = re.fullmatch(r"(\w+) faces ([a-z-]+) and turns (.+)\.", told).groups()
    eighths = WINDS.index(wind)
    for turn in re.split(r", then | and then ", turns):
        degrees, way = re.fullmatch(r"(\d+) degrees (clockwise|anticlockwise)", turn).groups()
        assert int(degrees) % 45 == 0 < int(degrees) < 360
        eighths += int(degrees) // 45 * (1 if way == "clockwise" else -1)
    assert {text.lower() for text in choices.values()} < set(WINDS)
    return {letter for letter, text in choices.items() if text == WINDS[eighths % 8].capitalize()}


READERS = {
    "where": check_where,
    "side": check_side,
    "line": check_far,
    "far": check_far,
    "facing": check_facing,
    "heading": check_heading,
}


@pytest.mark.parametrize("template", READERS)
def test_the_text_alone_gives_the_answer(template: str) -> None:
    levels = next(one for one in KINDS["directions"].templates if one.name == template).levels
    for seed in range(COUNT // len(READERS)):
        puzzle = generate("directions", seed, levels[seed % len(levels)], seed % 3 == 0, template)
        assert READERS[template](puzzle.question, puzzle.choices) == {puzzle.answer}, puzzle
        assert ends_with(puzzle.reasoning.splitlines()[0].lower(), puzzle.choices[puzzle.answer].lower()), puzzle


def ends_with(steps: str, answer: str) -> bool:
    """Whether the steps arrive at the answer: "so 5 metres north.", or on one line "north: 8 - 3 = 5."."""
    steps, answer = (re.sub(" metres?", "", text) for text in (steps, answer))
    line = re.fullmatch(r"(\d+) (\w+)", answer)
    if line and re.search(rf"{line.group(2)}: [^:]* = {line.group(1)}\.$", steps):
        return True
    return steps.endswith(f" {answer}.")


@pytest.mark.parametrize("template", ["where", "side", "line", "far"])
def test_every_sum_in_the_steps_is_true(template: str) -> None:
    levels = next(one for one in KINDS["directions"].templates if one.name == template).levels
    for seed in range(COUNT // 10):
        puzzle = generate("directions", seed, levels[seed % len(levels)], template=template)
        sums = re.findall(r"(\d+) ([+x-]) (\d+) = (\d+)", puzzle.reasoning)
        assert sums
        for a, sign, b, result in sums:
            made = {"+": int(a) + int(b), "-": int(a) - int(b), "x": int(a) * int(b)}[sign]
            assert made == int(result), puzzle


@pytest.mark.parametrize("template", ["line", "far"])
def test_no_distance_stands_out_by_being_odd_or_even(template: str) -> None:
    """A straight line over two legs is odd where the sum of all lengths is."""
    levels = next(one for one in KINDS["directions"].templates if one.name == template).levels
    for seed in range(COUNT // 10):
        puzzle = generate("directions", seed, levels[seed % len(levels)], template=template)
        assert len({metres(*text.split()) % 2 for text in puzzle.choices.values()}) == 1, puzzle


def test_no_direction_faced_stands_out_by_lying_between_two_winds() -> None:
    """Whether it does is told by the number of turns by odd multiples of 45 degrees."""
    for seed in range(COUNT // 10):
        puzzle = generate("directions", seed, 1 + seed % 10, template="facing")
        assert len({"-" in text for text in puzzle.choices.values()}) == 1, puzzle


def test_turning_to_and_fro_is_not_taken_for_a_loop() -> None:
    """A solution that says one thing three times is what a model writes that goes round in circles."""
    for seed in range(2 * COUNT):
        puzzle = generate("directions", seed, 9 + seed % 2, template="facing")
        assert degenerate(puzzle.reasoning) is None, puzzle

"""Seatings and orderings, solved again from the English text alone; a sentence that no pattern matches in full fails.

Every arrangement of the people is tried against every sentence; nothing of the generator's code is used. Wrong options
have to be possible: people of the cast whom the question does not name, numbers that there can be, orders of the same
people. No clue alone may tell the answer.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence

import pytest

from stepladder.puzzles import KINDS, generate

COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))
NUMBERS = {word: i for i, word in enumerate(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight"))}
ORDINALS = {word: i for i, word in enumerate(("first", "second", "third", "fourth", "fifth", "sixth", "seventh"), 1)}
NAME, ORDINAL = "([A-Z][a-z]+)", f"({'|'.join(ORDINALS)})"
MANY = r"exactly (\w+) (person|people)"
Places = dict[str, int]
Readings = Mapping[str, Callable]  # a sentence's pattern, and what its groups say


def between(count: str, noun: str, verb: str = "") -> int:
    """How many people, their noun and verb being in the right number."""
    assert NUMBERS[count] > 0
    assert (noun, verb) in ((("person", ""), ("person", "sits"), ("person", "is"), ("person", "finished"))
                            if count == "one" else
                            (("people", ""), ("people", "sit"), ("people", "are"), ("people", "finished")))
    return NUMBERS[count]


def read(patterns: Readings, sentence: str):
    """What the one pattern that fits says, and the names in the sentence."""
    fitting = [(reading, match) for pattern, reading in patterns.items() if (match := re.fullmatch(pattern, sentence))]
    assert len(fitting) == 1, sentence
    reading, match = fitting[0]
    return reading(*match.groups())


class Scene:
    """The cast of the first sentences, and the rest: clues and the question."""

    def __init__(self, patterns: Sequence[str], question: str) -> None:
        fitting = [match for pattern in patterns if (match := re.match(pattern, question))]
        assert len(fitting) == 1, question
        parts = fitting[0].groupdict()
        assert re.fullmatch(rf"{NAME}(, {NAME})+ and {NAME}", parts["who"]), question
        self.cast = re.findall(NAME, parts["who"])
        self.n = len(set(self.cast))
        assert self.n == len(self.cast)
        assert NUMBERS[parts.get("count", "").lower() or list(NUMBERS)[self.n]] == self.n
        assert {int(parts[key]) for key in ("n", "m") if parts.get(key)} <= {self.n}
        *self.told, self.ask = re.split(r"(?<=[.?]) (?=[A-Z])", question[fitting[0].end():])

    def named(self, sentence: str) -> set[str]:
        return {word for word in re.findall(NAME, sentence) if word in self.cast}


WHO = rf"(?P<who>{NAME}(?:, {NAME})* and {NAME})".replace("([A-Z]", "(?:[A-Z]")
COUNTED, N = r"(?P<count>[A-Z][a-z]+)", r"(?P<n>\d)"
LINE_SCENES = (
    rf"{COUNTED} friends, {WHO}, sit in a row, with seats numbered 1 to {N} from left to right\. ",
    rf"{WHO} sit on a bench in seats 1 to {N}, counted from left to right\. ",
    rf"{WHO} have seats 1 to {N} in a cinema row, numbered from left to right\. ",
    rf"{COUNTED} students, {WHO}, sit in one row; seat 1 is at the left end and seat {N} at the right end\. ",
    rf"{WHO} share a row on a train\. The seats run from 1 \(left end\) to {N} \(right end\)\. ",
)
RING_SCENES = (
    rf"{WHO} sit around a round table, all facing the centre\. ",
    rf"{COUNTED} friends sit around a circular table, facing the centre: {WHO}\. ",
    rf"{COUNTED} people \({WHO}\) sit in a circle, facing inwards\. ",
    rf"{WHO} sit evenly spaced around a round table and face its centre\. ",
)
ORDER_SCENES = (
    rf"No two of {WHO} are equally tall\. ",
    rf"{WHO} all (?:have different (?:ages|weights)|run at different speeds|own different amounts of money)\. ",
    rf"{WHO} ran a race, and there were no ties\. ",
    rf"{WHO} ran a race\. No two of them finished together\. ",
)


def at(p: Places, place: int) -> str | None:
    return next((name for name, own in p.items() if own == place), None)


def in_order(p: Places) -> str:
    return ", ".join(sorted(p, key=p.__getitem__))


def line(n: int) -> tuple[Readings, Readings]:
    """What clues and questions about seats in a row say; seat 1 is at the left end."""
    spots = {
        r"sits in seat (\d)": lambda seat: int(seat) - 1,
        r"sits at the (left|right) end": lambda end: 0 if end == "left" else n - 1,
        r"sits exactly in the middle": lambda: (n - 1) / 2,
        rf"sits {ORDINAL} from the (left|right)":
            lambda word, side: ORDINALS[word] - 1 if side == "left" else n - ORDINALS[word],
    }
    spot = r"(sits (?:in|at the|exactly|\w+ from) .*)"
    beside = r"(?:sits directly|has the seat just) to the (right|left) of"
    clues = {
        rf"{NAME} {spot}\.": lambda x, where: lambda p: p[x] == read(spots, where),
        rf"{NAME} (?:does not sit at either end|sits at neither end of the row)\.":
            lambda x: lambda p: 0 < p[x] < n - 1,
        rf"{NAME} (?:sits at one of the two ends|has a seat at an end of the row)\.":
            lambda x: lambda p: p[x] in (0, n - 1),
        rf"{NAME} {beside} {NAME}\.": lambda x, side, y: lambda p: p[x] - p[y] == (1 if side == "right" else -1),
        rf"{NAME} sits to the (right|left) of {NAME}, with {MANY} between them\.":
            lambda x, side, y, k, noun:
                lambda p: (p[x] - p[y]) * (1 if side == "right" else -1) == between(k, noun) + 1,
        rf"{NAME} (?:sits next to {NAME}|and {NAME} are neighbours)\.":
            lambda x, y, z: lambda p: abs(p[x] - p[y or z]) == 1,
        rf"{NAME} (?:does not sit next to {NAME}|and {NAME} are not neighbours)\.":
            lambda x, y, z: lambda p: abs(p[x] - p[y or z]) > 1,
        rf"Exactly (\w+) (person|people) (sits?) between {NAME} and {NAME}\.":
            lambda k, noun, verb, x, y: lambda p: abs(p[x] - p[y]) == between(k, noun, verb) + 1,
        rf"There (is|are) {MANY} between {NAME} and {NAME}\.":
            lambda verb, k, noun, x, y: lambda p: abs(p[x] - p[y]) == between(k, noun, verb) + 1,
        rf"{NAME} sits somewhere to the (right|left) of {NAME}\.":
            lambda x, side, y: lambda p: (p[x] > p[y]) == (side == "right"),
    }  # fmt: skip
    asks = {
        rf"Who {spot}\?": lambda where: lambda p: at(p, read(spots, where)),
        rf"Who {beside} {NAME}\?": lambda side, y: lambda p: at(p, p[y] + (1 if side == "right" else -1)),
        rf"How many people sit between {NAME} and {NAME}\?": lambda x, y: lambda p: str(abs(p[x] - p[y]) - 1),
        rf"(?:In which seat does {NAME} sit|What is the number of the seat that {NAME} has)\?":
            lambda x, y: lambda p: str(p[x or y] + 1),
        r"(?:What is their order|In which order do they sit,) from left to right\?": lambda: in_order,
    }  # fmt: skip
    return clues, asks


def ring(n: int) -> tuple[Readings, Readings]:
    """Places rise clockwise, as seen from above; who faces the centre has the left hand on the clockwise side."""
    def far(how: str, side: str) -> int:
        steps = 1 if how == "immediately" else ORDINALS[how]
        assert how == "immediately" or 1 < steps < n / 2
        return steps if side == "left" else -steps

    def apart(p: Places, x: str, y: str) -> int:
        return min((p[x] - p[y]) % n, (p[y] - p[x]) % n)

    beside = rf"sits (immediately|{ORDINAL[1:-1]}) to the (left|right) of"
    clues = {
        rf"{NAME} {beside} {NAME}\.": lambda x, how, side, y: lambda p: (p[x] - p[y] - far(how, side)) % n == 0,
        rf"{NAME} sits between {NAME} and {NAME}, next to both\.":
            lambda x, y, z: lambda p: apart(p, x, y) == apart(p, x, z) == 1,
        rf"The two neighbours of {NAME} are {NAME} and {NAME}\.":
            lambda x, y, z: lambda p: apart(p, x, y) == apart(p, x, z) == 1,
        rf"{NAME} (?:sits directly opposite {NAME}|and {NAME} face each other across the table)\.":
            lambda x, y, z: lambda p: 2 * apart(p, x, y or z) == n,
        rf"{NAME} (?:sits next to {NAME}|and {NAME} are neighbours)\.":
            lambda x, y, z: lambda p: apart(p, x, y or z) == 1,
        rf"{NAME} (?:does not sit next to {NAME}|and {NAME} are not neighbours)\.":
            lambda x, y, z: lambda p: apart(p, x, y or z) > 1,
    }  # fmt: skip
    asks = {
        rf"Who {beside} {NAME}\?": lambda how, side, y: lambda p: at(p, (p[y] + far(how, side)) % n),
        rf"Who (?:sits directly opposite {NAME}|faces {NAME} across the table)\?":
            lambda x, y: lambda p: at(p, (p[x or y] + n / 2) % n),
        rf"Who (?:sits between {NAME} and {NAME}, next to both|has both {NAME} and {NAME} as neighbours)\?":
            lambda x, y, v, w: lambda p: next((z for z in p if apart(p, z, x or v) == apart(p, z, y or w) == 1), None),
        rf"Going clockwise from {NAME} to {NAME}, how many people sit between them\?":
            lambda x, y: lambda p: str((p[y] - p[x]) % n - 1),
        rf"How many people are passed on the way clockwise from {NAME} to {NAME}, not counting these two\?":
            lambda x, y: lambda p: str((p[y] - p[x]) % n - 1),
        rf"(?:Starting to the left of {NAME} and going clockwise|Going clockwise from {NAME}), in which order do the "
        r"others sit\?":
            lambda x, y: lambda p: ", ".join(sorted((z for z in p if z != (x or y)),
                                                    key=lambda z: (p[z] - p[x or y]) % n)),
    }  # fmt: skip
    return clues, asks


MEASURES = (("taller", "shorter", "tallest", "shortest", "height"), ("older", "younger", "oldest", "youngest", "age"),
            ("heavier", "lighter", "heaviest", "lightest", "weight"),
            ("faster", "slower", "fastest", "slowest", "speed"),
            ("richer", "poorer", "richest", "poorest", "wealth"))  # fmt: skip


def measured(n: int, more: str, less: str, top: str, bottom: str, measure: str) -> tuple[Readings, Readings]:
    """An order whose place 0 is the top one."""
    def ranked(word: str | None, end: str) -> int:
        assert word != "first"
        place = ORDINALS[word] - 1 if word else 0
        return place if end == top else n - 1 - place

    rank, ranks = rf"is the (?:{ORDINAL} )?({top}|{bottom})", rf"From {top} to {bottom}, "
    clues = {
        rf"{NAME} {rank}\.": lambda x, word, end: lambda p: p[x] == ranked(word, end),
        rf"{NAME} is neither the {top} nor the {bottom}\.": lambda x: lambda p: 0 < p[x] < n - 1,
        rf"{NAME} is either the {top} or the {bottom}\.": lambda x: lambda p: p[x] in (0, n - 1),
        rf"{NAME} is ({more}|{less}) than {NAME}\.": lambda x, how, y: lambda p: (p[x] < p[y]) == (how == more),
        rf"{NAME} is ({more}|{less}) than {NAME}, with {MANY} between them in {measure}\.":
            lambda x, how, y, k, noun: lambda p: (p[y] - p[x]) * (1 if how == more else -1) == between(k, noun) + 1,
        rf"{NAME} is the next {top} after {NAME}\.": lambda x, y: lambda p: p[x] == p[y] + 1,
        rf"{ranks}{NAME} comes right after {NAME}\.": lambda x, y: lambda p: p[x] == p[y] + 1,
        rf"Nobody is between {NAME} and {NAME} in {measure}\.": lambda x, y: lambda p: abs(p[x] - p[y]) == 1,
        rf"At least one person is between {NAME} and {NAME} in {measure}\.":
            lambda x, y: lambda p: abs(p[x] - p[y]) > 1,
        rf"There (is|are) {MANY} between {NAME} and {NAME} in {measure}\.":
            lambda verb, k, noun, x, y: lambda p: abs(p[x] - p[y]) == between(k, noun, verb) + 1,
        rf"Exactly (\w+) (person|people) (is|are) between {NAME} and {NAME} in {measure}\.":
            lambda k, noun, verb, x, y: lambda p: abs(p[x] - p[y]) == between(k, noun, verb) + 1,
    }  # fmt: skip
    asks = {
        rf"Who {rank}\?": lambda word, end: lambda p: at(p, ranked(word, end)),
        rf"{ranks}who comes right (after|before) {NAME}\?":
            lambda side, y: lambda p: at(p, p[y] + (1 if side == "after" else -1)),
        rf"How many people are between {NAME} and {NAME} in {measure}\?":
            lambda x, y: lambda p: str(abs(p[x] - p[y]) - 1),
        rf"How many of the others are ({more}|{less}) than {NAME}\?":
            lambda how, x: lambda p: str(p[x] if how == more else n - 1 - p[x]),
        rf"What is the order from {top} to {bottom}\?": lambda: in_order,
    }  # fmt: skip
    return clues, asks


def race(n: int) -> tuple[Readings, Readings]:
    finish = rf"finished ({ORDINAL[1:-1]}|last)"
    ahead = "(finished ahead of|finished behind|crossed the line before)"

    def raced(word: str) -> int:
        return n - 1 if word == "last" else ORDINALS[word] - 1

    clues = {
        rf"{NAME} {finish}\.": lambda x, word: lambda p: p[x] == raced(word),
        rf"{NAME} finished neither first nor last\.": lambda x: lambda p: 0 < p[x] < n - 1,
        rf"{NAME} finished either first or last\.": lambda x: lambda p: p[x] in (0, n - 1),
        rf"{NAME} {ahead} {NAME}\.": lambda x, how, y: lambda p: (p[x] > p[y]) == ("behind" in how),
        rf"{NAME} {ahead} {NAME}, with {MANY} between them\.":
            lambda x, how, y, k, noun: lambda p: (p[x] - p[y]) * (1 if "behind" in how else -1) == between(k, noun) + 1,
        rf"{NAME} finished right (after|before) {NAME}\.":
            lambda x, side, y: lambda p: p[x] - p[y] == (1 if side == "after" else -1),
        rf"Nobody finished between {NAME} and {NAME}\.": lambda x, y: lambda p: abs(p[x] - p[y]) == 1,
        rf"At least one person finished between {NAME} and {NAME}\.": lambda x, y: lambda p: abs(p[x] - p[y]) > 1,
        rf"Exactly (\w+) (person|people) (finished) between {NAME} and {NAME}\.":
            lambda k, noun, verb, x, y: lambda p: abs(p[x] - p[y]) == between(k, noun, verb) + 1,
    }  # fmt: skip
    asks = {
        rf"Who {finish}\?": lambda word: lambda p: at(p, raced(word)),
        rf"(?:Who finished right after {NAME}|Who was the next to finish after {NAME})\?":
            lambda x, y: lambda p: at(p, p[x or y] + 1),
        rf"(?:Who finished right before {NAME}|Who was the last to finish before {NAME} did)\?":
            lambda x, y: lambda p: at(p, p[x or y] - 1),
        rf"How many people finished between {NAME} and {NAME}\?": lambda x, y: lambda p: str(abs(p[x] - p[y]) - 1),
        rf"How many of the others finished (ahead of|behind) {NAME}\?":
            lambda how, x: lambda p: str(n - 1 - p[x] if how == "behind" else p[x]),
        r"(?:What is the order|In which order did they finish,) from first to last\?": lambda: in_order,
    }  # fmt: skip
    return clues, asks


def ordered(n: int, question: str) -> tuple[Readings, Readings]:
    """The reading of the one measure that the question speaks of."""
    if "ran a race" in question:
        return race(n)
    words = set(re.findall(r"[a-z]+", question))
    spoken = [measure for measure in MEASURES if words & set(measure)]
    assert len(spoken) == 1, question
    return measured(n, *spoken[0])


def fitting(cast: Sequence[str], facts: Sequence[tuple[set[str], Callable]], start: Places) -> list[Places]:
    """Every arrangement in which all facts hold: people are placed one by one, a fact counts once all its own are."""
    waiting = {name: [] for name in cast}
    order = [*start, *(name for name in cast if name not in start)]
    for named, fact in facts:
        waiting[max(named, key=order.index)].append(fact)
    rows: list[Places] = [start]
    for name in order[len(start):]:
        rows = [place for row in rows for spot in range(len(cast)) if spot not in row.values()
                for place in [{**row, name: spot}] if all(fact(place) for fact in waiting[name])]
    return rows


SCENES = {"linear_seating": LINE_SCENES, "circular_seating": RING_SCENES, "orderings": ORDER_SCENES}
READERS = {"linear_seating": lambda n, question: line(n), "circular_seating": lambda n, question: ring(n),
           "orderings": ordered}  # fmt: skip


class Reading:
    """A question read in full: its scene, the facts that its clues state, and the arrangements that fit them all."""

    def __init__(self, kind: str, question: str, first: str | None = None) -> None:
        """`first` has place 0 of a ring, else the first of the cast."""
        self.scene = scene = Scene(SCENES[kind], question)
        clues, asks = READERS[kind](scene.n, question)
        self.start = {first or scene.cast[0]: 0} if kind == "circular_seating" else {}
        self.facts = [(scene.named(sentence), read(clues, sentence)) for sentence in scene.told]
        for (named, _), sentence in zip(self.facts, scene.told, strict=True):
            assert 0 < len(named) == sum(word in scene.cast for word in re.findall(NAME, sentence)), sentence
        self.answer = read(asks, scene.ask)
        self.fitting = fitting(scene.cast, self.facts, self.start)


def solved(kind: str, question: str, choices: Mapping[str, str]) -> set[str]:
    """The letters of what can be right; every option is possible, and no clue alone tells the answer."""
    reading = Reading(kind, question)
    possible(choices, reading.scene, reading.scene.named(reading.scene.ask))
    assert len(reading.fitting) == 1, question
    for fact in reading.facts if reading.scene.n <= 5 else ():
        alone = fitting(reading.scene.cast, [fact], reading.start)
        assert len({reading.answer(place) for place in alone}) > 1, question
    return {letter for letter, text in choices.items() if text == reading.answer(reading.fitting[0])}


def possible(choices: Mapping[str, str], scene: Scene, asked: set[str]) -> None:
    texts = list(choices.values())
    if all(text.isdigit() for text in texts):
        seats = "seat" in scene.ask
        highest = scene.n if seats else scene.n - 1 if "of the others" in scene.ask else scene.n - 2
        assert all(seats <= int(text) <= highest for text in texts), texts
    elif "order" in scene.ask:
        people = sorted(set(scene.cast) - asked)
        assert all(sorted(text.split(", ")) == people for text in texts), texts
    else:
        assert set(texts) <= set(scene.cast) - asked, texts


KINDS_READ = ("linear_seating", "circular_seating", "orderings")


@pytest.mark.parametrize("kind", KINDS_READ)
def test_the_text_alone_gives_the_key(kind: str) -> None:
    for seed in range(COUNT):
        puzzle = generate(kind, seed, 1 + seed % 10, short=seed % 3 == 0)
        assert solved(kind, puzzle.question, puzzle.choices) == {puzzle.answer}, puzzle


@pytest.mark.parametrize("kind", KINDS_READ)
def test_a_solution_says_what_is_true_and_learns_something_new_each_time(kind: str) -> None:
    for seed in range(COUNT // 5):
        puzzle = generate(kind, seed, 1 + seed % 10)
        steps = puzzle.reasoning.split("\n")[0]
        anchor = re.match(r"Clockwise from (\w+) in seat 1\. ", steps)
        reading = Reading(kind, puzzle.question, anchor and anchor.group(1))
        everywhere = set(range(1, reading.scene.n + 1))
        left: dict[str, set[int]] = {}
        for name, spots in settled(steps):
            if name in ("Opposite", "Before", "After"):  # "Before place 3: 2.", the step that answers
                continue
            assert reading.fitting[0][name] + 1 in spots < left.get(name, everywhere), puzzle
            left[name] = spots
        assert any(len(spots) == 1 for spots in left.values())


def settled(steps: str) -> list[tuple[str, set[int]]]:
    """Every person with the places that a step leaves: "Mei seat 2 or 4", "Only Mei is left for seat 2"."""
    pattern = re.compile(
        r"Only (?:seat|place) (?P<last>\d) is left for (?P<one>\w+)"
        r"|Only (?P<only>\w+) is left for (?:seat|place) (?P<p>\d)"
        r"|(?P<name>[A-Z]\w+) (?:seat|place) (?P<low>\d)(?: to (?P<high>\d))?(?P<rest>(?:, \d)*(?: or \d)?)")
    found = []
    for match in pattern.finditer(steps):
        name = match["one"] or match["only"] or match["name"]
        if match["high"]:
            found.append((name, set(range(int(match["low"]), int(match["high"]) + 1))))
        else:
            found.append((name, {int(spot) for spot in re.findall(r"\d", match["rest"] or "")}
                          | {int(match["last"] or match["p"] or match["low"])}))
    return found


@pytest.mark.parametrize("kind", KINDS_READ)
def test_short_puzzles_of_every_template(kind: str) -> None:
    for template in KINDS[kind].templates:
        for seed in range(20):
            puzzle = generate(kind, seed, max(template.levels), True, template.name)
            assert puzzle.template == template.name
            assert solved(kind, puzzle.question, puzzle.choices) == {puzzle.answer}

"""Sequences, mixed series and codes, solved again from the English alone by brute force, without their generators."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise, product
from string import ascii_uppercase

import pytest

from stepladder.puzzles import generate

COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))
PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
RING = "The alphabet is a ring: after Z comes A."
Choices = dict[str, str]


def read(question: str, patterns: Sequence[str]) -> dict[str, str]:
    """The named groups of the one pattern that matches the whole question."""
    matches = [match for match in (re.fullmatch(pattern, question) for pattern in patterns) if match]
    assert len(matches) == 1, question
    return matches[0].groupdict()


def letters(choices: Choices, answers: set[str]) -> set[str]:
    return {letter for letter, text in choices.items() if text in answers}


# -- rows of numbers -------------------------------------------------------------------------------------------------


def recurrences(row: Sequence[int]) -> Iterator[tuple[int, Callable[[list[int]], int | None]]]:
    """Every reading of the row: how many numbers it takes for granted, and how it goes on from the numbers so far."""
    a, b, c, *rest = row
    ratio = Fraction(b, a) if a else 0
    yield 2, lambda x: 2 * x[-1] - x[-2]
    yield 2, lambda x: x[-1] + x[-2]
    if ratio not in (0, 1):
        yield 2, lambda x: int(x[-1] * ratio) if x[-1] * ratio % 1 == 0 else None
    yield 3, lambda x: 3 * x[-1] - 3 * x[-2] + x[-3]
    yield 3, lambda x: x[-1] + (b - a if len(x) % 2 else c - b)
    yield 3, lambda x: x[-1] + x[-2] + c - a - b
    for f in quotient(c - b, b - a):
        yield 3, lambda x, f=f: f * x[-1] + b - f * a
    for g in quotient(c, b):
        yield 3, lambda x, g=g: x[-1] + b - a if len(x) % 2 else g * x[-1]
    for h in quotient(b, a):
        yield 3, lambda x, h=h: h * x[-1] if len(x) % 2 else x[-1] + c - b
    if rest:
        d = rest[0]
        yield 4, lambda x: x[-2] + (c - a if len(x) % 2 == 0 else d - b)
        yield 4, lambda x: 4 * x[-1] - 6 * x[-2] + 4 * x[-3] - x[-4]


def quotient(x: int, y: int) -> list[int]:
    """The quotient of two numbers where it is a whole one."""
    return [x // y] if y and x % y == 0 else []


def going_on(row: Sequence[int], count: int = 1) -> set[tuple[int, ...]]:
    """What the row's readings that are confirmed by at least one number make of the next `count`."""
    results = set()
    for taken, follow in recurrences(row):
        out = list(row[:taken])
        while len(out) < len(row) + count:
            following = follow(out)
            if following is None or (len(out) < len(row) and following != row[len(out)]):
                break
            out.append(following)
        if taken < len(row) and len(out) == len(row) + count:
            results.add(tuple(out[len(row):]))
    return results


def regular(row: Sequence[int]) -> bool:
    """Whether a reading that is confirmed by at least one number makes the row."""
    for taken, follow in recurrences(row):
        out = list(row[:taken])
        while taken < len(row) and len(out) < len(row) and follow(out) == row[len(out)]:
            out.append(row[len(out)])
        if taken < len(row) and len(out) == len(row):
            return True
    return False


ROW = r"(?P<row>\d+(?:, \d+)+)"
GAPPED = r"(?P<row>\d+(?:, (?:\d+|\?))+)"
NTH = rf"(?P<nth>{'|'.join(PLACES)})"
SEQUENCES = {
    "later": (rf"A sequence begins {ROW}\. What is its {NTH} term\?",
              rf"What is the {NTH} term of the sequence that begins {ROW}\?",
              rf"Which number comes next: {ROW}, \?",
              rf"Find the next number in the sequence {ROW}, \.\.\.",
              rf"What number continues the pattern {ROW}, \.\.\.\?"),
    "two": (rf"Which two numbers come next: {ROW}, \?, \?",
            rf"A sequence begins {ROW}\. What are its next two terms, in this order\?",
            rf"Which two numbers, in this order, continue the pattern {ROW}, \.\.\.\?"),
    "gap": (rf"Which number is missing: {GAPPED}\?", rf"Fill the gap in the sequence {GAPPED}\.",
            rf"Which number should replace the question mark in {GAPPED}\?"),
    "wrong": (rf"One number in the sequence {ROW} is wrong\. Which one is it\?",
              rf"The sequence {ROW} follows a rule, but one of its numbers is wrong\. Which number is it\?",
              rf"Somebody made one mistake when writing the sequence {ROW}\. Which number is wrong\?"),
}  # fmt: skip


def read_sequence(template: str, question: str, choices: Choices) -> set[str]:
    said = read(question, SEQUENCES[template])
    row = [None if x == "?" else int(x) for x in said["row"].split(", ")]
    if template == "wrong":
        return {letter for letter, text in choices.items() if can_be_wrong(row, ordinal(text, len(row)))}
    assert not {str(x) for x in row} & set(choices.values()), "an option stands in the question"
    if template == "gap":
        assert row.count(None) == 1
        gap = row.index(None)
        return {letter for letter, text in choices.items() if regular([*row[:gap], possible(text), *row[gap + 1:]])}
    if template == "two":
        assert all(len([possible(x) for x in text.split(", ")]) == 2 for text in choices.values())
        return letters(choices, {f"{x}, {y}" for x, y in going_on(row, 2)})
    assert all(map(possible, choices.values()))
    ahead = PLACES.index(said["nth"]) - len(row) + 1 if said.get("nth") else 1
    assert ahead >= 1
    results = {values[-1] for values in going_on(row, ahead)}
    assert len(results) == 1, (question, results)
    return letters(choices, {str(x) for x in results})


def possible(text: str) -> int:
    assert re.fullmatch(r"[1-9]\d*", text), text
    return int(text)


def ordinal(text: str, count: int) -> int:
    place = PLACES.index(text.removeprefix("the "))
    assert 0 <= place < count
    return place


def can_be_wrong(row: list[int], place: int) -> bool:
    """Whether another number in this place would make the row regular."""
    return any(regular([*row[:place], row[place] + by, *row[place + 1:]]) for by in range(-40, 41) if by)


# -- mixed series ----------------------------------------------------------------------------------------------------

BLOCK = r"(?:[A-Z]|\d+)+"
BLOCKS = rf"(?P<row>{BLOCK}(?:, (?:{BLOCK}|\?))+)"
SERIES = {
    "next": (rf"What comes next in the series {BLOCKS}, \?", rf"Which block continues the series {BLOCKS}, \.\.\.\?",
             rf"A series begins {BLOCKS}\. What is the next block\?",
             rf"Find the next block of the series {BLOCKS}, \.\.\."),
    "gap": (rf"Which block is missing in the series {BLOCKS}\?", rf"Fill the gap in the series {BLOCKS}\.",
            rf"What should replace the question mark in the series {BLOCKS}\?"),
    "wrong": (rf"Letters and numbers both go on by equal steps in the series {BLOCKS}, but one block is wrong\. "
              r"Which one\?",
              rf"In the series {BLOCKS}, letters and numbers both go on by equal steps, except for one wrong block\. "
              r"Which block is it\?"),
}  # fmt: skip


def parts(block: str) -> list[int | str]:
    return [int(x) if x.isdigit() else x for x in re.findall(r"[A-Z]|\d+", block)]


def letters_regular(row: Sequence[int]) -> bool:
    """Whether letters 0 to 25 can be read as one row: on the ring, or as the numbers 1 to 26."""
    def on_ring(*weights: int) -> bool:
        windows = [row[i:i + len(weights)] for i in range(len(row) - len(weights) + 1)]
        return bool(windows) and all(sum(w * x for w, x in zip(weights, one, strict=True)) % 26 == 0 for one in windows)

    return (on_ring(1, -2, 1) or on_ring(1, -3, 3, -1) or on_ring(1, -1, -1, 1) or on_ring(1, 0, -2, 0, 1)
            or regular([x + 1 for x in row]))


def one_part(row: list, place: int) -> set[str]:
    """What can stand at `place` (None in the row)."""
    if isinstance(row[1 if place == 0 else 0], str):
        numbers = [None if x is None else ascii_uppercase.index(x) for x in row]
        return {c for i, c in enumerate(ascii_uppercase)
                if letters_regular([*numbers[:place], i, *numbers[place + 1:]])}
    if place == len(row) - 1:
        return {str(x) for (x,) in going_on(row[:-1])}
    top = max(x for x in row if x) + 40
    return {str(x) for x in range(1, top) if regular([*row[:place], x, *row[place + 1:]])}


def read_series(template: str, question: str, choices: Choices) -> set[str]:
    ring = question.startswith(RING)
    said = read(question.removeprefix(RING).strip(), SERIES[template])
    blocks = said["row"].split(", ")
    if template == "wrong":
        wrong = equal_steps_but_one(blocks)
        assert len(wrong) == 1
        return {letter for letter, text in choices.items() if ordinal(text, len(blocks)) in wrong}
    place = blocks.index("?") if template == "gap" else len(blocks)
    assert not set(blocks) & set(choices.values())
    shapes = {tuple(map(type, parts(block))) for block in (*blocks, *choices.values()) if block != "?"}
    assert len(shapes) == 1, "every option is a block like the others"
    known = [None if block == "?" else parts(block) for block in blocks] + [None] * (template == "next")
    columns = [[block and block[i] for block in known] for i in range(len(next(iter(shapes))))]
    results = {"".join(x) for x in product(*(one_part(column, place) for column in columns))}
    assert len(results) == 1, (question, results)
    if not ring:
        whole = [*(parts(block) for block in blocks[:place]), parts(results.copy().pop()),
                 *(parts(block) for block in blocks[place + 1:])]
        for column in zip(*whole, strict=True):
            if isinstance(column[0], str):
                assert regular([ord(c) for c in column]), "the letters pass Z, and the question does not say how"
    return letters(choices, results)


def equal_steps_but_one(blocks: list[str]) -> set[int]:
    """The places where one other block gives equal steps in every part."""
    columns = list(zip(*map(parts, blocks), strict=True))
    wrong = set()
    for place in range(len(blocks)):
        fits = []
        for column in columns:
            is_letter = isinstance(column[0], str)
            row = [ord(x) - 65 if is_letter else x for x in column]
            values = range(26) if is_letter else range(row[place] - 40, row[place] + 41)
            steps = ([*row[:place], x, *row[place + 1:]] for x in values)
            fits.append(any(len({(b - a) % 26 if is_letter else b - a for a, b in pairwise(one)}) == 1
                            for one in steps))
        if all(fits):
            wrong.add(place)
    return wrong


# -- codes -----------------------------------------------------------------------------------------------------------

CODE, WORD = r"(?P<code>[A-Z]{3,})", r"(?P<word>[A-Z]{3,})"
EXAMPLE = r"(?P<plain>[A-Z]{3,})"
TOLD = r"the (?:letter|one) (?P<by>\d+) places? (?P<way>after|before) it in the alphabet\."
ANY = r"(?:the pair of letters (?P<pair>[A-Z]{2})|(?P<word>[A-Z]{3,}))"
UP, DOWN = "A = 1, B = 2, C = 3 and so on to Z = 26", "A = 26, B = 25, C = 24 and so on to Z = 1"
NUMBERED = rf"(?P<numbers>{UP}|{DOWN})"
SUM = r"(?:(?P<times>\d+) times |(?P<plus>\d+) more than )?the sum of its letters"
THING = r"the (?:pair of letters|word) (?P<word>[A-Z]{2,})"
CODES = {
    "stated": tuple(rf"{start} {TOLD}(?P<ring> {RING})? {end}" for start, end in product(
        (r"In a code, each letter is replaced by", r"A secret code replaces every letter by"),
        (rf"How is {ANY} written in this code\?", rf"What does {ANY} become\?"))),
    "encode": (rf"In a code, {EXAMPLE} is written {CODE}\. How is {WORD} written in it\?",
               rf"If {EXAMPLE} is coded as {CODE}, how is {WORD} coded\?",
               rf"{EXAMPLE} becomes {CODE} in a secret code\. What does {WORD} become\?"),
    "decode": (rf"In a code, {EXAMPLE} is written {CODE}\. Which word is written {WORD}\?",
               rf"If {EXAMPLE} becomes {CODE}, which word becomes {WORD}\?",
               rf"{EXAMPLE} is coded as {CODE}\. Which word has the code {WORD}\?"),
    "value": (rf"Let {NUMBERED}\. A (?:pair of letters|word) is worth {SUM}\. How much is {THING} worth\?",
              rf"With {NUMBERED}, the value of a (?:pair of letters|word) is {SUM}\. What is the value of {THING}\?"),
}  # fmt: skip


def moved(word: str, steps: Sequence[int]) -> str:
    return "".join(ascii_uppercase[(ord(c) - 65 + by) % 26] for c, by in zip(word, steps, strict=True))


def rules(plain: str, code: str) -> Iterator[Callable[[str], str]]:
    """Every reading of the example: equal, growing or two steps in turn, or A for Z, of the word or of it backwards."""
    for way in (1, -1):
        first, second = ((ord(c) - ord(p)) % 26 for c, p in zip(code[:2], plain[::way], strict=False))
        options = [lambda word, way=way: "".join(chr(155 - ord(c)) for c in word[::way])]
        for by in range(26):
            options.append(lambda word, way=way, by=by, first=first: moved(
                word[::way], [first + i * by for i in range(len(word))]))
        options.append(lambda word, way=way, first=first, second=second: moved(
            word[::way], [(first, second)[i % 2] for i in range(len(word))]))
        yield from (rule for rule in options if rule(plain) == code)


def read_code(template: str, question: str, choices: Choices) -> set[str]:
    plain_question = question if template == "stated" else question.removeprefix(RING).strip()
    said = read(plain_question, CODES[template])
    if template == "stated":
        word, by = said["pair"] or said["word"], int(said["by"]) * (1 if said["way"] == "after" else -1)
        assert said["ring"] or all(0 <= ord(c) - 65 + by < 26 for c in word), question
        assert all(re.fullmatch(rf"[A-Z]{{{len(word)}}}", text) for text in choices.values())
        return letters(choices, {moved(word, [by] * len(word))})
    if template == "value":
        worth = sum(27 - (ord(c) - 64) if said["numbers"] == DOWN else ord(c) - 64 for c in said["word"])
        assert all(map(possible, choices.values()))
        return letters(choices, {str(worth * int(said["times"] or 1) + int(said["plus"] or 0))})
    fit = list(rules(said["plain"], said["code"]))
    word = said["word"]
    assert fit
    assert all(re.fullmatch(rf"[A-Z]{{{len(word)}}}", text) for text in choices.values())
    if template == "encode":
        results = {rule(word) for rule in fit}
        assert len(results) == 1, (question, results)
        return letters(choices, results)
    return {letter for letter, text in choices.items() if any(rule(text) == word for rule in fit)}


READERS = {"sequences": read_sequence, "series": read_series, "coding": read_code}


@pytest.mark.parametrize("kind", READERS)
def test_the_text_alone_gives_the_key(kind: str) -> None:
    for seed in range(COUNT):
        puzzle = generate(kind, seed, 1 + seed % 10, short=seed % 3 == 0)
        assert READERS[kind](puzzle.template, puzzle.question, puzzle.choices) == {puzzle.answer}, puzzle


def test_the_readers_see_a_second_reading() -> None:
    """What the generators must not offer: rows and examples that two rules fit."""
    assert going_on([3, 6, 9]) == {(12,), (15,)}
    assert going_on([3, 6, 12, 24]) == {(48,), (30,)}
    assert going_on([1, 5, 9, 13]) == {(17,)}
    assert len(list(rules("CAT", "DBU"))) > 2
    with pytest.raises(AssertionError):
        read_sequence("later", "Which number comes next: 3, 6, 9, maybe?", dict(zip("ABCD", "1234", strict=True)))

"""The keys of the logic puzzles, found again from the English text by brute force, with nothing of the solvers."""

from __future__ import annotations

import os
import re
from itertools import product

import pytest

from stepladder.puzzles import generate
from stepladder.puzzles.words import MEN, WOMEN

COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))  # puzzles of each kind; more for a long run
NAMES = (*WOMEN, *MEN)
NUMBERS = {
    w: i for i, w in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight"])
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


def right_letters(choices: dict[str, str], results: list[str]) -> set[str]:
    """The letters of the options that some arrangement calls right."""
    return {letter for letter, text in choices.items() if text in results}


def read_truth(question: str, choices: dict[str, str]) -> set[str]:
    told = re.findall(r'(\w+)(?: says)?: "([^"]+)\."', question)
    return _read_culprit(question, choices, told) if question.startswith(("One of", "Exactly one of")) \
        else _read_islanders(question, choices, told)  # fmt: skip


def _read_culprit(question: str, choices: dict[str, str], told: list[tuple[str, str]]) -> set[str]:
    suspects = named(question.split(".")[0])
    wanted = re.search(r"(Neither|None|Exactly (\w+)) of the \w+ statements (?:is|are) true", question)
    count = NUMBERS[wanted.group(2)] if wanted.group(2) else 0
    guilty = []
    for culprit in suspects:
        true = 0
        for speaker, words in told:
            accused = [speaker] if words == "It was not me" else named(words)
            true += (culprit in accused) != ("not" in words)
        if true == count:
            guilty.append(culprit)
    assert len(guilty) == 1
    return right_letters(choices, guilty)


def _read_islanders(question: str, choices: dict[str, str], told: list[tuple[str, str]]) -> set[str]:
    people = [speaker for speaker, _ in told]
    results = []
    for kinds in product((True, False), repeat=len(people)):
        honest = dict(zip(people, kinds, strict=True))

        def true(speaker: str, words: str, honest: dict[str, bool] = honest) -> bool:
            about = named(words) + ([speaker] if re.search(r"\b(I|me)\b", words) else [])
            values = [honest[x] for x in about]
            if "same kind" in words:
                return len(set(values)) == 1
            if "different kinds" in words:
                return len(set(values)) == 2
            if words.startswith("At least one of"):
                return not all(values)
            if "both liars" in words:
                return not any(values)
            if words.startswith("Exactly"):
                return list(honest.values()).count(False) == NUMBERS[words.split()[1]]
            return values == ["truth" in words]

        if all(true(speaker, words) == honest[speaker] for speaker, words in told):
            results.append(honest)
    assert len(results) == 1
    honest = results[0]
    if question.endswith("How many of them are liars?"):
        return right_letters(choices, [str(list(honest.values()).count(False))])
    wanted = {x for x in people if honest[x] == ("truth-teller" in question.split(". ")[-1].split('" ')[-1])}

    def meant(text: str) -> set[str]:
        return (
            set(people)
            if text.startswith(("All", "Both"))
            else set()
            if text.startswith(("None", "Neither"))
            else set(named(text))
        )

    return {letter for letter, text in choices.items() if meant(text) == wanted}


def read_syllogism(question: str, choices: dict[str, str]) -> set[str]:
    if question.startswith("Of "):
        return _read_sets(question, choices)
    *told, _ = sentences(question)
    statements = [_statement(s.rstrip(".")) for s in told]
    options = {letter: _statement(text) for letter, text in choices.items()}
    groups = sorted({g for s in (*statements, *options.values()) for g in s[2:]})
    everyone = list(product((False, True), repeat=len(groups)))

    def has(member: tuple, group: str) -> bool:
        return member[groups.index(group)]

    def true_in(model: list[tuple], s: tuple) -> bool:
        some, positive, x, y = s
        found = [has(m, y) == positive for m in model if has(m, x)]
        return any(found) if some else all(found)

    allowed = [m for m in everyone if all(true_in([m], s) for s in statements if not s[0])]
    right = set()
    for letter, option in options.items():
        some, positive, x, y = option
        # The fullest model that denies the option: one that denies "some" leaves all its members out, one that denies
        # "all" or "no" needs a single member against it.
        against = [m for m in allowed if has(m, x) and has(m, y) != positive]
        model = (
            [m for m in allowed if not (has(m, x) and has(m, y) == positive)]
            if some
            else allowed
            if against
            else []
        )
        denied = bool(model) and all(true_in(model, s) for s in statements)
        if not denied:
            right.add(letter)
            continue
        # A wrong option has to be wrong even where no group may be empty.
        assert all(any(has(m, g) for m in model) for g in groups), (question, option)
    return right


def _statement(text: str) -> tuple[bool, bool, str, str]:
    """(existential?, affirmative?, subject, predicate)"""
    word, x, denied, y = re.fullmatch(r"(All|No|Some) (\w+) are (not )?(\w+)", text).groups()
    return word == "Some", word != "No" and not denied, x, y


def _read_sets(question: str, choices: dict[str, str]) -> set[str]:
    numbers = [int(x) for x in re.findall(r"\d+", question)]
    fitting = set()
    if "all three" in question:
        total, a, b, c, ab, ac, bc, abc = numbers
        only = (a - ab - ac + abc, b - ab - bc + abc, c - ac - bc + abc)
        cells = (*only, ab - abc, ac - abc, bc - abc, abc)
        assert min(cells) >= 0
        fitting.add(total - sum(cells))
    else:
        total, a, b, told = numbers
        for both in range(min(a, b) + 1):
            neither = total - (a - both) - (b - both) - both
            if neither < 0 or told != (neither if re.search(r"; \d+ \w+ neither", question) else both):
                continue
            ask = question.split(". ")[-1]
            fitting.add(
                neither
                if "neither" in ask
                else both
                if "both" in ask
                else a + b - 2 * both
                if "exactly one" in ask
                else a - both
            )
    assert len(fitting) == 1
    return right_letters(choices, [str(x) for x in fitting])


READERS = {
    "truth_tellers": read_truth,
    "syllogisms": read_syllogism,
}


@pytest.mark.parametrize("kind", READERS)
def test_the_text_alone_gives_the_key(kind: str) -> None:
    for seed in range(COUNT):
        puzzle = generate(kind, seed, 1 + seed % 10, short=seed % 3 == 0)
        assert READERS[kind](puzzle.question, puzzle.choices) == {puzzle.answer}, puzzle

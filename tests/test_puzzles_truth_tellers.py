"""Truth-tellers and culprits read from their English alone and solved by trying every world."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from itertools import product

import pytest

from stepladder.puzzles import generate
from stepladder.puzzles.words import MEN, WOMEN

COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))
NAMES = {*WOMEN, *MEN}
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
SAID = r'(\w+)(?: says)?: "([^"]+)\."'
DEED = (r"broke the vase|ate the last cake|hid the key|took the pen|left the gate open|spilled the paint|sent the card|"
        r"won the prize|rang the bell|lost the ticket")
Honest = dict[str, bool]


def listed(text: str) -> list[str]:
    """The names of "Mei, Omar and Zoe" (or, nor), each a known one and none twice."""
    names = re.split(r", | and | or | nor ", text)
    assert set(names) - {"I", "me"} <= NAMES, text
    assert len(set(names)) == len(names), text
    return names


def claim_of_kinds(speaker: str, words: str, people: list[str]) -> Callable[[Honest], bool]:
    def honest_of(text: str) -> Callable[[Honest], list[bool]]:
        names = [speaker if name in ("I", "me") else name for name in listed(text)]
        assert set(names) <= set(people), words
        assert speaker not in listed(text), "a speaker names himself or herself"
        return lambda honest: [honest[name] for name in names]

    single = re.fullmatch(r"(\w+) (?:is a (liar|truth-teller)|always (lies|tells the truth))", words)
    if single:
        lies = (single.group(2) or single.group(3)) in ("liar", "lies")
        of = honest_of(single.group(1))
        assert single.group(1) not in ("I", speaker)
        return lambda honest: of(honest)[0] != lies
    number = re.fullmatch(r"Exactly (?:(one) of us is a liar|(\w+) of us are liars)|"
                          r"The number of liars among us is (\w+)", words)
    if number:
        count = NUMBERS[next(filter(None, number.groups()))]
        return lambda honest: list(honest.values()).count(False) == count
    pair = re.fullmatch(r"(\w+ and \w+) are (of the same kind|of different kinds|both liars|both truth-tellers)", words)
    if pair:
        assert " me " not in words, words
        test = {"of the same kind": lambda a, b: a == b, "of different kinds": lambda a, b: a != b,
                "both liars": lambda a, b: not a and not b, "both truth-tellers": lambda a, b: a and b}[pair.group(2)]
        of_pair = honest_of(pair.group(1))
        return lambda honest: test(*of_pair(honest))
    some = re.fullmatch(r"At least one of (\w+ and (?!I )\w+) is a (liar|truth-teller)", words)
    assert some, words
    of_some, truth = honest_of(some.group(1)), some.group(2) == "truth-teller"
    return lambda honest: any(value == truth for value in of_some(honest))


SCENES = (
    r"On an island, truth-tellers always tell the truth and liars always lie\. You meet ([^.]+)\.",
    r"Each of ([^.]+?) is either a truth-teller, who always tells the truth, or a liar, who always lies\.",
    r"Truth-tellers always tell the truth, liars always lie\. You meet ([^.]+)\.",
    r"Liars always lie, truth-tellers never do\. Here are ([^.]+)\.",
)


def read_kinds(question: str, choices: dict[str, str]) -> set[str]:
    match = re.fullmatch(
        rf"(?:{'|'.join(SCENES)}) ((?:{SAID} )+)(?:(?:In fact,|You know that) (\w+) is a (liar|truth-teller)\. )?"
        r"(?:(Which|How many) of them (?:are|always) (liars|lie|truth-tellers|tell the truth)\?|"
        r"Name all the (liars|truth-tellers)\.|How many (liars|truth-tellers) are there among them\?)", question)
    assert match, question
    people = listed(next(filter(None, match.groups()[:4])))
    told = re.findall(SAID, match.group(5))
    assert [speaker for speaker, _ in told] == people, question
    known, known_kind, asks, *nouns = match.groups()[7:]
    tests = [(speaker, claim_of_kinds(speaker, words, people)) for speaker, words in told]
    worlds = []
    for kinds in product((True, False), repeat=len(people)):
        honest = dict(zip(people, kinds, strict=True))
        if (known is None or honest[known] == (known_kind == "truth-teller")) and \
                all(test(honest) == honest[speaker] for speaker, test in tests):
            worlds.append(honest)
    assert len(worlds) == 1, question
    noun = next(filter(None, nouns))
    asked = {person for person, honest in worlds[0].items() if honest == (noun in ("truth-tellers", "tell the truth"))}
    if asks == "How many" or nouns[2]:
        assert all(0 <= int(text) <= len(people) for text in choices.values())
        return {letter for letter, text in choices.items() if int(text) == len(asked)}
    groups = {letter: group(text, people) for letter, text in choices.items()}
    if known:
        assert all((known in one) == (known in asked) for one in groups.values()), "an option denies what is told"
    return {letter for letter, one in groups.items() if one == asked}


def group(text: str, people: list[str]) -> set[str]:
    if text in ("All of them", "None of them"):
        return set(people) if text == "All of them" else set()
    names = listed(text.removeprefix("Only "))
    assert text.startswith("Only ") == (len(names) == 1), text
    assert set(names) < set(people), text
    return set(names)


def accused(speaker: str, words: str, suspects: list[str]) -> set[str]:
    """Whom these words leave as the one who did it."""
    match = re.fullmatch(r"It was (?:(not) (\w+)|(neither) (\w+ nor \w+)|(?!not|neither)([\w, ]+))", words)
    assert match, words
    negated, one, neither, two, some = match.groups()
    names = [speaker if name == "me" else name for name in listed(one or two or some)]
    assert set(names) <= set(suspects), words
    assert negated or neither or speaker not in names, "somebody accuses himself or herself"
    return set(suspects) - set(names) if negated or neither else set(names)


def read_culprit(question: str, choices: dict[str, str]) -> set[str]:
    match = re.fullmatch(
        rf"(?:(?:One|Exactly one) of ([^.]+?) ({DEED})\.|([^.]+?) are asked who ({DEED})\. It was one of them alone\.) "
        rf"((?:{SAID} )+)([^\"]+\.) Who ({DEED})\?", question)
    assert match, question
    suspects = listed(match.group(1) or match.group(3))
    assert (match.group(2) or match.group(4)) == match.group(9)
    told = re.findall(SAID, match.group(5))
    speakers = [speaker for speaker, _ in told]
    assert len(set(speakers)) == len(speakers), question
    assert set(choices.values()) <= set(suspects), question
    left = {speaker: accused(speaker, words, suspects) for speaker, words in told}
    truthful = read_truths(match.group(8), speakers)
    guilty = {x for x in suspects if truthful({speaker: x in names for speaker, names in left.items()})}
    assert len(guilty) == 1, question
    return {letter for letter, text in choices.items() if text in guilty}


def read_truths(sentence: str, speakers: list[str]) -> Callable[[Honest], bool]:
    """What is said of how many statements, or which, are true."""
    if sentence in ("All these statements are true.", "Nobody lied."):
        return lambda true: all(true.values())
    count = re.fullmatch(r"All (\w+) statements are (true|false)\.|"
                         r"Exactly (\w+) of the (\w+) statements (is|are) true\.", sentence)
    if count:
        everybody, verdict, some, of, verb = count.groups()
        assert NUMBERS[everybody or of] == len(speakers)
        assert everybody or (verb == "is") == (some == "one")
        wanted = NUMBERS[some] if some else len(speakers) if verdict == "true" else 0
        return lambda true: sum(true.values()) == wanted
    lied = re.fullmatch(r"Only (\w+) lied\.|Only (\w+)'s statement is false\.|"
                        r"(.+) lied; all other statements are true\.", sentence)
    assert lied, sentence
    liars = set(listed(next(filter(None, lied.groups()))))
    assert liars < set(speakers), sentence
    return lambda true: {speaker for speaker, value in true.items() if not value} == liars


def read(question: str, choices: dict[str, str]) -> set[str]:
    return (read_culprit if question.startswith("Who", question.rindex(". ") + 2) or "one of them alone" in question
            else read_kinds)(question, choices)


def test_the_text_alone_gives_the_answer() -> None:
    for seed in range(COUNT):
        puzzle = generate("truth_tellers", seed, 1 + seed % 10, short=seed % 3 == 0)
        assert read(puzzle.question, puzzle.choices) == {puzzle.answer}, puzzle


def test_the_reader_takes_nothing_for_granted() -> None:
    """Two who each say that they are of the same kind leave more than one world; a sentence more is not passed over."""
    said = 'Mei: "Omar is a truth-teller." Omar: "Mei is a truth-teller." '
    scene = "Truth-tellers always tell the truth, liars always lie. You meet Mei and Omar. "
    for text in (scene + said, scene + said + "It rains. "):
        with pytest.raises(AssertionError):
            read_kinds(text + "Which of them are liars?", {"A": "Only Mei"})

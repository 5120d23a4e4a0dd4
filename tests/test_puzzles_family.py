"""Family puzzles read from their English: facts are merged into couples, relations read off the couples."""

from __future__ import annotations

import os
import re
from itertools import count

from stepladder.puzzles import generate

COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))
MALE = ["father", "son", "brother", "husband"]
FEMALE = ["mother", "daughter", "sister", "wife"]
STEP = {"father": "parent", "mother": "parent", "son": "child", "daughter": "child", "brother": "sibling",
        "sister": "sibling", "husband": "spouse", "wife": "spouse"}  # fmt: skip


class Family:
    """Everybody is born to one couple and belongs to one; facts say which couples are the same."""

    def __init__(self) -> None:
        self.same: dict[tuple, tuple] = {}
        self.people: list[str] = []
        self.female: dict[str, bool] = {}

    def couple(self, side: str, person: str) -> tuple:
        if person not in self.people:
            self.people.append(person)
        node = (side, person)
        while node in self.same:
            node = self.same[node]
        return node

    def merge(self, a: tuple, b: tuple) -> None:
        if a != b:
            self.same[a] = b

    def tell(self, x: str, word: str, y: str) -> None:
        """x is y's `word`."""
        for person, female in (
            (x, word in FEMALE),
            *(((y, word == "husband"),) if STEP[word] == "spouse" else ()),
        ):
            assert self.female.setdefault(person, female) == female, f"{person} is both a man and a woman"
        if STEP[word] == "parent":
            self.merge(self.couple("own", x), self.couple("born", y))
        elif STEP[word] == "child":
            self.merge(self.couple("born", x), self.couple("own", y))
        elif STEP[word] == "sibling":
            self.merge(self.couple("born", x), self.couple("born", y))
        else:
            self.merge(self.couple("own", x), self.couple("own", y))

    def by(self, people: set[str], step: str) -> set[str]:
        """All who are the `step` of one of these people."""
        sides = {
            "parent": ("own", "born"),
            "child": ("born", "own"),
            "sibling": ("born", "born"),
            "spouse": ("own", "own"),
        }
        mine, theirs = sides[step]
        return {
            x
            for x in self.people
            for y in people
            if x != y and self.couple(mine, x) == self.couple(theirs, y)
        }

    def ways(self, start: str, *steps: str) -> set[str]:
        found = {start}
        for step in steps:
            found = self.by(found, step)
        return found - {start}

    def relations(self, x: str, y: str) -> set[str]:
        """All words for what x is to y."""
        table = {
            ("father", "mother"): (("parent",),),
            ("son", "daughter"): (("child",),),
            ("brother", "sister"): (("sibling",),),
            ("husband", "wife"): (("spouse",),),
            ("grandfather", "grandmother"): (("parent", "parent"),),
            ("grandson", "granddaughter"): (("child", "child"),),
            ("uncle", "aunt"): (("parent", "sibling"), ("parent", "sibling", "spouse")),
            ("nephew", "niece"): (("sibling", "child"), ("spouse", "sibling", "child")),
            ("cousin", "cousin"): (("parent", "sibling", "child"),),
            ("great-grandfather", "great-grandmother"): (("parent",) * 3,),
            ("great-grandson", "great-granddaughter"): (("child",) * 3,),
            ("father-in-law", "mother-in-law"): (("spouse", "parent"),),
            ("son-in-law", "daughter-in-law"): (("child", "spouse"),),
            ("brother-in-law", "sister-in-law"): (("spouse", "sibling"), ("sibling", "spouse"),
                                                ("spouse", "sibling", "spouse")),
            ("great-uncle", "great-aunt"): (("parent", "parent", "sibling"),),
            ("great-nephew", "great-niece"): (("sibling", "child", "child"),),
        }  # fmt: skip
        words = {pair for pair, ways in table.items() if any(x in self.ways(y, *way) for way in ways)}
        # Where the text does not tell whether x is a woman, both words may be true.
        genders = [self.female[x]] if x in self.female else [False, True]
        return {pair[female] for pair in words for female in genders}


def read_photo(question: str, choices: dict[str, str]) -> set[str]:
    she, said = re.search(r'"(She|He) is ([^"]+)\."', question).groups()
    if said.startswith("the "):
        last, owner = re.fullmatch(r"the (\w+) of my (.+)", said).groups()
        chain = [*owner.split("'s "), last]
    else:
        chain = said.removeprefix("my ").split("'s ")
    family, here, numbers = Family(), "speaker", count()
    for word in chain:
        there = f"person {next(numbers)}"
        family.tell(there, word, here)
        here = there
    assert family.female[here] == (she == "She")
    shown, speaker = re.search(r"a (man|woman) .*? (?:related )?to (\w+)\?", question).groups()
    assert (shown == "woman") == (she == "She")
    assert speaker in question.split('"')[0]
    words = family.relations(here, "speaker")
    return {letter for letter, text in choices.items() if text in words}


def read_facts(question: str, choices: dict[str, str]) -> set[str]:
    family = Family()
    *facts, ask = re.split(r"(?<=[.?]) ", question)
    for fact in facts:
        of = re.fullmatch(r"(\w+) is the (\w+) of (\w+)\.", fact)
        owns = re.fullmatch(r"(\w+) is (\w+)'s (\w+)\.", fact)
        assert of or owns, fact
        x, word, y = of.groups() if of else owns.group(1, 3, 2)
        family.tell(x, word, y)
    who = re.fullmatch(r"Who is (\w+)'s ([\w-]+)\?", ask)
    if who:
        start, word = who.groups()
        return {letter for letter, x in choices.items() if x != start and word in family.relations(x, start)}
    x, y = re.fullmatch(r"(?:How|What) is (\w+) (?:related )?to (\w+)\?", ask).groups()
    words = family.relations(x, y)
    assert len(words) == 1, (question, words)
    return {letter for letter, text in choices.items() if text in words}


def test_the_text_alone_gives_the_key() -> None:
    for seed in range(COUNT):
        puzzle = generate("family", seed, 1 + seed % 10, short=seed % 3 == 0)
        read = read_photo if '"' in puzzle.question else read_facts
        assert read(puzzle.question, puzzle.choices) == {puzzle.answer}, puzzle


def test_every_person_keeps_one_gender_and_pronouns_agree() -> None:
    """Family.tell fails on a person of two genders; photos must show a woman as "she" and a man as "he"."""
    for seed in range(300):
        puzzle = generate("family", seed, 1 + seed % 4)
        assert ("a woman" in puzzle.question) <= ("She is" in puzzle.question)
        assert ("a man " in puzzle.question) <= ('"He is' in puzzle.question)

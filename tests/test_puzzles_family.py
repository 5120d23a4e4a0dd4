"""Family puzzles read from their English: facts are merged into couples, relations read off the couples."""

from __future__ import annotations

import os
import re
from itertools import count, pairwise

from stepladder.puzzles import generate
from stepladder.puzzles.words import MEN, WOMEN

NAMES = {*WOMEN, *MEN}
COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))
FEMALE = ["mother", "daughter", "sister", "wife"]
# A father's wife need not be the mother, a brother's father not one's own.
UNSURE = {("parent", "spouse"), ("parent", "child"), ("spouse", "child"), ("child", "sibling"), ("sibling", "parent"),
          ("sibling", "sibling")}
STEP = {"father": "parent", "mother": "parent", "son": "child", "daughter": "child", "brother": "sibling",
        "sister": "sibling", "husband": "spouse", "wife": "spouse"}  # fmt: skip


RELATIONS = {
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
MALE_WORDS, FEMALE_WORDS = map(set, zip(*RELATIONS, strict=True))


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
        words = {pair for pair, ways in RELATIONS.items() if any(x in self.ways(y, *way) for way in ways)}
        # Where the text does not tell whether x is a woman, both words may be true.
        genders = [self.female[x]] if x in self.female else [False, True]
        return {pair[female] for pair in words for female in genders}


def read_photo(question: str, choices: dict[str, str]) -> set[str]:
    match = re.fullmatch(
        r"(?:Pointing to a (?P<s1>man|woman) in a photo, (?P<n1>\w+) says|(?P<n2>\w+) shows a photo of a "
        r"(?P<s2>man|woman) and says|Meeting a (?P<s3>man|woman) at a wedding, (?P<n3>\w+) says): "
        r"\"(?P<she>She|He) is (?P<said>[^\"]+)\.\" (?P<note>There are no step or half relations\. )?"
        r"(?:How is the (?P<s4>\w+) related to (?P<n4>\w+)|What is the (?P<s5>\w+) to (?P<n5>\w+))\?", question)
    assert match, question
    groups = match.groupdict()
    shown = {groups[key] for key in groups if key[0] == "s" and key[1:].isdigit()} - {None}
    assert len(shown) == 1, question
    assert len({groups[key] for key in groups if key[0] == "n" and key[1:].isdigit()} - {None}) == 1, question
    female = shown == {"woman"}
    assert female == (groups["she"] == "She"), question
    chain = read_chain(groups["said"])
    steps = [STEP[word] for word in chain]
    assert bool(groups["note"]) == any(pair in UNSURE for pair in pairwise(steps)), question
    family, here, numbers = Family(), "speaker", count()
    for word in chain:
        there = f"person {next(numbers)}"
        family.tell(there, word, here)
        here = there
    assert family.female[here] == female
    assert all(text in (FEMALE_WORDS if female else MALE_WORDS) for text in choices.values()), choices
    words = family.relations(here, "speaker")
    assert len(words) == 1, (question, words)
    return {letter for letter, text in choices.items() if text in words}


def read_chain(said: str) -> list[str]:
    """The steps from the speaker: "the son of my mother's sister" is mother, sister, son."""
    front, owner = re.fullmatch(r"((?:the \w+ of )*)my (\w+(?:'s \w+)*)", said).groups()
    chain = [*owner.split("'s "), *re.findall(r"the (\w+) of ", front)[::-1]]
    assert set(chain) <= set(STEP), said
    return chain


def read_fact(fact: str) -> tuple[str, str, str]:
    """(x, word, y): x is y's word."""
    match = re.fullmatch(r"(?P<x>\w+) is (?P<article>the|a) (?P<word>\w+) of (?P<y>\w+)\.", fact) or re.fullmatch(
        r"(?P<x>\w+) is (?P<y>\w+)'s (?P<word>\w+)\.", fact) or re.fullmatch(
        r"(?P<y>\w+) has (?P<article>a) (?P<word>\w+), (?P<x>\w+)\.", fact)
    assert match, fact
    groups = match.groupdict()
    several = STEP[groups["word"]] in ("sibling", "child")
    assert groups.get("article") in (None, "a" if several else "the"), fact
    return groups["x"], groups["word"], groups["y"]


def read_facts(question: str, choices: dict[str, str]) -> set[str]:
    family = Family()
    *facts, ask = re.split(r"(?<=[a-z]\.) (?=[A-Z])", question)
    for fact in facts:
        if fact == "There are no step or half relations.":
            continue
        x, word, y = read_fact(fact)
        assert {x, y} <= NAMES, fact
        assert all((name in WOMEN) == female for name, female in family.female.items())
        family.tell(x, word, y)
    who = re.fullmatch(r"Who is (?:(\w+)'s ([\w-]+)|the ([\w-]+) of (\w+))\?", ask)
    if who:
        start, word = who.group(1) or who.group(4), who.group(2) or who.group(3)
        assert set(choices.values()) <= set(family.people) - {start}, question
        fitting = {x for x in family.people if x != start and word in family.relations(x, start)}
        assert len(fitting) == 1, question
        return {letter for letter, x in choices.items() if x in fitting}
    how = re.fullmatch(r"How is (\w+) related to (\w+)\?|What is (\w+) to (\w+)\?|(\w+) is (\w+)'s \.\.\.", ask)
    assert how, ask
    x, y = filter(None, how.groups())
    assert all(text in (FEMALE_WORDS if family.female[x] else MALE_WORDS) for text in choices.values()), choices
    words = family.relations(x, y)
    assert len(words) == 1, (question, words)
    return {letter for letter, text in choices.items() if text in words}


def read(question: str, choices: dict[str, str]) -> set[str]:
    return (read_photo if '"' in question else read_facts)(question, choices)


def test_the_text_alone_gives_the_answer() -> None:
    for seed in range(COUNT):
        puzzle = generate("family", seed, 1 + seed % 10, short=seed % 3 == 0)
        assert read(puzzle.question, puzzle.choices) == {puzzle.answer}, puzzle


def test_the_reader_knows_whose_aunt_is_whose() -> None:
    facts = "Mei is the mother of Omar. Zoe is Mei's sister. "
    assert read_facts(facts + "What is Zoe to Omar?", {"A": "niece", "B": "aunt"}) == {"B"}
    assert read_photo('Mei shows a photo of a man and says: "He is the son of the brother of my mother." '
                      "What is the man to Mei?", {"A": "uncle", "B": "cousin"}) == {"B"}

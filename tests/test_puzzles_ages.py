"""Age puzzles, solved again from the English text alone; a sentence that no pattern matches in full fails.

Every age of one person is tried, the others follow from the relations, and every sentence is checked as a fact about
all ages; nothing of the generator's code is used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

import pytest

from stepladder.puzzles import KINDS, generate

COUNT = int(os.environ.get("PUZZLE_CHECKS", "2000"))
OLDEST = 110
TIMES = {"twice": 2, "three times": 3, "four times": 4, "five times": 5, "six times": 6}
WORDS = {"three": 3, "four": 4, "five": 5}
RATIO = rf"({'|'.join(TIMES)}) as old as"
YEARS = r"(\d+) (years?)"
Ages = dict[str, int]
Fact = Callable[[Ages], bool]


def years(number: str, noun: str) -> int:
    assert noun == ("year" if number == "1" else "years")
    return int(number)


def sentences(question: str) -> list[str]:
    return re.split(r"(?<=\.) (?=[A-Z0-9])", question)


class Facts:
    """What the sentences say: facts about all ages, and of the relations how one age follows from another."""

    def __init__(self, told: list[str]) -> None:
        self.facts: list[Fact] = []
        self.links: list[tuple[str, str, int, int]] = []  # the age of x is factor times the age of y, and so much more
        self.people: dict[str, None] = {}
        self.total, self.earlier = 0, 0
        for sentence in told:
            readings = [read for read in (self.age, self.relation, self.sum, self.then) if read(sentence)]
            assert len(readings) == 1, sentence

    def meet(self, *names: str) -> None:
        self.people.update(dict.fromkeys(names))

    def age(self, sentence: str) -> bool:
        known = re.fullmatch(rf"(\w+) is {YEARS} old\.", sentence)
        if known:
            name, age = known.group(1), years(*known.group(2, 3))
            self.meet(name)
            self.facts.append(lambda ages: ages[name] == age)
        return bool(known)

    def relation(self, sentence: str) -> bool:
        ratio = re.fullmatch(rf"(\w+) is {RATIO} (\w+)\.", sentence)
        gap = re.fullmatch(rf"(\w+) is {YEARS} (older|younger) than (\w+)\.", sentence)
        if ratio:
            self.links.append((ratio.group(1), ratio.group(3), TIMES[ratio.group(2)], 0))
        elif gap:
            more = years(*gap.group(2, 3)) * (1 if gap.group(4) == "older" else -1)
            self.links.append((gap.group(1), gap.group(5), 1, more))
        else:
            return False
        self.meet(*self.links[-1][:2])
        return True

    def sum(self, sentence: str) -> bool:
        two = (re.fullmatch(r"The ages of (\w+) and (\w+) add up to (\d+)\.", sentence)
               or re.fullmatch(r"Together (\w+) and (\w+) are (\d+) years old\.", sentence))  # fmt: skip
        everybody = re.fullmatch(r"The ages of all (three|four|five) add up to (\d+)\.", sentence)
        if everybody:
            assert len(self.people) == WORDS[everybody.group(1)]
            names, total = list(self.people), int(everybody.group(2))
        elif two:
            (*names, last) = two.groups()
            self.meet(*names)
            total = int(last)
        else:
            return False
        self.total = total
        self.facts.append(lambda ages: sum(ages[name] for name in names) == total)
        return True

    def then(self, sentence: str) -> bool:
        ahead = re.fullmatch(rf"In {YEARS}, (\w+) will be {RATIO} (\w+) will be then\.", sentence)
        ago = re.fullmatch(rf"{YEARS} ago, (\w+) was {RATIO} (\w+) was then\.", sentence)
        if not ahead and not ago:
            return False
        number, noun, x, times, y = (ahead or ago).groups()
        shift, factor = years(number, noun) * (1 if ahead else -1), TIMES[times]
        self.earlier = max(0, -shift)
        self.meet(x, y)
        self.facts.append(lambda ages: ages[x] + shift == factor * (ages[y] + shift))
        return True

    def solutions(self) -> Iterator[Ages]:
        for start in range(1, OLDEST + 1):
            ages = self.follow(start)
            if ages and all(fact(ages) for fact in self.facts):
                yield ages

    def follow(self, start: int) -> Ages | None:
        """Everybody's age, from the first person's; None where a relation does not hold or somebody was not born."""
        ages, waiting = {next(iter(self.people)): start}, list(self.links)
        while waiting:
            ready = [link for link in waiting if link[0] in ages or link[1] in ages]
            assert ready, "somebody's age hangs in the air"
            for link in ready:
                x, y, factor, more = link
                if y not in ages:
                    ages[y], rest = divmod(ages[x] - more, factor)
                    if rest:
                        return None
                if ages.setdefault(x, factor * ages[y] + more) != factor * ages[y] + more:
                    return None
                waiting.remove(link)
        assert set(ages) == set(self.people)
        return ages if min(ages.values()) > self.earlier and max(ages.values()) <= OLDEST else None


def asked(ask: str) -> tuple[str, int]:
    """Whose age is asked for, and in how many years."""
    now = re.fullmatch(r"How old is (\w+)(?: now)?\?", ask)
    if now:
        return now.group(1), 0
    name, number, noun = re.fullmatch(rf"How old will (\w+) be in {YEARS}\?", ask).groups()
    return name, years(number, noun)


TEMPLATES = {template.name: template.levels for template in KINDS["ages"].templates}


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_text_alone_gives_the_answer(template: str) -> None:
    levels = TEMPLATES[template]
    for seed in range(COUNT // len(TEMPLATES)):
        puzzle = generate("ages", seed, levels[seed % len(levels)], seed % 3 == 0, template)
        *told, ask = sentences(puzzle.question)
        facts, (name, ahead) = Facts(told), asked(ask)
        answers = {ages[name] + ahead for ages in facts.solutions()}
        assert {letter for letter, text in puzzle.choices.items() if int(text) in answers} == {puzzle.answer}, puzzle
        assert answers == {int(puzzle.choices[puzzle.answer])}
        # Every option is an age that somebody of the puzzle could have.
        assert all(facts.earlier + ahead < int(text) < (facts.total or OLDEST + ahead)
                   for text in puzzle.choices.values()), puzzle  # fmt: skip


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_option_stands_out_by_what_it_is_divisible_by(template: str) -> None:
    levels = TEMPLATES[template]
    for seed in range(COUNT // 10):
        puzzle = generate("ages", seed, levels[seed % len(levels)], template=template)
        *told, ask = sentences(puzzle.question)
        name, ahead = asked(ask)
        for x, _, factor, more in Facts(told).links:
            if x == name and not more:
                assert len({(int(text) - ahead) % factor for text in puzzle.choices.values()}) == 1, puzzle


def test_no_age_of_later_puzzles_has_somebody_too_old_or_not_yet_born() -> None:
    levels = TEMPLATES["later"]
    for seed in range(COUNT // 5):
        puzzle = generate("ages", seed, levels[seed % len(levels)], template="later")
        *told, ask = sentences(puzzle.question)
        facts, (name, _) = Facts(told), asked(ask)
        (older, _, factor, _), = facts.links
        for text in puzzle.choices.values():
            young = int(text) // factor if name == older else int(text)
            assert facts.earlier < young <= OLDEST // factor, puzzle
        assert f"n {puzzle.choices[puzzle.answer]} years" not in told[-1], "the answer is told outright"

"""Truth-tellers and liars: who always lies, how many do, and who did it, judged from what everybody says.

A cast's kinds are a tuple of 0 and 1 (1: truth-teller). The four options are crossed: two people's kinds turned or
not. Then everybody is given something to say that fits these kinds, until nothing else fits. A statement is
(type, *people or number); people are numbered by the order in which they speak. A set of casts is a bit mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from random import Random

from .base import LETTERS, Kind, Template, Told, World, in_a_row
from .canonical import Fact, canonical
from .culprits import CULPRIT, WITNESSES
from .words import Person, capital, listing, number_word, people

Statement = tuple
Kinds = tuple[int, ...]
_SIZE = {1: 3, 2: 3, 3: 3, 4: 4, 5: 5, 6: 3, 7: 4, 8: 4, 9: 5, 10: 5}
# Steps of the argument by level. Level 1 tells one person's kind; up to level 5 each statement by itself forces a kind
# in turn, above that somebody's kind has to be supposed.
_STEPS = {1: (2, 2), 2: (3, 3), 3: (3, 3), 4: (4, 4), 5: (5, 5), 6: (6, 7), 7: (7, 8), 8: (8, 9), 9: (8, 10),
          10: (9, 11)}
_TRIES = 400
_OF_ONE, _OF_TWO = ("lies", "true"), ("same", "different", "both lie", "one lies", "both true", "one true")
_SCENES = (
    "On an island, truth-tellers always tell the truth and liars always lie. You meet {who}.",
    "Each of {who} is either a truth-teller, who always tells the truth, or a liar, who always lies.",
    "Truth-tellers always tell the truth, liars always lie. You meet {who}.",
    "Liars always lie, truth-tellers never do. Here are {who}.",
)


# -- what can be said ------------------------------------------------------------------------------------------------


def holds(statement: Statement, kinds: Kinds) -> bool:
    """Whether what is said is true of these kinds."""
    form, *args = statement
    if form == "liars":
        return kinds.count(0) == args[0]
    about = [kinds[i] for i in args]
    return {"lies": not about[0], "true": about[0], "same": len(set(about)) == 1, "different": len(set(about)) == 2,
            "both lie": not any(about), "one lies": not all(about), "both true": all(about),
            "one true": any(about)}[form]  # fmt: skip


@cache
def _casts(size: int) -> list[Kinds]:
    return list(product((0, 1), repeat=size))


@cache
def _truthful(person: int, size: int) -> int:
    """The casts in which this person is a truth-teller."""
    return sum(1 << i for i, kinds in enumerate(_casts(size)) if kinds[person])


@cache
def _agreeing(speaker: int, statement: Statement, size: int) -> int:
    """The casts in which the speaker can say this."""
    return sum(1 << i for i, kinds in enumerate(_casts(size)) if holds(statement, kinds) == bool(kinds[speaker]))


@cache
def _sayable(speaker: int, kinds: Kinds, counts: bool) -> dict[str, list[Statement]]:
    """What this speaker can say in this cast, by type; nobody speaks of the own kind alone."""
    size = len(kinds)
    pool = [(form, i) for form in _OF_ONE for i in range(size) if i != speaker]
    pool += [(form, *pair) for form in _OF_TWO for pair in combinations(range(size), 2)]
    if counts:
        pool += [("liars", number) for number in range(1, size)]
    fitting: dict[str, list[Statement]] = {}
    for statement in pool:
        if holds(statement, kinds) == bool(kinds[speaker]):
            fitting.setdefault(statement[0], []).append(statement)
    return fitting


def _statements(rng: Random, kinds: Kinds, counts: bool) -> list[Statement]:
    said = []
    for speaker in range(len(kinds)):
        sayable = _sayable(speaker, kinds, counts)
        said.append(rng.choice(sayable[rng.choice(list(sayable))]))
    return said


def _says(rng: Random, speaker: int, statement: Statement, who: Sequence[Person]) -> str:
    form, *args = statement
    name = who[speaker].name
    if form == "liars":
        said = rng.choice([f"Exactly {number_word(args[0])} of us {'is a liar' if args[0] == 1 else 'are liars'}",
                           f"The number of liars among us is {number_word(args[0])}"])
    elif form in _OF_ONE:
        one = who[args[0]].name
        said = rng.choice([f"{one} is a liar", f"{one} always lies"] if form == "lies" else
                          [f"{one} is a truth-teller", f"{one} always tells the truth"])
    else:
        others = [who[i].name for i in args if i != speaker]
        subject = listing([*others, "I"] if speaker in args else others)
        of = listing([*others, "me"] if speaker in args else others)
        said = {"same": f"{subject} are of the same kind", "different": f"{subject} are of different kinds",
                "both lie": f"{subject} are both liars", "one lies": f"At least one of {of} is a liar",
                "both true": f"{subject} are both truth-tellers", "one true": f"At least one of {of} is a truth-teller",
                }[form]  # fmt: skip
    return rng.choice([f'{name} says: "{said}."', f'{name}: "{said}."'])


# -- the argument ----------------------------------------------------------------------------------------------------


@dataclass
class _Argument:
    """What is known so far of a cast, and the sentences that led there."""

    statements: Sequence[Statement]
    who: Sequence[Person]
    known: dict[int, int]

    def __post_init__(self) -> None:
        self.size = len(self.who)
        self.steps: list[str] = []

    def kind(self, person: int, value: int) -> str:
        return f"{self.who[person].name} {'is truthful' if value else 'lies'}"

    def go_on(self) -> bool:
        """Conclude what single statements force, one after the other; whether they clash in the end."""
        while True:
            step = self._next()
            if step is None:
                return False
            speaker, person, value = step
            words = f"{self.who[speaker].name}'s words"
            if person is None:
                self.steps.append(f"{words} cannot fit.")
                return True
            self.known[person] = value
            self.steps.append(f"By {words}, {self.kind(person, value)}.")

    def _next(self) -> tuple[int, int | None, int] | None:
        """(speaker, person, kind) that the next statement forces; person None where nothing fits it."""
        open_casts = (1 << 2**self.size) - 1
        for person, value in self.known.items():
            open_casts &= _truthful(person, self.size) if value else ~_truthful(person, self.size)
        for speaker, statement in enumerate(self.statements):
            left = open_casts & _agreeing(speaker, statement, self.size)
            if not left:
                return speaker, None, 0
            for person in range(self.size):
                true = left & _truthful(person, self.size)
                if person not in self.known and true in (0, left):
                    return speaker, person, int(true != 0)
        return None


def _solve(statements: Sequence[Statement], who: Sequence[Person], kinds: Kinds, told: int | None) -> list[str] | None:
    """The shortest argument that supposes one person's kind at most, and so shows that nothing else fits; None where
    there is no such argument."""
    first = _Argument(statements, who, {} if told is None else {told: kinds[told]})
    first.go_on()
    if len(first.known) == len(kinds):
        return first.steps
    best = None
    for person in (i for i in range(len(kinds)) if told is None and i not in first.known):
        wrong = _Argument(statements, who, {**first.known, person: 1 - kinds[person]})
        right = _Argument(statements, who, {**first.known, person: kinds[person]})
        if not wrong.go_on():
            continue
        right.go_on()
        steps = [*first.steps, f"Suppose {wrong.kind(person, 1 - kinds[person])}.", *wrong.steps,
                 f"So {right.kind(person, kinds[person])}.", *right.steps]
        if len(right.known) == len(kinds) and (best is None or len(steps) < len(best)):
            best = steps
    return best


def _told(rng: Random, level: int, who: Sequence[Person], kinds: Kinds, told: int | None
          ) -> tuple[str, list[str], list[Fact]] | None:
    """Scene and statements in words, the argument, and the structure's facts."""
    for _ in range(_TRIES):
        statements = _statements(rng, kinds, level >= 3)
        steps = _solve(statements, who, kinds, told)
        low, high = (bound + len(kinds) - _SIZE[level] for bound in _STEPS[level])
        if steps is None or not low <= len(steps) <= high:
            continue
        text = [rng.choice(_SCENES).format(who=listing([person.name for person in who]))]
        text += [_says(rng, i, statement, who) for i, statement in enumerate(statements)]
        facts: list[Fact] = [(" ".join(map(str, s[:1] if s[0] != "liars" else s)),
                              ((i,), tuple(s[1:]) if s[0] != "liars" else ())) for i, s in enumerate(statements)]
        if told is not None:
            noun = ("liar", "truth-teller")[kinds[told]]
            text.append(f"{rng.choice(('In fact,', 'You know that'))} {who[told].name} is a {noun}.")
            facts.append((noun, ((told,),)))
        return " ".join(text), steps, facts
    return None


# -- which of them ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cast:
    """The people in the order in which they speak, their kinds, and whose kind is told."""

    who: tuple[Person, ...]
    kinds: Kinds
    told: int | None
    asked: int

    def group(self) -> str:
        """The names of the asked kind."""
        chosen = [p.name for p, kind in zip(self.who, self.kinds, strict=True) if kind == self.asked]
        if len(chosen) in (0, len(self.who)):
            return "All of them" if chosen else "None of them"
        return f"Only {chosen[0]}" if len(chosen) == 1 else listing(chosen)


def _draw_which(rng: Random, level: int) -> list[World]:
    size = _SIZE[level]
    kinds, who, asked = rng.choice(_casts(size)), tuple(people(rng, size)), rng.randrange(2)
    told = rng.randrange(size) if level == 1 else None
    turned = rng.sample([i for i in range(size) if i != told], 2)
    worlds = []
    for turns in product((0, 1), repeat=2):
        change = dict(zip(turned, turns, strict=True))
        cast = _Cast(who, tuple(kind ^ change.get(i, 0) for i, kind in enumerate(kinds)), told, asked)
        worlds.append(World(cast.group(), cast))
    return worlds


def _tell_which(rng: Random, level: int, world: World) -> Told | None:
    cast: _Cast = world.facts
    told = _told(rng, level, cast.who, cast.kinds, cast.told)
    if told is None:
        return None
    text, steps, facts = told
    nouns = ("liars", "truth-tellers")[cast.asked]
    answer = cast.group().removeprefix("Only ")
    steps[-1] = f"{steps[-1][:-1]}; {nouns}: {answer[0].lower() + answer[1:] if ' of ' in answer else answer}."
    ask = rng.choice((f"Which of them are {nouns}?", f"Which of them always {('lie', 'tell the truth')[cast.asked]}?",
                      f"Name all the {nouns}."))
    return Told(f"{text} {ask}", steps, (nouns, canonical(len(cast.who), facts)))


# -- how many of them ------------------------------------------------------------------------------------------------


def _draw_count(rng: Random, level: int) -> list[World]:
    """Facts: the number of people, the kind asked for, and how many are of it."""
    size, asked = max(len(LETTERS), _SIZE[level]), rng.randrange(2)
    first = rng.randint(0, size + 1 - len(LETTERS))
    return [World(str(count), (size, asked, count)) for count in in_a_row(first, 1)]


def _tell_count(rng: Random, level: int, world: World) -> Told | None:
    size, asked, count = world.facts
    who = people(rng, size)
    chosen = rng.sample(range(size), count)
    kinds = tuple(asked if i in chosen else 1 - asked for i in range(size))
    told = _told(rng, level, who, kinds, None)
    if told is None:
        return None
    text, steps, facts = told
    nouns = ("liars", "truth-tellers")[asked]
    of_kind = [person.name for person, kind in zip(who, kinds, strict=True) if kind == asked]
    steps.append(f"{capital(nouns)}: {listing(of_kind) if of_kind else 'none'}, so {count}.")
    ask = rng.choice((f"How many of them are {nouns}?", f"How many {nouns} are there among them?"))
    return Told(f"{text} {ask}", steps, (nouns, canonical(size, facts)))


KIND = Kind(
    "truth_tellers",
    "Truth-tellers and liars",
    ("Truth-teller and liar problems", "How many liars", "Who did it"),
    "Puzzles",
    (
        Template("which", _draw_which, _tell_which),
        Template("count", _draw_count, _tell_count, range(3, 11)),
        WITNESSES,
        CULPRIT,
    ),
    short_level=4,
)

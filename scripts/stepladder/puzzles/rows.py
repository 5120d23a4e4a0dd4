"""Puzzles about people in a row or a ranking: one engine, told in the words of a vocabulary.

Clues place everybody; the question asks who is at a place, beside somebody, in which place, how many between, how many
before, or the whole order. Where the options are people, each of the cast could as well be the one; where they are
numbers, they are neighbours, and who is asked about is chosen to fit the number that was picked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from .arrange import Clue, choose_clues, space, tell
from .base import Template, Told, World, in_a_row
from .words import capital, names

SIZE = {1: 4, 2: 4, 3: 5, 4: 5, 5: 5, 6: 6, 7: 6, 8: 6, 9: 7, 10: 7}
# How many clues a puzzle has: together with the size this is what a level means.
CLUES = {1: (2, 3), 2: (3, 4), 3: (3, 4), 4: (4,), 5: (4, 5), 6: (4, 5), 7: (5,), 8: (5, 6), 9: (5, 6), 10: (6, 7)}


@dataclass(frozen=True)
class Vocabulary:
    """The words of one scene. People come as a list by their true place, from the left or from the top."""

    scene: Callable[[Random, list[str]], str]
    clue: Callable[[Random, Clue, list[str]], str]
    short: Callable[[Clue, list[str]], str]
    place: str  # "seat", "place"
    whole: str  # "Row", "Order"
    ask: Callable[..., str]  # (rng, form, people, *what): the question in full


Choose = Callable[[Random], Vocabulary]
Weights = Callable[[int], dict[str, float]]


@dataclass(frozen=True)
class Rows:
    """Templates of a kind: its vocabularies, and how often each type of clue is drawn at a level."""

    vocabulary: Choose
    weights: Weights

    def template(self, form: str, levels: range) -> Template:
        """The template of one form of question: place, beside, order, number, between, more or less."""
        draw, tell_world = getattr(self, f"_draw_{form}"), getattr(self, f"_tell_{form}")
        return Template(form, draw, tell_world, levels)

    # -- options that are people --------------------------------------------------------------------------------------

    @staticmethod
    def _draw_place(rng: Random, level: int) -> list[World]:
        cast = names(rng, SIZE[level])
        return [World(person, (cast, person)) for person in rng.sample(cast, 4)]

    def _tell_place(self, rng: Random, level: int, world: World) -> Told | None:
        cast, person = world.facts
        place = rng.randrange(len(cast))
        people = _seated(rng, cast, {place: person})
        return self._puzzle(rng, level, people, ("place", place), f"{{place}} {place + 1}: {person}.")

    @staticmethod
    def _draw_beside(rng: Random, level: int) -> list[World]:
        known, *others = names(rng, SIZE[level])
        return [World(person, (known, others, person)) for person in rng.sample(others, 4)]

    def _tell_beside(self, rng: Random, level: int, world: World) -> Told | None:
        known, others, person = world.facts
        step, n = rng.choice((1, -1)), len(others) + 1
        place = rng.randrange(max(0, -step), n - max(0, step))
        people = _seated(rng, [known, *others], {place: known, place + step: person})
        return self._puzzle(rng, level, people, ("beside", place, step), f"{{place}} {place + step + 1}: {person}.")

    @staticmethod
    def _draw_order(rng: Random, level: int) -> list[World]:
        cast = names(rng, SIZE[level])
        orders: dict[str, list[str]] = {}
        while len(orders) < 4:
            order = rng.sample(cast, len(cast))
            orders[", ".join(order)] = order
        return [World(text, order) for text, order in orders.items()]

    def _tell_order(self, rng: Random, level: int, world: World) -> Told | None:
        return self._puzzle(rng, level, world.facts, ("order",), None)

    # -- options that are numbers -------------------------------------------------------------------------------------

    @staticmethod
    def _draw_number(rng: Random, level: int) -> list[World]:
        return _window(rng, 1, SIZE[level])

    def _tell_number(self, rng: Random, level: int, world: World) -> Told | None:
        people, place = names(rng, SIZE[level]), world.facts - 1
        return self._puzzle(rng, level, people, ("number", place), f"{people[place]}: {{place}} {world.option}.")

    @staticmethod
    def _draw_between(rng: Random, level: int) -> list[World]:
        return _window(rng, 0, SIZE[level] - 2)

    def _tell_between(self, rng: Random, level: int, world: World) -> Told | None:
        n, count = SIZE[level], world.facts
        i = rng.randrange(n - 1 - count)
        j = i + count + 1
        return self._puzzle(rng, level, names(rng, n), ("between", i, j),
                            f"{{place}}s {i + 1} and {j + 1}: {j + 1} - {i + 1} - 1 = {count}.")  # fmt: skip

    @staticmethod
    def _draw_more(rng: Random, level: int) -> list[World]:
        return _window(rng, 0, SIZE[level] - 1)

    _draw_less = _draw_more

    def _tell_more(self, rng: Random, level: int, world: World) -> Told | None:
        place = world.facts
        people = names(rng, SIZE[level])
        last = f"{people[place]}: {{place}} {place + 1} of {len(people)}, so {place} before."
        return self._puzzle(rng, level, people, ("more", place), last)

    def _tell_less(self, rng: Random, level: int, world: World) -> Told | None:
        people, count = names(rng, SIZE[level]), world.facts
        place = len(people) - 1 - count
        last = f"{people[place]}: {{place}} {place + 1} of {len(people)}, so {count} behind."
        return self._puzzle(rng, level, people, ("less", place), last)

    # -- the puzzle ---------------------------------------------------------------------------------------------------

    def _puzzle(self, rng: Random, level: int, people: list[str], asked: tuple[Any, ...], last: str | None
                ) -> Told | None:
        """Clues that place these people and do not say what is asked; None where this try found none."""
        n, words = len(people), self.vocabulary(rng)
        clues = choose_clues(rng, n, self.weights(level))
        if clues is None or len(clues) not in CLUES[level] or told_outright(clues, asked):
            return None
        told = rng.sample(clues, len(clues))
        question = " ".join([words.scene(rng, rng.sample(people, n)), *(words.clue(rng, clue, people) for clue in told),
                             words.ask(rng, asked[0], people, *asked[1:])])  # fmt: skip
        steps = tell(space(n), told, lambda clue: words.short(clue, people),
                     lambda i: f"{words.place} {i + 1} {people[i]}")  # fmt: skip
        steps.append(f"{words.whole}: {', '.join(people)}.")
        if last is not None:
            steps.append(capital(last.format(place=words.place)))
        return Told(question, steps, (n, *sorted(clues), ("?", *asked)))


def _seated(rng: Random, cast: list[str], fixed: dict[int, str]) -> list[str]:
    """The cast in any order, but for those who have a place."""
    rest = iter(rng.sample([person for person in cast if person not in fixed.values()], len(cast) - len(fixed)))
    return [fixed[place] if place in fixed else next(rest) for place in range(len(cast))]


def _window(rng: Random, low: int, high: int) -> list[World]:
    """Four neighbouring numbers of low..high."""
    return [World(str(number), number) for number in in_a_row(rng.randint(low, high - 3), 1)]


def told_outright(clues: list[Clue], asked: tuple[Any, ...]) -> bool:
    """Whether a clue says by itself what is asked."""
    form, *at = asked
    if form == "between":
        return any(clue[0] in ("gap", "right", "next") and sorted(clue[1:3]) == at for clue in clues)
    if form == "beside":
        place, step = at
        return ("right", max(place, place + step), min(place, place + step)) in clues
    return form != "order" and ("at", at[0], at[0]) in clues

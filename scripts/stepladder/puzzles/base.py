"""What a puzzle is, and how its four options are drawn so that only solving tells which one is right.

First the four options, then which of them is the answer, then a puzzle that has this answer. A template's `draw`
makes four worlds, each of which could as well be the true one; one is picked evenly, and `tell` makes the puzzle of
that world. So the options alone say nothing: whatever is seen in them was there before the answer was picked. The
worlds differ by what typical mistakes confuse (a sign turned, a side mirrored, a step too many); all are possible.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

LETTERS = "ABCD"
LEVELS = range(1, 11)

# The tournament's filter: tokens of question + choices + answer, less 15, below 130. The estimate counts from above
# (docs/puzzles.md has it against a real tokenizer), and the limit leaves the 15 as a margin.
SHORT_TOKENS = 124
_PIECES = re.compile(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]")
_TEMPLATES, _DRAWS, _SHORT_DRAWS, _TELLS = 4, 200, 4, 40  # tries before something else is tried


@dataclass(frozen=True)
class World:
    """A state of affairs that could be asked about: the option it makes right, and the facts that `tell` needs."""

    option: str
    facts: Any = None


@dataclass(frozen=True)
class Told:
    """A world's puzzle: the question, its solution one elementary step an item, and its structure.

    `structure` is what makes two puzzles the same whatever their names and wording: everything in the question that the
    answer depends on, and nothing of the options.
    """

    question: str
    steps: Sequence[str]
    structure: tuple


@dataclass(frozen=True)
class Template:
    """One form of question of a kind.

    draw(rng, level): four worlds with four different options, None where this draw led nowhere.
    tell(rng, level, world): the puzzle of one of them, None where this try led nowhere (it is tried again). How often
    it succeeds must not depend on which of the four was picked. levels: those at which the template is offered.
    """

    name: str
    draw: Callable[[Random, int], Sequence[World] | None]
    tell: Callable[[Random, int, Any], Told | None]
    levels: Sequence[int] = LEVELS


@dataclass(frozen=True)
class Kind:
    """A family of puzzles. `short_level` is the hardest level that usually fits the tournament's tokens."""

    name: str
    topic: str
    subtopics: tuple[str, ...]
    domain: str
    templates: tuple[Template, ...]
    short_level: int = 4

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """The levels at which there are at least a thousand structures, ascending."""
        return tuple(level for level in LEVELS if self.templates_at(level))

    def templates_at(self, level: int) -> list[Template]:
        return [template for template in self.templates if level in template.levels]

    def generate(self, seed: int, level: int, short: bool = False, template: str | None = None) -> Puzzle:
        """The puzzle of this seed and level; `short` lowers the level as far as the token limit asks for.

        Raises ValueError for a level or a template that the kind does not offer.
        """
        if level not in self.levels:
            raise ValueError(f"level of {self.name} must be one of {', '.join(map(str, self.levels))}, not {level!r}")
        if template is not None and template not in [one.name for one in self.templates_at(level)]:
            raise ValueError(f"{self.name} has no template {template!r} at level {level}")
        rng = Random(f"{self.name}/{seed}/{level}/{short}")
        puzzle_id = f"puzzle/{self.name}/{level}{'s' if short else ''}/{seed}"
        for actual in [one for one in reversed(self.levels) if one <= level]:
            if short and actual > max(self.short_level, self.levels[0]):
                continue
            offered = [one for one in self.templates_at(actual) if template in (None, one.name)]
            for _ in range(_TEMPLATES if offered else 0):
                chosen = rng.choice(offered)  # before any draw: what is hard to draw must not become rare
                for _ in range(_SHORT_DRAWS if short and actual > self.levels[0] else _DRAWS):
                    puzzle = _make(self, chosen, rng, puzzle_id, actual, short)
                    if puzzle:
                        return puzzle
            if not short:
                break
        raise RuntimeError(f"puzzle kind {self.name} found nothing for seed {seed}, level {level}, short {short}")

    def nearest_level(self, level: int) -> int:
        """The hardest level offered that is not above `level`, else the easiest."""
        return max((one for one in self.levels if one <= level), default=self.levels[0])


@dataclass(frozen=True)
class Puzzle:
    """A finished puzzle: four different options, exactly one right, and a reasoning that ends with the answer's letter.

    steps: how many elementary steps its solution takes.
    """

    id: str
    kind: str
    template: str
    level: int
    question: str
    choices: dict[str, str]
    answer: str
    reasoning: str
    steps: int
    structure: tuple

    @property
    def token_estimate(self) -> int:
        """Tokens of question, choices ("A) ...") and answer together, estimated from above."""
        return sum(map(estimate_tokens, (self.question, *self.choices.values()))) + 3 * len(LETTERS) + 1

    @property
    def reasoning_words(self) -> int:
        return len(self.reasoning.split())


def estimate_tokens(text: str) -> int:
    """An upper estimate: one for each mark, digit (and the space before a number) and capital in a row, for every
    six letters of a word, and for every three of a name."""
    total = 0
    for piece in _PIECES.findall(text):
        if piece.isdigit():
            total += len(piece) + 1
        elif piece.isupper():
            total += len(piece)
        else:
            total += -(-len(piece) // (3 if piece[0].isupper() else 6))
    return total


def _make(kind: Kind, template: Template, rng: Random, puzzle_id: str, level: int, short: bool) -> Puzzle | None:
    """A puzzle of one draw; None where the draw gave none, or none that is short enough."""
    worlds = template.draw(rng, level)
    if worlds is None or len({world.option for world in worlds}) != len(LETTERS):
        return None
    worlds = rng.sample(worlds, len(LETTERS))
    true = rng.randrange(len(LETTERS))
    for _ in range(_TELLS):
        told = template.tell(rng, level, worlds[true])
        if told is None:
            continue
        puzzle = _finish(kind, template, puzzle_id, level, told, [world.option for world in worlds], true)
        if not short or puzzle.token_estimate <= SHORT_TOKENS:
            return puzzle
    return None


def _finish(kind: Kind, template: Template, puzzle_id: str, level: int, told: Told, options: Sequence[str], true: int
            ) -> Puzzle:
    checks = [f"{letter}. {text}{':' if len(text.split()) > 3 else ''} {'yes' if i == true else 'no'}"
              for i, (letter, text) in enumerate(zip(LETTERS, options, strict=True))]
    reasoning = "\n".join([" ".join(told.steps), *checks, f"Answer: {LETTERS[true]}"])
    return Puzzle(
        puzzle_id, kind.name, template.name, level, told.question, dict(zip(LETTERS, options, strict=True)),
        LETTERS[true], reasoning, len(told.steps), (kind.name, template.name, *told.structure))


def in_a_row(first: int, step: int, count: int = len(LETTERS)) -> list[int]:
    """Equally spaced numbers, none of which stands out: first, first + step, ..."""
    return [first + i * step for i in range(count)]


def patient(draw: Callable[[Random, int], Sequence[World] | None], tries: int = 100
            ) -> Callable[[Random, int], Sequence[World] | None]:
    """A draw that is repeated until it leads somewhere: for templates whose draws often lead nowhere."""

    def drawn(rng: Random, level: int) -> Sequence[World] | None:
        for _ in range(tries):
            worlds = draw(rng, level)
            if worlds and len({world.option for world in worlds}) == len(LETTERS):
                return worlds
        return None

    return drawn

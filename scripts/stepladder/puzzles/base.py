"""What a puzzle is, and how a kind's draft becomes four options, a key and a reasoning that checks each option."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

LETTERS = "ABCD"
LEVELS = range(1, 11)

# The tournament's filter: tokens of question + choices + answer, less 15, below 130. The estimate counts from above
# (docs/puzzles.md has it against a real tokenizer), and the limit leaves the 15 as a margin.
SHORT_TOKENS = 124
_PIECES = re.compile(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]")


@dataclass(frozen=True)
class Draft:
    """What a kind makes: a question, its key, the results of typical mistakes (likeliest first), the solution's steps.

    `mistakes` may repeat the key or itself; the first three that differ become the wrong options.
    `structure` is what makes two puzzles the same whatever their names and wording.
    """

    question: str
    key: str
    mistakes: Sequence[str]
    steps: str
    structure: tuple


@dataclass(frozen=True)
class Kind:
    """A family of puzzles. `make(rng, level)` returns a Draft, or None where this draw led nowhere (it is drawn again).

    `short_level` is the hardest level that usually fits the tournament's tokens.
    """

    name: str
    topic: str
    subtopics: tuple[str, ...]
    domain: str
    make: Callable[[Random, int], Draft | None]
    short_level: int = 4

    def generate(self, seed: int, level: int, short: bool = False) -> Puzzle:
        """The puzzle of this seed and level; `short` lowers the level as far as the token limit asks for."""
        if level not in LEVELS:
            raise ValueError(f"level must be 1 to 10, not {level!r}")
        rng = Random(f"{self.name}/{seed}/{level}/{short}")
        actual = min(level, self.short_level) if short else level
        for attempt in range(1, 401):
            draft = self.make(rng, actual)
            puzzle = draft and _finish(
                self, draft, rng, f"puzzle/{self.name}/{level}{'s' if short else ''}/{seed}", actual
            )
            if puzzle and (not short or puzzle.token_estimate <= SHORT_TOKENS):
                return puzzle
            if short and attempt % 8 == 0:
                actual = max(1, actual - 1)
        raise RuntimeError(
            f"puzzle kind {self.name} found nothing for seed {seed}, level {level}, short {short}"
        )


@dataclass(frozen=True)
class Puzzle:
    """A finished puzzle: four different options, exactly one right, and a reasoning that ends with the key's letter."""

    id: str
    kind: str
    level: int
    question: str
    choices: dict[str, str]
    answer: str
    reasoning: str
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


def distinct(key: str, mistakes: Iterable[str], wanted: int = 3) -> list[str] | None:
    """The first `wanted` mistakes that differ from the key and from one another; None where there are too few."""
    found: list[str] = []
    for text in mistakes:
        if text != key and text not in found:
            found.append(text)
            if len(found) == wanted:
                return found
    return None


def _finish(kind: Kind, draft: Draft, rng: Random, puzzle_id: str, level: int) -> Puzzle | None:
    wrong = distinct(draft.key, draft.mistakes)
    if wrong is None:
        return None
    rng.shuffle(wrong)
    place = rng.randrange(4)
    texts = [*wrong[:place], draft.key, *wrong[place:]]
    checks = [
        f"{letter}. {text}{':' if len(text.split()) > 4 else ''} {'yes' if i == place else 'no'}"
        for i, (letter, text) in enumerate(zip(LETTERS, texts, strict=True))
    ]
    reasoning = "\n".join([draft.steps, *checks, f"Answer: {LETTERS[place]}"])
    return Puzzle(
        puzzle_id,
        kind.name,
        level,
        draft.question,
        dict(zip(LETTERS, texts, strict=True)),
        LETTERS[place],
        reasoning,
        (kind.name, *draft.structure),
    )


def near(rng: Random, value: int, low: int = 0, spread: int = 6) -> list[str]:
    """Numbers close to `value`, in random order and not below `low`: they fill up where mistakes coincide."""
    numbers = [n for n in range(value - spread, value + spread + 1) if n != value and n >= low]
    rng.shuffle(numbers)
    return [str(n) for n in numbers]

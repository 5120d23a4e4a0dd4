"""The kinds there are, one puzzle of a kind, a stream of different ones, and the project's record of a puzzle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from random import Random
from typing import Any

from . import (
    ages,
    arithmetic,
    calendars,
    circular_seating,
    clocks,
    coding,
    directions,
    family,
    linear_seating,
    orderings,
    sequences,
    series,
    syllogisms,
    truth_tellers,
)
from .base import Kind, Puzzle

KINDS: dict[str, Kind] = {
    module.KIND.name: module.KIND
    for module in (
        linear_seating,
        circular_seating,
        family,
        truth_tellers,
        orderings,
        calendars,
        clocks,
        arithmetic,
        sequences,
        series,
        directions,
        ages,
        syllogisms,
        coding,
    )
}
_TRIES = 400  # draws in a row that may repeat known structures before a kind counts as used up


def generate(kind: str, seed: int, level: int, short: bool = False, template: str | None = None) -> Puzzle:
    """The puzzle of this kind, seed and level (1 easy to 10 hard): always the same one.

    `short` keeps question, choices and answer within the tournament's tokens, on a lower level where need be;
    `template` asks for one form of question. Raises ValueError for an unknown kind, and for a level or template that
    it does not offer.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown puzzle kind {kind!r}; there are {', '.join(KINDS)}")
    return KINDS[kind].generate(seed, level, short, template)


def stream(
    count: int,
    seed: int,
    kinds: Sequence[str] | None = None,
    levels: tuple[int, int] = (1, 10),
    short_share: float = 0.3,
) -> Iterator[Puzzle]:
    """`count` puzzles, kinds and levels mixed evenly, no two with the same structure.

    `levels` is the lowest and the highest level; `kinds` leaves the others out (they can be held out for a test).
    A kind that offers none of these levels is left out, and one whose structures at them are used up drops out of the
    mix. Raises RuntimeError where none is left.
    """
    rng = Random(f"stream/{seed}")
    offered = {kind: [level for level in KINDS[kind].levels if levels[0] <= level <= levels[1]]
               for kind in (KINDS if kinds is None else kinds)}
    repeats = {kind: 0 for kind, ones in offered.items() if ones}  # draws in a row that gave nothing new
    seen: set[tuple] = set()
    turn: list[str] = []
    while len(seen) < count:
        if not turn:
            turn = [kind for kind, misses in repeats.items() if misses < _TRIES]
            if not turn:
                raise RuntimeError(
                    f"only {len(seen):,} different puzzles of {', '.join(offered)} at levels {levels}"
                )
            rng.shuffle(turn)
        kind, short = turn[-1], rng.random() < short_share
        level = rng.choice(offered[kind])
        puzzle = generate(kind, rng.getrandbits(40), level, short)
        if puzzle.structure in seen:
            repeats[kind] += 1
            if repeats[kind] == _TRIES:
                turn.pop()
            continue
        turn.pop()
        repeats[kind] = 0
        seen.add(puzzle.structure)
        yield puzzle


def to_record(puzzle: Puzzle) -> dict[str, Any]:
    """The question record (see the stage files' format), its reasoning proven by the solver."""
    return {
        "id": puzzle.id,
        "question": puzzle.question,
        "choices": dict(puzzle.choices),
        "answer": puzzle.answer,
        "source": "puzzle",
        "subject": puzzle.kind,
        "domain": KINDS[puzzle.kind].domain,
        "chain_of_thought": puzzle.reasoning,
        "cot": {
            "status": "solver",
            "teacher": "solver",
            "teacher_answer": puzzle.answer,
            "attempts": 0,
            "finish_reason": "stop",
            "tokens": None,
        },
        "puzzle": {
            "kind": puzzle.kind,
            "template": puzzle.template,
            "level": puzzle.level,
            "steps": puzzle.steps,
            "structure": structure_text(puzzle),
        },
    }


def structure_text(puzzle: Puzzle) -> str:
    """The structure as a short text, "ages/chain/9f86d081884c7d65": equal for two puzzles exactly when their structures
    are (up to collisions of 64 bits)."""
    digest = blake2b(repr(puzzle.structure).encode(), digest_size=8).hexdigest()
    return f"{puzzle.kind}/{puzzle.template}/{digest}"

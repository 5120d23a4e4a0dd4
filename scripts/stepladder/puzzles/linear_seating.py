"""Linear seating: people in a row, seats numbered from left to right, clues about places and neighbours."""

from __future__ import annotations

from collections.abc import Mapping

from .arrange import Theme, Vocabulary, asks_for_number, asks_for_order, asks_for_person
from .base import Kind
from .words import ORDINALS


def _place(place: int, n: int) -> list[str]:
    seat = f"sits in seat {place + 1}"
    if place in (0, n - 1):
        return [seat, f"sits at the {'right' if place else 'left'} end"]
    if 2 * place == n - 1:
        return [seat, "sits exactly in the middle"]
    left = 2 * place < n
    return [seat, f"sits {ORDINALS[place if left else n - 1 - place]} from the {'left' if left else 'right'}"]


def _weights(level: int) -> Mapping[str, float]:
    """Easy puzzles say places outright, hard ones rather how people sit to one another."""
    hard = level / 10
    return {"at": 2.2 - 1.6 * hard, "step": 2.5, "steps": 1, "next": 1 + hard, "gap": 1, "before": 1,
            "apart": 0.4 + 0.6 * hard, "inner": 0.6, "end": 0.8}  # fmt: skip


ROW = Theme(
    scenes=(
        "{count} friends, {who}, sit in a row, with seats numbered 1 to {n} from left to right.",
        "{who} sit on a bench in seats 1 to {n}, counted from left to right.",
        "{who} have seats 1 to {n} in a cinema row, numbered from left to right.",
        "{count} students, {who}, sit in one row; seat 1 is at the left end and seat {n} at the right end.",
        "{who} share a row on a train. The seats run from 1 (left end) to {n} (right end).",
    ),
    clues={
        "inner": ("{x} does not sit at either end.", "{x} sits at neither end of the row."),
        "end": ("{x} sits at one of the two ends.", "{x} has a seat at an end of the row."),
        "step": ("{x} sits directly to the right of {y}.", "{y} sits directly to the left of {x}.",
                 "{x} has the seat just to the right of {y}."),
        "steps": ("{x} sits to the right of {y}, with exactly {number} {people} between them.",
                  "{y} sits to the left of {x}, with exactly {number} {people} between them."),
        "next": ("{x} sits next to {y}.", "{x} and {y} are neighbours."),
        "apart": ("{x} does not sit next to {y}.", "{x} and {y} are not neighbours."),
        "gap": ("Exactly {number} {people} {sit} between {x} and {y}.",
                "There {are} exactly {number} {people} between {x} and {y}."),
        "before": ("{x} sits somewhere to the left of {y}.", "{y} sits somewhere to the right of {x}."),
    },
    reasons={
        "inner": "{x} not at an end", "end": "{x} at an end", "step": "{x} right after {y}",
        "steps": "{x} {number} seats after {y}", "next": "{x} next to {y}", "apart": "{x} not next to {y}",
        "gap": "{x} and {y} {number} seats apart", "before": "{x} left of {y}",
    },
    questions={
        "after": ("Who sits directly to the right of {x}?", "Who has the seat just to the right of {x}?"),
        "before": ("Who sits directly to the left of {x}?", "Who has the seat just to the left of {x}?"),
        "count": ("How many people sit between {x} and {y}?",),
        "seat": ("In which seat does {x} sit?", "What is the number of the seat that {x} has?"),
        "order": ("What is their order from left to right?", "In which order do they sit, from left to right?"),
    },
    last={
        "after": "Right of seat {start} is seat {place}: {value}.",
        "before": "Left of seat {start} is seat {place}: {value}.",
        "count": "{place} - {start} - 1 = {value} between.",
    },
    place=_place,
    spot="seat",
)  # fmt: skip

WORDS = Vocabulary(
    (ROW,),
    {1: (4, 5), 2: (4, 5), 3: (5,), 4: (5,), 5: (5, 6), 6: (6,), 7: (6,), 8: (6, 7), 9: (7,), 10: (7,)},
    _weights,
)
_FIVE = range(3, 11)  # the levels with five people or more

KIND = Kind(
    "linear_seating",
    "Linear seating arrangements",
    ("Seats in a row", "Neighbours and ends"),
    "Puzzles",
    (
        asks_for_person(WORDS, "place", ["who"], range(1, 11)),
        asks_for_number(WORDS, "seat", ["seat"], range(1, 11)),
        asks_for_person(WORDS, "beside", ["beside"], _FIVE),
        asks_for_number(WORDS, "between", ["count"], _FIVE),
        asks_for_order(WORDS, "order", range(3, 6)),
    ),
    short_level=4,
)

"""Circular seating: people round a table, all facing its centre, so that the left hand points clockwise."""

from __future__ import annotations

from collections.abc import Mapping

from .arrange import Theme, Vocabulary, asks_for_number, asks_for_order, asks_for_person
from .base import Kind


def _weights(level: int) -> Mapping[str, float]:
    hard = level / 10
    return {"step": 2.5 - hard, "steps": 2.5, "opposite": 1.5, "between": 1, "next": 1 + hard, "apart": 0.5 + hard}


def _no_place(place: int, n: int) -> list[str]:
    raise ValueError("the seats of a ring have no numbers")


RING = Theme(
    scenes=(
        "{who} sit around a round table, all facing the centre.",
        "{count} friends sit around a circular table, facing the centre: {who}.",
        "{count} people ({who}) sit in a circle, facing inwards.",
        "{who} sit evenly spaced around a round table and face its centre.",
    ),
    clues={
        "step": ("{x} sits immediately to the left of {y}.", "{y} sits immediately to the right of {x}."),
        "steps": ("{x} sits {ordinal} to the left of {y}.", "{y} sits {ordinal} to the right of {x}."),
        "opposite": ("{x} sits directly opposite {y}.", "{x} and {y} face each other across the table."),
        "between": ("{x} sits between {y} and {z}, next to both.", "The two neighbours of {x} are {y} and {z}."),
        "next": ("{x} sits next to {y}.", "{x} and {y} are neighbours."),
        "apart": ("{x} does not sit next to {y}.", "{x} and {y} are not neighbours."),
    },
    reasons={
        "step": "{x} 1 left of {y}", "steps": "{x} {number} left of {y}", "opposite": "{x} opposite {y}",
        "between": "{x} between {y} and {z}", "next": "{x} next to {y}", "apart": "{x} not next to {y}",
    },
    questions={
        "after": ("Who sits immediately to the left of {x}?",),
        "before": ("Who sits immediately to the right of {x}?",),
        "after far": ("Who sits {ordinal} to the left of {x}?",),
        "before far": ("Who sits {ordinal} to the right of {x}?",),
        "across": ("Who sits directly opposite {x}?", "Who faces {x} across the table?"),
        "amid": ("Who sits between {x} and {y}, next to both?", "Who has both {x} and {y} as neighbours?"),
        "count": ("Going clockwise from {x} to {y}, how many people sit between them?",
                  "How many people are passed on the way clockwise from {x} to {y}, not counting these two?"),
        "order": ("Starting to the left of {x} and going clockwise, in which order do the others sit?",
                  "Going clockwise from {x}, in which order do the others sit?"),
    },
    last={
        "after": "Left of seat {start}, {k} clockwise, is seat {place}: {value}.",
        "before": "Right of seat {start}, {k} anticlockwise, is seat {place}: {value}.",
        "across": "Opposite seat {start} is seat {place}: {value}.",
        "amid": "Between them is seat {place}: {value}.",
        "count": "Clockwise from seat {start} to seat {place}: {value} between.",
    },
    place=_no_place,
    spot="seat",
)  # fmt: skip

WORDS = Vocabulary(
    (RING,),
    {1: (5, 6), 2: (5, 6), 3: (6,), 4: (6,), 5: (6,), 6: (6, 7), 7: (7,), 8: (7, 8), 9: (8,), 10: (8,)},
    _weights,
    ring=True,
)

KIND = Kind(
    "circular_seating",
    "Circular seating arrangements",
    ("Facing the centre", "Left, right and opposite"),
    "Puzzles",
    (
        asks_for_person(WORDS, "person", ["beside", "across", "amid"], range(1, 11)),
        asks_for_number(WORDS, "between", ["count"], range(1, 11)),
        asks_for_order(WORDS, "order", range(4, 7)),
    ),
    short_level=4,
)

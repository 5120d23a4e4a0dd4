"""Orderings: who is taller, older, faster, ..., from comparisons; place 1 is the top of the order."""

from __future__ import annotations

from collections.abc import Mapping

from .arrange import Theme, Vocabulary, asks_for_number, asks_for_order, asks_for_person
from .base import Kind
from .words import ORDINALS

_REASONS = {
    "inner": "{x} not at an end", "end": "{x} at an end", "before": "{x} before {y}", "step": "{x} right after {y}",
    "steps": "{x} {number} places after {y}", "next": "{x} and {y} beside each other",
    "apart": "{x} and {y} not beside each other", "gap": "{x} and {y} {number} places apart",
}  # fmt: skip
_LAST = {
    "after": "Right after place {start} is place {place}: {value}.",
    "before": "Right before place {start} is place {place}: {value}.",
    "count": "{place} - {start} - 1 = {value} between.",
    "more": "Before place {start}: {start} - 1 = {value}.",
    "less": "After place {start}: {n} - {start} = {value}.",
}


def _measured(scene: str, more: str, less: str, top: str, bottom: str, measure: str) -> Theme:
    """An order of a measure: more is "taller", top "tallest", measure "in height"."""

    def place(p: int, n: int) -> list[str]:
        if p == n - 1:
            return [f"is the {bottom}"]
        return [f"is the {ORDINALS[p] + ' ' if p else ''}{top}",
                *([f"is the second {bottom}"] if p == n - 2 and p else [])]  # fmt: skip

    ranked = f"From {top} to {bottom}"
    return Theme(
        scenes=(scene,),
        clues={
            "inner": (f"{{x}} is neither the {top} nor the {bottom}.",),
            "end": (f"{{x}} is either the {top} or the {bottom}.",),
            "before": (f"{{x}} is {more} than {{y}}.", f"{{y}} is {less} than {{x}}."),
            "step": (f"{{x}} is the next {top} after {{y}}.", f"{ranked}, {{x}} comes right after {{y}}."),
            "steps": (f"{{x}} is {less} than {{y}}, with exactly {{number}} {{people}} between them {measure}.",
                      f"{{y}} is {more} than {{x}}, with exactly {{number}} {{people}} between them {measure}."),
            "next": (f"Nobody is between {{x}} and {{y}} {measure}.",),
            "apart": (f"At least one person is between {{x}} and {{y}} {measure}.",),
            "gap": (f"Exactly {{number}} {{people}} {{are}} between {{x}} and {{y}} {measure}.",
                    f"There {{are}} exactly {{number}} {{people}} between {{x}} and {{y}} {measure}.",),
        },
        reasons=_REASONS,
        questions={
            "after": (f"{ranked}, who comes right after {{x}}?",),
            "before": (f"{ranked}, who comes right before {{x}}?",),
            "count": (f"How many people are between {{x}} and {{y}} {measure}?",),
            "more": (f"How many of the others are {more} than {{x}}?",),
            "less": (f"How many of the others are {less} than {{x}}?",),
            "order": (f"What is the order from {top} to {bottom}?",),
        },
        last=_LAST,
        place=place,
        spot="place",
    )


def _finished(place: int, n: int) -> list[str]:
    return ["finished last" if place == n - 1 else f"finished {ORDINALS[place]}"]


RACE = Theme(
    scenes=("{who} ran a race, and there were no ties.", "{who} ran a race. No two of them finished together."),
    clues={
        "inner": ("{x} finished neither first nor last.",),
        "end": ("{x} finished either first or last.",),
        "before": ("{x} finished ahead of {y}.", "{y} finished behind {x}.", "{x} crossed the line before {y}."),
        "step": ("{x} finished right after {y}.", "{y} finished right before {x}."),
        "steps": ("{x} finished behind {y}, with exactly {number} {people} between them.",
                  "{y} finished ahead of {x}, with exactly {number} {people} between them."),
        "next": ("Nobody finished between {x} and {y}.",),
        "apart": ("At least one person finished between {x} and {y}.",),
        "gap": ("Exactly {number} {people} finished between {x} and {y}.",),
    },
    reasons=_REASONS,
    questions={
        "after": ("Who finished right after {x}?", "Who was the next to finish after {x}?"),
        "before": ("Who finished right before {x}?", "Who was the last to finish before {x} did?"),
        "count": ("How many people finished between {x} and {y}?",),
        "more": ("How many of the others finished ahead of {x}?",),
        "less": ("How many of the others finished behind {x}?",),
        "order": ("What is the order from first to last?", "In which order did they finish, from first to last?"),
    },
    last=_LAST,
    place=_finished,
    spot="place",
)  # fmt: skip

THEMES = (
    _measured("No two of {who} are equally tall.", "taller", "shorter", "tallest", "shortest", "in height"),
    _measured("{who} all have different ages.", "older", "younger", "oldest", "youngest", "in age"),
    _measured("{who} all have different weights.", "heavier", "lighter", "heaviest", "lightest", "in weight"),
    _measured("{who} all run at different speeds.", "faster", "slower", "fastest", "slowest", "in speed"),
    _measured("{who} all own different amounts of money.", "richer", "poorer", "richest", "poorest", "in wealth"),
)


def _weights(level: int) -> Mapping[str, float]:
    hard = level / 10
    return {"at": 1.8 - 1.3 * hard, "before": 3, "step": 1.8, "steps": 1, "next": 0.8 + hard, "gap": 1,
            "apart": 0.3 + 0.5 * hard, "inner": 0.5, "end": 0.7}  # fmt: skip


WORDS = Vocabulary(
    (*THEMES, RACE, RACE, RACE),  # a race comes oftener than any one measure
    {1: (4, 5), 2: (4, 5), 3: (5,), 4: (5,), 5: (5, 6), 6: (6,), 7: (6,), 8: (6, 7), 9: (7,), 10: (7,)},
    _weights,
)
_FIVE = range(3, 11)  # the levels with five people or more

KIND = Kind(
    "orderings",
    "Orderings and rankings",
    ("Taller, older, faster", "Results of a race"),
    "Puzzles",
    (
        asks_for_person(WORDS, "place", ["who"], range(1, 11)),
        asks_for_number(WORDS, "others", ["more", "less"], range(1, 11)),
        asks_for_person(WORDS, "beside", ["beside"], _FIVE),
        asks_for_number(WORDS, "between", ["count"], _FIVE),
        asks_for_order(WORDS, "order", range(3, 6)),
    ),
    short_level=4,
)

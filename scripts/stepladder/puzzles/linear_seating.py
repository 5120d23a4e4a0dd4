"""Linear seating: people in a row, seats numbered from left to right, clues about seats and neighbours."""

from __future__ import annotations

from random import Random

from .arrange import Clue
from .base import Kind
from .rows import Rows, Vocabulary
from .words import ORDINALS, listing, number_word

_SCENES = (
    "{count} friends, {who}, sit in a row, with seats numbered 1 to {n} from left to right.",
    "{who} sit on a bench in seats 1 to {n}, counted from left to right.",
    "{who} have seats 1 to {n} in a cinema row, numbered from left to right.",
    "{count} students, {who}, sit in one row; seat 1 is at the left end and seat {n} at the right end.",
    "{who} share a row on a train. The seats run from 1 (left end) to {n} (right end).",
)


def _weights(level: int) -> dict[str, float]:
    """Easy puzzles say seats outright, hard ones how people sit to one another."""
    return {"at": max(0.4, 3 - 0.3 * level), "right": 3, "next": 1 + 0.2 * level, "gap": 0.7 + 0.2 * level,
            "before": 1 + 0.1 * level, "apart": 0.4 + 0.1 * level, "inner": 0.4 + 0.1 * level}  # fmt: skip


def _scene(rng: Random, people: list[str]) -> str:
    n = len(people)
    return rng.choice(_SCENES).format(count=number_word(n).capitalize(), who=listing(people), n=n)


def _at(person: str, place: int, n: int) -> list[str]:
    wordings = [f"{person} sits in seat {place + 1}."]
    if place == 0:
        wordings.append(f"{person} sits at the left end.")
    elif place == n - 1:
        wordings.append(f"{person} sits at the right end.")
    elif 2 * place + 1 == n:
        wordings.append(f"{person} sits exactly in the middle.")
    else:
        wordings.append(f"{person} sits {ORDINALS[place]} from the left.")
    return wordings


def _clue(rng: Random, clue: Clue, people: list[str]) -> str:
    """A clue in full English, one of several wordings."""
    form, i = clue[0], people[clue[1]]
    if form == "at":
        return rng.choice(_at(i, clue[2], len(people)))
    if form == "inner":
        return rng.choice([f"{i} does not sit at either end.", f"{i} sits at neither end of the row."])
    j = people[clue[2]]
    x, y = rng.sample([i, j], 2)
    if form == "gap":
        sit = "person sits" if clue[3] == 1 else "people sit"
        return f"Exactly {number_word(clue[3])} {sit} between {x} and {y}."
    if form == "right":
        return rng.choice([f"{i} sits directly to the right of {j}.", f"{j} sits directly to the left of {i}.",
                           f"{i} has the seat just to the right of {j}."])  # fmt: skip
    if form == "before":
        return rng.choice([f"{i} sits somewhere to the left of {j}.", f"{j} sits somewhere to the right of {i}."])
    beside = form == "next"
    return rng.choice([f"{x} {'sits' if beside else 'does not sit'} next to {y}.",
                       f"{x} and {y} are {'' if beside else 'not '}neighbours."])  # fmt: skip


def short_clue(clue: Clue, people: list[str]) -> str:
    """A clue as the solution says it."""
    form, i = clue[0], people[clue[1]]
    if form == "at":
        return f"{i} in seat {clue[2] + 1}"
    if form == "inner":
        return f"{i} not at an end"
    j = people[clue[2]]
    if form == "gap":
        return f"{i} and {j} {clue[3] + 1} seats apart"
    word = {"right": "right after", "next": "next to", "apart": "not next to", "before": "left of"}[form]
    return f"{i} {word} {j}"


def _ask(rng: Random, form: str, people: list[str], *what: int) -> str:
    if form == "order":
        return "What is their order from left to right?"
    if form == "place":
        return rng.choice([f"Who sits in seat {what[0] + 1}?", f"Who is in seat {what[0] + 1}?"])
    if form == "number":
        return rng.choice([f"In which seat does {people[what[0]]} sit?", f"Which seat has {people[what[0]]}?"])
    if form == "between":
        x, y = rng.sample([people[place] for place in what], 2)
        return f"How many people sit between {x} and {y}?"
    place, step = what
    side = "right" if step == 1 else "left"
    return rng.choice([f"Who sits directly to the {side} of {people[place]}?",
                       f"Who is just to the {side} of {people[place]}?"])  # fmt: skip


_WORDS = Vocabulary(_scene, _clue, short_clue, "seat", "Row", _ask)
_ROWS = Rows(lambda rng: _WORDS, _weights)

KIND = Kind(
    "linear_seating",
    "Linear seating arrangements",
    ("Seats in a row", "Neighbours and ends"),
    "Puzzles",
    (
        _ROWS.template("place", range(1, 11)),
        _ROWS.template("order", range(1, 3)),
        _ROWS.template("number", range(1, 11)),
        _ROWS.template("beside", range(3, 11)),
        _ROWS.template("between", range(3, 11)),
    ),
    short_level=5,
)

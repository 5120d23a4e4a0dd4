"""Orderings: who is taller, older, faster, ..., from comparisons; place 1 is the top of the order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random

from .arrange import Clue
from .base import Kind
from .rows import Rows, Vocabulary
from .words import ORDINALS, listing, number_word


@dataclass(frozen=True)
class Theme:
    """The words of one order. more, less: with {x} and {y}, x before and after y. verb: "are" or "finished"."""

    scene: str
    more: tuple[str, ...]
    less: tuple[str, ...]
    top: str  # superlative, from place 1 down: "tallest"
    bottom: str
    measure: str  # "in height"


def _theme(scene: str, more: str, less: str, top: str, bottom: str, measure: str) -> Theme:
    return Theme(scene, (f"is {more} than",), (f"is {less} than",), top, bottom, measure)


_THEMES = (
    _theme("No two of {who} are equally tall.", "taller", "shorter", "tallest", "shortest", "in height"),
    _theme("{who} all have different ages.", "older", "younger", "oldest", "youngest", "in age"),
    _theme("{who} all have different weights.", "heavier", "lighter", "heaviest", "lightest", "in weight"),
    _theme("{who} all run at different speeds.", "faster", "slower", "fastest", "slowest", "in speed"),
    _theme("{who} all own different amounts of money.", "richer", "poorer", "richest", "poorest", "in wealth"),
)
_RACE = Theme("{who} ran a race, and there were no ties.", ("finished ahead of", "crossed the line before"),
              ("finished behind", "crossed the line after"), "first", "last", "in the race")  # fmt: skip


def _weights(level: int) -> dict[str, float]:
    return {"before": 5, "at": max(0.5, 2.5 - 0.2 * level), "right": 1.5, "gap": 0.3 + 0.22 * level,
            "inner": 0.3 + 0.12 * level, "next": 0.2 + 0.1 * level}  # fmt: skip


def _rank(theme: Theme, place: int, n: int) -> str:
    """ "the second tallest", "third" in a race; the last place has its own word."""
    if theme is _RACE:
        return "last" if place == n - 1 else ORDINALS[place]
    if place == n - 1:
        return f"the {theme.bottom}"
    return f"the {theme.top}" if place == 0 else f"the {ORDINALS[place]} {theme.top}"


def _scene(theme: Theme, rng: Random, people: list[str]) -> str:
    return theme.scene.format(who=listing(people))


def _clue(theme: Theme, rng: Random, clue: Clue, people: list[str]) -> str:
    """A clue in full English, one of several wordings."""
    form, i, race = clue[0], people[clue[1]], theme is _RACE
    if form == "at":
        return f"{i} {'finished' if race else 'is'} {_rank(theme, clue[2], len(people))}."
    if form == "inner":
        return f"{i} finished neither first nor last." if race else \
            f"{i} is neither the {theme.top} nor the {theme.bottom}."
    j = people[clue[2]]
    x, y = rng.sample([i, j], 2)
    if form == "before":
        return rng.choice([f"{i} {rng.choice(theme.more)} {j}.", f"{j} {rng.choice(theme.less)} {i}."])
    if form == "right":
        if race:
            return rng.choice([f"{i} finished right after {j}.", f"{j} finished right before {i}."])
        return f"{i} is the next {theme.top} after {j}."
    verb = "finished" if race else "is"
    if form == "next":
        return f"Nobody {verb} between {x} and {y} {theme.measure}."
    some = "person" if clue[3] == 1 else "people"
    verb = "finished" if race else "is" if clue[3] == 1 else "are"
    return f"Exactly {number_word(clue[3])} {some} {verb} between {x} and {y} {theme.measure}."


def _short(clue: Clue, people: list[str]) -> str:
    """A clue as the solution says it."""
    form, i = clue[0], people[clue[1]]
    if form == "at":
        return f"{i} place {clue[2] + 1}"
    if form == "inner":
        return f"{i} not at an end"
    j = people[clue[2]]
    if form == "gap":
        return f"{i} and {j} {clue[3] + 1} places apart"
    return f"{i} {dict(before='before', right='right after', next='beside')[form]} {j}"


def _ask(theme: Theme, rng: Random, form: str, people: list[str], *what: int) -> str:
    n, race = len(people), theme is _RACE
    if form == "order":
        return f"What is the order from {'first to last' if race else f'{theme.top} to {theme.bottom}'}?"
    if form == "place":
        if race:
            return f"Who finished {_rank(theme, what[0], n)}?"
        from_below = what[0] == n - 2 and rng.random() < 0.5
        return f"Who is {f'the second {theme.bottom}' if from_below else _rank(theme, what[0], n)}?"
    if form == "between":
        x, y = rng.sample([people[place] for place in what], 2)
        return f"How many people {'finished' if race else 'are'} between {x} and {y} {theme.measure}?"
    relation = rng.choice(theme.more if form == "more" else theme.less).replace("is ", "are ", 1)
    return f"How many of the others {relation} {people[what[0]]}?"


def _vocabulary(rng: Random) -> Vocabulary:
    theme = _RACE if rng.random() < 0.35 else rng.choice(_THEMES)
    return Vocabulary(partial(_scene, theme), partial(_clue, theme), _short, "place", "Order", partial(_ask, theme))


_ROWS = Rows(_vocabulary, _weights)

KIND = Kind(
    "orderings",
    "Orderings and rankings",
    ("Taller, older, faster", "Results of a race"),
    "Puzzles",
    (
        _ROWS.template("place", range(1, 11)),
        _ROWS.template("order", range(1, 3)),
        _ROWS.template("more", range(1, 11)),
        _ROWS.template("less", range(1, 11)),
        _ROWS.template("between", range(3, 11)),
    ),
    short_level=5,
)

"""Orderings: who is taller, older, faster, ..., from comparisons; place 1 is the top of the order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from random import Random

from .arrange import Clue, choose_clues, space, tell
from .base import Draft, Kind
from .words import ORDINALS, capital, listing, names, number_word

_SIZE = {1: (3, 4), 2: (4,), 3: (4,), 4: (5,), 5: (5,), 6: (5, 6), 7: (6,), 8: (6,), 9: (6, 7), 10: (7,)}


@dataclass(frozen=True)
class Theme:
    """The words of one order: more(x, y) says that x comes before y."""

    name: str
    scene: str
    more: tuple[str, ...]  # with {x} {y}: x before y
    top: str  # superlative, from place 1 down: "tallest"
    bottom: str
    verb: str = "is"
    measure: str = ""  # "in height"


THEMES = (
    Theme("height", "No two of {who} are equally tall.", ("{x} is taller than {y}", "{y} is shorter than {x}"),
          "tallest", "shortest", measure="in height"),
    Theme("age", "{who} all have different ages.", ("{x} is older than {y}", "{y} is younger than {x}"),
          "oldest", "youngest", measure="in age"),
    Theme("weight", "{who} all have different weights.", ("{x} is heavier than {y}", "{y} is lighter than {x}"),
          "heaviest", "lightest", measure="in weight"),
    Theme("speed", "{who} all run at different speeds.", ("{x} is faster than {y}", "{y} is slower than {x}"),
          "fastest", "slowest", measure="in speed"),
    Theme("wealth", "{who} all own different amounts of money.", ("{x} is richer than {y}", "{y} is poorer than {x}"),
          "richest", "poorest", measure="in wealth"),
)  # fmt: skip
RACE = Theme("race", "{who} ran a race, and there were no ties.",
             ("{x} finished ahead of {y}", "{y} finished behind {x}", "{x} crossed the line before {y}"),
             "first", "last", verb="finished", measure="in the race")  # fmt: skip


def rank(theme: Theme, place: int, n: int) -> str:
    """ "the second tallest", "third" in a race; the last place has its own word."""
    if theme is RACE:
        return "last" if place == n - 1 else ORDINALS[place]
    if place == n - 1:
        return f"the {theme.bottom}"
    return f"the {theme.top}" if place == 0 else f"the {ORDINALS[place]} {theme.top}"


def _weights(level: int) -> dict[str, float]:
    return {"before": 5, "at": max(0.5, 2.5 - 0.2 * level), "right": 1.5, "gap": 0.22 * level, "inner": 0.12 * level,
            "next": 0.1 * (level - 2) if level > 2 else 0}  # fmt: skip


def clue_text(rng: Random, theme: Theme, clue: Clue, who: list[str], n: int) -> str:
    kind, i = clue[0], who[clue[1]]
    if kind == "at":
        return f"{i} {theme.verb} {rank(theme, clue[2], n)}."
    if kind == "inner":
        if theme is RACE:
            return f"{i} finished neither first nor last."
        return f"{i} is neither the {theme.top} nor the {theme.bottom}."
    j = who[clue[2]]
    if kind == "before":
        return rng.choice(theme.more).format(x=i, y=j) + "."
    if kind == "right":
        if theme is RACE:
            return rng.choice([f"{i} finished right after {j}.", f"{j} finished right before {i}."])
        return f"{i} is the next {theme.top} after {j}."
    x, y = rng.sample([i, j], 2)
    if kind == "next":
        return f"{'Nobody finished' if theme is RACE else 'Nobody is'} between {x} and {y} {theme.measure}."
    count = number_word(clue[3])
    return (
        f"Exactly {count} {'person is' if clue[3] == 1 else 'people are'} between {x} and {y} "
        f"{theme.measure}."
    )


def _short(clue: Clue, who: list[str]) -> str:
    kind, i = clue[0], who[clue[1]]
    j = who[clue[2]] if len(clue) > 2 and kind != "at" else ""
    return {
        "at": lambda: f"{i} place {clue[2] + 1}",
        "inner": lambda: f"{i} not at an end",
        "before": lambda: f"{i} before {j}",
        "right": lambda: f"{i} right after {j}",
        "next": lambda: f"{i} beside {j}",
        "gap": lambda: f"{i} and {j} {clue[3] + 1} places apart",
    }[kind]()


def _ask(rng: Random, theme: Theme, who: list[str]) -> tuple[Clue, str, str, list[str], str]:
    """Structure, text, key, mistakes and last step of a question about `who`, listed from the top."""
    n = len(who)
    kind = "order" if n == 3 else rng.choice(("place", "place", "place", "more", "less", "between"))
    if kind == "order":
        start = "first to last" if theme is RACE else f"{theme.top} to {theme.bottom}"
        wrong = [", ".join(p) for p in permutations(who)][1:]
        tail = rng.sample(wrong, len(wrong))
        return (
            ("order",),
            f"What is the order from {start}?",
            ", ".join(who),
            [", ".join(reversed(who)), *tail],
            "",
        )
    if kind == "place":
        s = rng.randrange(n)
        if theme is RACE:
            text = f"Who finished {rank(theme, s, n)}?"
        else:
            from_below = s == n - 2 and rng.random() < 0.5
            text = f"Who is {f'the second {theme.bottom}' if from_below else rank(theme, s, n)}?"
        beside = [who[t] for t in (s - 1, s + 1) if 0 <= t < n]
        mistakes = [who[n - 1 - s], *beside, *rng.sample(who, n)]
        return ("place", s), text, who[s], mistakes, f"Place {s + 1}: {who[s]}."
    if kind == "between":
        i, j = sorted(rng.sample(range(n), 2))
        key = j - i - 1
        verb = "finished" if theme is RACE else "are"
        text = f"How many people {verb} between {who[i]} and {who[j]} {theme.measure}?"
        mistakes = [str(m) for m in (key + 1, key - 1, n - 2 - key, key + 2, key - 2, key + 3) if m >= 0]
        return (
            ("between", i, j),
            text,
            str(key),
            mistakes,
            f"Places {i + 1} and {j + 1}: {j} - {i + 1} = {key}.",
        )
    s = rng.randrange(n)
    key = s if kind == "more" else n - 1 - s
    phrase = theme.more[0] if kind == "more" else theme.more[1]
    relation = phrase.split("} ", 1)[1].rsplit(" {", 1)[0].removeprefix("is ")
    text = f"How many of the others {'are ' if theme is not RACE else ''}{relation} {who[s]}?"
    mistakes = [str(m) for m in (n - 1 - key, key + 1, key - 1, key + 2, key - 2, key + 3) if m >= 0]
    side = "above" if kind == "more" else "below"
    return (kind, s), text, str(key), mistakes, f"{who[s]} is place {s + 1} of {n}: {key} {side}."


def _told(clues: list[Clue], asked: Clue) -> bool:
    """Whether a clue says outright what is asked."""
    kind, *at = asked
    if kind == "place":
        return ("at", at[0], at[0]) in clues
    if kind == "between":
        return any(c[0] in ("gap", "right", "next") and sorted(c[1:3]) == at for c in clues)
    return kind != "order" and ("at", at[0], at[0]) in clues


def make(rng: Random, level: int) -> Draft | None:
    n = rng.choice(_SIZE[level])
    clues = choose_clues(rng, n, _weights(level))
    if clues is None:
        return None
    theme = RACE if rng.random() < 0.35 else rng.choice(THEMES)
    who = names(rng, n)
    structure, ask, key, mistakes, last = _ask(rng, theme, who)
    if _told(clues, structure):
        return None
    told = rng.sample(clues, len(clues))
    scene = theme.scene.format(who=listing(rng.sample(who, n)))
    question = " ".join([scene, *(clue_text(rng, theme, clue, who, n) for clue in told), ask])
    steps = tell(space(n), told, lambda c: _short(c, who), lambda i: f"place {i + 1} {who[i]}")
    order = f"Order: {', '.join(who)}."
    return Draft(
        question,
        key,
        mistakes,
        " ".join([*map(capital, steps), order, last]).strip(),
        (n, *sorted(clues), ("?", *structure)),
    )


KIND = Kind(
    "orderings",
    "Orderings and rankings",
    ("Taller, older, faster", "Results of a race"),
    "Logical Reasoning",
    make,
    short_level=4,
)

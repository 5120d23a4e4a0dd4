"""Circular seating: people round a table, all facing its centre, so that the left hand points clockwise."""

from __future__ import annotations

from itertools import permutations
from random import Random

from .arrange import Clue, choose_clues, ring_form, space, tell
from .base import Draft, Kind
from .words import ORDINALS, capital, listing, names, number_word

_SIZE = {1: (4,), 2: (4, 5), 3: (5,), 4: (5,), 5: (5, 6), 6: (6,), 7: (6, 7), 8: (7,), 9: (7, 8), 10: (8,)}
_SCENES = (
    "{who} sit around a round table, all facing the centre.",
    "{count} friends sit around a circular table, facing the centre: {who}.",
    "{count} people ({who}) sit in a circle, facing inwards.",
    "{who} sit evenly spaced around a round table and face its centre.",
)


def _weights(level: int) -> dict[str, float]:
    return {
        "left": 5,
        "opposite": 2.5,
        "between": 0.2 * level,
        "next": 0.4 + 0.15 * level,
        "apart": 0.13 * (level - 1),
    }


def _spot(k: int, n: int, side: str) -> str:
    """ "immediately to the left of", "third to the right of"."""
    return f"immediately to the {side} of" if k == 1 else f"{ORDINALS[k - 1]} to the {side} of"


def clue_text(rng: Random, clue: Clue, who: list[str], n: int) -> str:
    kind, i, j = clue[0], who[clue[1]], who[clue[2]]
    x, y = rng.sample([i, j], 2)
    if kind == "left":
        k = clue[3]
        return rng.choice([f"{i} sits {_spot(k, n, 'left')} {j}.", f"{j} sits {_spot(k, n, 'right')} {i}."])
    if kind == "between":
        y, z = rng.sample([j, who[clue[3]]], 2)
        return rng.choice(
            [f"{i} sits between {y} and {z}, next to both.", f"The two neighbours of {i} are {y} and {z}."]
        )
    return rng.choice({
        "opposite": [f"{x} sits directly opposite {y}.", f"{x} and {y} face each other across the table."],
        "next": [f"{x} sits next to {y}.", f"{x} and {y} are neighbours."],
        "apart": [f"{x} does not sit next to {y}.", f"{x} and {y} are not neighbours."],
    }[kind])  # fmt: skip


def _short(clue: Clue, who: list[str]) -> str:
    kind, i, j = clue[0], who[clue[1]], who[clue[2]]
    if kind == "left":
        return f"{i} {clue[3]} left of {j}"
    if kind == "between":
        return f"{i} between {j} and {who[clue[3]]}"
    return f"{i} {'not next to' if kind == 'apart' else 'next to' if kind == 'next' else kind} {j}"


def _ask(rng: Random, who: list[str], level: int) -> tuple[Clue, str, str, list[str], str]:
    """A question about the ring `who` (clockwise): structure, text, key, mistakes, last step."""
    n = len(who)
    i = rng.randrange(n)
    if n == 4:
        key = [who[(i + s) % n] for s in range(1, n)]
        wrong = [", ".join(p) for p in permutations(key)][1:]
        rng.shuffle(wrong)
        text = f"Starting to the left of {who[i]} and going clockwise, in which order do the others sit?"
        return ("order", i, i), text, ", ".join(key), [", ".join(reversed(key)), *wrong], "Left is clockwise."
    kinds = (
        ["left", "left", "right", "right"]
        + (["opposite"] if n % 2 == 0 else [])
        + (["count"] if n > 5 else [])
    )
    kind = rng.choice(kinds)
    if kind == "count":
        k = rng.randrange(2, n)
        j, key = (i + k) % n, k - 1
        text = f"Going clockwise from {who[i]} to {who[j]}, how many people sit between them?"
        mistakes = [str(m) for m in (n - k - 1, key + 1, key - 1, key + 2, key - 2, key + 3) if m >= 0]
        path = ", ".join(who[(i + s) % n] for s in range(k + 1))
        return ("count", i, j), text, str(key), mistakes, f"Clockwise: {path}. So {key} between."
    k = n // 2 if kind == "opposite" else rng.randint(1, 1 if level < 2 else min(3, n // 2))
    step = -k if kind == "right" else k
    key = who[(i + step) % n]
    if kind == "opposite":
        text = rng.choice([f"Who sits opposite {who[i]}?", f"Who faces {who[i]} across the table?"])
    else:
        text = f"Who sits {_spot(k, n, kind)} {who[i]}?"
    others = [who[(i + s) % n] for s in (-step, step + 1, step - 1, 1, -1, 2, -2, 3)]
    mistakes = [name for name in others if name != who[i]] + [who[i]]
    turn = "Left is clockwise" if kind == "left" else "Right is anticlockwise"
    last = (
        f"Opposite is {k} places on: {key}." if kind == "opposite" else f"{turn}: {k} from {who[i]} is {key}."
    )
    return (kind, i, k), text, key, mistakes, last


def make(rng: Random, level: int) -> Draft | None:
    n = rng.choice(_SIZE[level])
    clues = choose_clues(rng, n, _weights(level), ring=True)
    if clues is None:
        return None
    who = names(rng, n)
    ask_form, ask, key, mistakes, last = _ask(rng, who, level)
    if _told(n, clues, ask_form):
        return None
    told = rng.sample(clues, len(clues))
    scene = rng.choice(_SCENES).format(count=number_word(n).capitalize(), who=listing(rng.sample(who, n)))
    question = " ".join([scene, *(clue_text(rng, clue, who, n) for clue in told), ask])
    steps = tell(space(n, ring=True), told, lambda c: _short(c, who), lambda i: f"seat {i + 1} {who[i]}")
    start = f"Number seats clockwise, {who[0]} in 1."
    ring = f"Clockwise: {', '.join(who)}."
    parts = [start, *map(capital, steps), ring, last]
    return Draft(question, key, mistakes, " ".join(parts), (n, *_form(n, clues, ask_form)))


def _told(n: int, clues: list[Clue], asked: Clue) -> bool:
    """Whether a clue says outright what is asked."""
    kind, i, k = asked
    if kind == "left":
        return ("left", (i + k) % n, i, k) in clues
    if kind == "right":
        return ("left", i, (i - k) % n, k) in clues
    pair = sorted((i, (i + k) % n))
    return kind == "opposite" and any(c[0] in ("opposite", "left") and sorted(c[1:3]) == pair for c in clues)


def _form(n: int, clues: list[Clue], ask: Clue) -> tuple:
    """Rotation-free structure; the question's number of places is no person and stays as it is."""
    if ask[0] in ("count", "order"):
        return ring_form(n, clues, ask)
    return ring_form(n, clues, (ask[0], ask[1], (ask[1] + ask[2]) % n))


KIND = Kind(
    "circular_seating",
    "Circular seating arrangements",
    ("Facing the centre", "Left, right and opposite"),
    "Logical Reasoning",
    make,
    short_level=5,
)

"""Linear seating: people in a row, seats numbered from left to right, clues about places and neighbours."""

from __future__ import annotations

from itertools import permutations
from random import Random

from .arrange import Clue, choose_clues, space, tell
from .base import Draft, Kind
from .words import ORDINALS, capital, listing, names, number_word

_SIZE = {1: (3, 4), 2: (4,), 3: (4,), 4: (5,), 5: (5,), 6: (5, 6), 7: (6,), 8: (6,), 9: (6, 7), 10: (7,)}
_SCENES = (
    "{count} friends, {who}, sit in a row, with seats numbered 1 to {n} from left to right.",
    "{who} sit on a bench in seats 1 to {n}, counted from left to right.",
    "{who} have seats 1 to {n} in a cinema row, numbered from left to right.",
    "{count} students, {who}, sit in one row; seat 1 is at the left end and seat {n} at the right end.",
    "{who} share a row on a train. The seats run from 1 (left end) to {n} (right end).",
)


def _weights(level: int) -> dict[str, float]:
    """Easy puzzles say places outright, hard ones only how people stand to one another."""
    return {"at": max(0.4, 5 - 0.6 * level), "right": 4, "next": 1 + 0.2 * level, "gap": 0.25 * level,
            "before": 0.1 * level, "apart": 0.12 * (level - 2), "inner": 0.12 * (level - 2)} if level > 2 else \
           {"at": 4, "right": 5, "next": 1}  # fmt: skip


def clue_text(rng: Random, clue: Clue, who: list[str], n: int) -> str:
    """A clue in full English, one of several wordings."""
    kind, i = clue[0], who[clue[1]]
    if kind == "at":
        seat = clue[2] + 1
        wordings = [f"{i} sits in seat {seat}."]
        if seat == 1:
            wordings.append(f"{i} sits at the left end.")
        elif seat == n:
            wordings.append(f"{i} sits at the right end.")
        elif 2 * seat == n + 1:
            wordings.append(f"{i} sits exactly in the middle.")
        else:
            wordings.append(f"{i} sits {ORDINALS[seat - 1]} from the left.")
        return rng.choice(wordings)
    if kind == "inner":
        return rng.choice([f"{i} does not sit at either end.", f"{i} sits at neither end of the row."])
    j = who[clue[2]]
    if kind == "gap":
        between = f"{number_word(clue[3])} {'person sits' if clue[3] == 1 else 'people sit'} between"
        x, y = rng.sample([i, j], 2)
        return f"Exactly {between} {x} and {y}."
    x, y = rng.sample([i, j], 2)
    return rng.choice({
        "right": [f"{i} sits directly to the right of {j}.", f"{j} sits directly to the left of {i}.",
                  f"{i} has the seat just to the right of {j}."],
        "next": [f"{x} sits next to {y}.", f"{x} and {y} are neighbours."],
        "apart": [f"{x} does not sit next to {y}.", f"{x} and {y} are not neighbours."],
        "before": [f"{i} sits somewhere to the left of {j}.", f"{j} sits somewhere to the right of {i}."],
    }[kind])  # fmt: skip


def _short(clue: Clue, who: list[str]) -> str:
    kind, i = clue[0], who[clue[1]]
    j = who[clue[2]] if len(clue) > 2 and kind != "at" else ""
    return {
        "at": lambda: f"{i} in seat {clue[2] + 1}",
        "inner": lambda: f"{i} not at an end",
        "gap": lambda: f"{i} and {j} {clue[3] + 1} seats apart",
        "right": lambda: f"{i} right after {j}",
        "next": lambda: f"{i} next to {j}",
        "apart": lambda: f"{i} not next to {j}",
        "before": lambda: f"{i} left of {j}",
    }[kind]()


def _ask(rng: Random, who: list[str]) -> tuple[Clue, str, str, list[str], str]:
    """A question about the row `who`: structure, text, key, mistakes, last step."""
    n = len(who)
    kind = rng.choice(
        {3: ("order",), 4: ("seat", "seat", "between")}.get(n, ("seat", "seat", "right", "left", "between"))
    )
    if kind == "order":
        wrong = [", ".join(p) for p in permutations(who)][1:]
        reverse = ", ".join(reversed(who))
        rng.shuffle(wrong)
        return ("order",), "What is their order from left to right?", ", ".join(who), [reverse, *wrong], ""
    if kind == "seat":
        s = rng.randrange(n)
        text = rng.choice([f"Who sits in seat {s + 1}?", f"Who is in seat {s + 1}?"])
        mirror = who[n - 1 - s]
        mistakes = [mirror, *_others(rng, who, s)]
        return ("seat", s), text, who[s], mistakes, f"Seat {s + 1}: {who[s]}."
    if kind == "between":
        i, j = sorted(rng.sample(range(n), 2))
        key = j - i - 1
        text = f"How many people sit between {who[i]} and {who[j]}?"
        mistakes = [str(m) for m in (key + 1, key - 1, n - 2 - key, key + 2, key - 2, key + 3) if m >= 0]
        return (
            ("between", i, j),
            text,
            str(key),
            mistakes,
            f"Seats {i + 1} and {j + 1}: {j} - {i + 1} = {key} between.",
        )
    step = 1 if kind == "right" else -1
    s = rng.randrange(1, n) if step == -1 else rng.randrange(n - 1)
    text = rng.choice(
        [f"Who sits directly to the {kind} of {who[s]}?", f"Who is just to the {kind} of {who[s]}?"]
    )
    other_side = [who[s - step]] if 0 <= s - step < n else []
    rest = [name for name in _others(rng, who, s + step) if name != who[s]]
    return (
        (kind, s),
        text,
        who[s + step],
        [*other_side, *rest, who[s]],
        f"Seat {s + 1 + step}: {who[s + step]}.",
    )


def _told(clues: list[Clue], asked: Clue) -> bool:
    """Whether a clue says outright what is asked."""
    kind, *at = asked
    if kind == "between":
        return any(c[0] in ("gap", "right", "next") and sorted(c[1:3]) == at for c in clues)
    direct = {
        "seat": lambda s: ("at", s, s),
        "right": lambda s: ("right", s + 1, s),
        "left": lambda s: ("right", s, s - 1),
    }
    return kind in direct and direct[kind](*at) in clues


def _others(rng: Random, who: list[str], s: int) -> list[str]:
    """Everybody but the key, neighbours (off by one) first."""
    beside = [who[t] for t in (s - 1, s + 1) if 0 <= t < len(who)]
    rest = [name for name in who if name != who[s] and name not in beside]
    rng.shuffle(rest)
    return beside + rest


def make(rng: Random, level: int) -> Draft | None:
    n = rng.choice(_SIZE[level])
    clues = choose_clues(rng, n, _weights(level))
    if clues is None:
        return None
    who = names(rng, n)
    structure, ask, key, mistakes, last = _ask(rng, who)
    if _told(clues, structure):
        return None
    told = clues[:]
    rng.shuffle(told)
    shown = rng.sample(who, n)
    scene = rng.choice(_SCENES).format(count=number_word(n).capitalize(), who=listing(shown), n=n)
    question = " ".join([scene, *(clue_text(rng, clue, who, n) for clue in told), ask])
    steps = tell(space(n), told, lambda c: _short(c, who), lambda i: f"seat {i + 1} {who[i]}")
    row = f"Row: {', '.join(who)}."
    return Draft(
        question,
        key,
        mistakes,
        " ".join([*map(capital, steps), row, last]).strip(),
        (n, *sorted(clues), ("?", *structure)),
    )


KIND = Kind(
    "linear_seating",
    "Linear seating arrangements",
    ("Seats in a row", "Neighbours and ends"),
    "Logical Reasoning",
    make,
    short_level=4,
)

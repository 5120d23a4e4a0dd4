"""Arrangements of people over places: clues, the solver that counts what fits them, and the telling of its steps.

People are numbered by their true place, so the truth is always the identity and a clue is written the same way
whatever the names: that makes clues themselves the structure of a puzzle. A clue is (type, *people and numbers).
Every arrangement has a bit; a clue's mask holds the arrangements it allows, so solving is a chain of "and".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import permutations
from random import Random

from .words import capital

Clue = tuple

# place[i] is where person i sits; n is the number of places.
LINE_RULES: Mapping[str, Callable[..., bool]] = {
    "at": lambda place, n, i, s: place[i] == s,
    "right": lambda place, n, i, j: place[i] == place[j] + 1,
    "next": lambda place, n, i, j: abs(place[i] - place[j]) == 1,
    "apart": lambda place, n, i, j: abs(place[i] - place[j]) != 1,
    "gap": lambda place, n, i, j, k: abs(place[i] - place[j]) == k + 1,
    "before": lambda place, n, i, j: place[i] < place[j],
    "inner": lambda place, n, i: 0 < place[i] < n - 1,
}
# Places are numbered clockwise, as seen from above; with everyone facing the centre, clockwise is to the left.
RING_RULES: Mapping[str, Callable[..., bool]] = {
    "at": lambda place, n, i, s: place[i] == s,
    "left": lambda place, n, i, j, k: (place[i] - place[j]) % n == k,
    "next": lambda place, n, i, j: (place[i] - place[j]) % n in (1, n - 1),
    "apart": lambda place, n, i, j: (place[i] - place[j]) % n not in (1, n - 1),
    "opposite": lambda place, n, i, j: (place[i] - place[j]) % n == n // 2,
    "between": lambda place, n, i, j, k: {(place[j] - place[i]) % n, (place[k] - place[i]) % n} == {1, n - 1},
}


class Space:
    """All arrangements of n people over n places; in a ring, person 0 stays at place 0."""

    def __init__(self, n: int, ring: bool = False) -> None:
        self.n, self.ring = n, ring
        self.rules = RING_RULES if ring else LINE_RULES
        # permutations() yields the identity first: bit 0 is the truth.
        self.places = [p for p in permutations(range(n)) if not ring or p[0] == 0]
        self.everything = (1 << len(self.places)) - 1
        self._masks: dict[Clue, int] = {}

    def mask(self, clue: Clue) -> int:
        """The arrangements that this clue allows, as bits."""
        if clue not in self._masks:
            rule, n, args = self.rules[clue[0]], self.n, clue[1:]
            bits = "".join("1" if rule(p, n, *args) else "0" for p in reversed(self.places))
            self._masks[clue] = int(bits, 2)
        return self._masks[clue]

    def fits(self, clues: Iterable[Clue]) -> int:
        """The arrangements that all these clues allow, as bits."""
        mask = self.everything
        for clue in clues:
            mask &= self.mask(clue)
        return mask

    def fixed(self, mask: int) -> list[int]:
        """The people who have the same place in every arrangement of the mask (it holds the truth: their own)."""
        return [i for i in range(self.n) if not mask & ~self.mask(("at", i, i))]


@cache
def space(n: int, ring: bool = False) -> Space:
    return Space(n, ring)


@cache
def true_clues(n: int, ring: bool = False) -> Mapping[str, list[Clue]]:
    """Every clue that holds for the identity, by type."""
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    rising = [(i, j) for i, j in pairs if i < j]
    found: dict[str, list[Clue]] = {
        "next": [("next", i, j) for i, j in rising],
        "apart": [("apart", i, j) for i, j in rising],
    }
    if ring:
        found["left"] = [("left", i, j, k) for i, j in pairs for k in range(1, min(n // 2, 3) + 1)]
        found["opposite"] = [("opposite", i, j) for i, j in rising] if n % 2 == 0 else []
        found["between"] = [("between", i, j, k) for i in range(n) for j, k in rising if i not in (j, k)]
    else:
        found["at"] = [("at", i, i) for i in range(n)]
        found["right"] = [("right", i, j) for i, j in pairs]
        found["before"] = [("before", i, j) for i, j in rising]
        found["gap"] = [("gap", i, j, k) for i, j in rising for k in range(1, n - 2)]
        found["inner"] = [("inner", i) for i in range(1, n - 1)]
    room = space(n, ring)
    return {name: [clue for clue in clues if room.mask(clue) & 1] for name, clues in found.items()}


def choose_clues(rng: Random, n: int, weights: Mapping[str, float], ring: bool = False) -> list[Clue] | None:
    """A smallest set of true clues that leaves one arrangement: none can be spared. Heavier types come sooner."""
    room, pool = space(n, ring), true_clues(n, ring)
    types = [name for name in weights if pool.get(name)]
    shares = [weights[name] for name in types]
    chosen: list[Clue] = []
    mask = room.everything
    for _ in range(60):
        clue = rng.choice(pool[rng.choices(types, shares)[0]])
        narrowed = mask & room.mask(clue)
        if narrowed == mask:
            continue
        chosen.append(clue)
        mask = narrowed
        if mask == 1:
            return _prune(room, chosen)
    return None


def _prune(room: Space, clues: list[Clue]) -> list[Clue]:
    for clue in list(clues):
        rest = [other for other in clues if other is not clue]
        if room.fits(rest) == 1:
            clues = rest
    return clues


def tell(
    room: Space, clues: Sequence[Clue], say: Callable[[Clue], str], place: Callable[[int], str]
) -> list[str]:
    """The solution's steps, one a clue, in an order that fixes places early: the clue, and what is settled by it.

    `say(clue)` is a short form of the clue, `place(i)` says where person i sits.
    """
    left, mask, steps = list(clues), room.everything, []
    known: set[int] = {0} if room.ring else set()
    while left:
        best = max(left, key=lambda c: (len(room.fixed(mask & room.mask(c))), -(mask & room.mask(c)).bit_count()))
        left.remove(best)
        mask &= room.mask(best)
        new = [i for i in room.fixed(mask) if i not in known]
        known.update(new)
        settled = ", ".join(map(place, new))
        if best[0] == "at" and new == [best[1]]:
            steps.append(f"{capital(settled)}.")
        else:
            steps.append(f"{capital(say(best))}: {settled}." if new else f"{capital(say(best))}.")
    return steps


def ring_form(n: int, clues: Iterable[Clue], question: Clue) -> tuple:
    """The least writing of a ring's clues over its n rotations: two that differ by a turn are the same."""
    people = {"left": (1, 2), "next": (1, 2), "apart": (1, 2), "opposite": (1, 2), "between": (1, 2, 3)}

    def turned(clue: Clue, by: int) -> Clue:
        spots = people.get(clue[0], (1, 2))
        out = tuple((x + by) % n if at in spots else x for at, x in enumerate(clue))
        if out[0] in ("next", "apart", "opposite") and out[1] > out[2]:
            out = (out[0], out[2], out[1])
        if out[0] == "between" and out[2] > out[3]:
            out = (out[0], out[1], out[3], out[2])
        return out

    return min((*sorted(turned(c, by) for c in clues), ("?", *turned(question, by))) for by in range(n))

"""Who is where: clues about people and places, and the solution one elementary inference at a time.

People are numbered by their true place, so the truth is always the identity and clues are themselves what is the same
in two puzzles, whatever the names. A clue is (form, people, number). For each person a bit mask holds the places that
are still possible; an inference narrows one or two masks by a clue, or sees that one place is left for a person or one
person for a place (arc consistency with singles). What cannot be solved so is not offered, so nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from random import Random
from typing import NamedTuple

Clue = tuple[str, tuple[int, ...], int]
Step = tuple[str, Clue | int]  # ("clue", it), ("left", person), ("only", person)
Changes = list[tuple[int, int]]  # people with the places that stay possible for them
Narrow = tuple[int, int, Sequence[int], Sequence[int]]  # two people, and each one's places by the other's

# Between two people: gap is the place of the first less that of the second (in a ring modulo n), d the clue's number.
_LINE: Mapping[str, Callable[[int, int, int], bool]] = {
    "step": lambda gap, n, d: gap == d,
    "steps": lambda gap, n, d: gap == d,
    "next": lambda gap, n, d: abs(gap) == 1,
    "apart": lambda gap, n, d: abs(gap) > 1,
    "gap": lambda gap, n, d: abs(gap) == d,
    "before": lambda gap, n, d: gap < 0,
}
# Places are numbered clockwise; with everyone facing the centre, clockwise is to the left.
_RING: Mapping[str, Callable[[int, int, int], bool]] = {
    "step": lambda gap, n, d: gap == d,
    "steps": lambda gap, n, d: gap == d,
    "next": lambda gap, n, d: gap in (1, n - 1),
    "apart": lambda gap, n, d: gap not in (0, 1, n - 1),
    "opposite": lambda gap, n, d: 2 * gap == n,
}
_ALONE: Mapping[str, Callable[[int, int, int], bool]] = {
    "at": lambda place, n, d: place == d,
    "inner": lambda place, n, d: 0 < place < n - 1,
    "end": lambda place, n, d: place in (0, n - 1),
}
SYMMETRIC = ("next", "apart", "gap", "opposite")


class Layout(NamedTuple):
    """n places in a row, or in a ring where only how people sit to one another counts (person 0 is at place 0)."""

    n: int
    ring: bool = False


def places(mask: int) -> list[int]:
    """The places of a mask, rising."""
    return [place for place in range(mask.bit_length()) if mask >> place & 1]


@cache
def _images(layout: Layout, form: str, number: int) -> tuple[Sequence[int], Sequence[int]]:
    """For every mask of one of two people, the other's places that fit some of it: first to second, and back."""
    n, spots = layout.n, range(layout.n)
    rule = (_RING if layout.ring else _LINE)[form]

    def fits(p: int, q: int) -> bool:
        return p != q and rule((p - q) % n if layout.ring else p - q, n, number)

    there = [sum(1 << q for q in spots if fits(p, q)) for p in spots]
    back = [sum(1 << p for p in spots if fits(p, q)) for q in spots]
    return tuple([_union(row, mask) for mask in range(1 << n)] for row in (there, back))


def _union(row: Sequence[int], mask: int) -> int:
    union = 0
    for place in places(mask):
        union |= row[place]
    return union


@cache
def _narrows(layout: Layout, clue: Clue) -> Sequence[Narrow]:
    """A clue of several people as pairs with their images; three people narrow one another twice."""
    form, people, number = clue
    if form == "between":
        return 2 * tuple((people[0], other, *_images(layout, "next", 0)) for other in people[1:])
    return ((*people, *_images(layout, form, number)),)


@cache
def _alone(n: int, form: str, number: int) -> int:
    """The places that a clue about one person allows."""
    return sum(1 << place for place in range(n) if _ALONE[form](place, n, number))


@cache
def true_clues(layout: Layout) -> Mapping[str, Sequence[Clue]]:
    """Every clue that holds for the identity, by form."""
    n, people = layout.n, range(layout.n)
    rising = [(i, j) for i in people for j in people if i < j]
    if layout.ring:
        rules = _RING
        clues = {"step": [("step", (i, (i - 1) % n), 1) for i in people],
                 "steps": [("steps", (i, (i - d) % n), d) for i in people for d in range(2, min(4, (n + 1) // 2))],
                 "between": [normal(("between", (i, (i - 1) % n, (i + 1) % n), 0)) for i in people]}  # fmt: skip
    else:
        rules = _LINE
        clues = {form: [(form, (i,), i if form == "at" else 0) for i in people if rule(i, n, i)]
                 for form, rule in _ALONE.items()}  # fmt: skip
        clues["step"] = [("step", (j, i), 1) for i, j in rising if j - i == 1]
        clues["steps"] = [("steps", (j, i), j - i) for i, j in rising if 1 < j - i < 4]
        clues["gap"] = [("gap", (i, j), j - i) for i, j in rising if j - i > 1]
        clues["before"] = [("before", pair, 0) for pair in rising]
    for form in ("next", "apart", "opposite"):
        if form in rules:
            clues[form] = [(form, (i, j), 0) for i, j in rising
                           if rules[form]((i - j) % n if layout.ring else i - j, n, 0)]  # fmt: skip
    return {form: ones for form, ones in clues.items() if ones}


def normal(clue: Clue) -> Clue:
    """The clue with people whose order says nothing in rising order."""
    form, people, number = clue
    if form in SYMMETRIC:
        return form, tuple(sorted(people)), number
    return (form, (people[0], *sorted(people[1:])), number) if form == "between" else clue


def turned(layout: Layout, clue: Clue, by: int) -> Clue:
    """The clue of a ring with everybody moved on by some places."""
    form, people, number = clue
    return normal((form, tuple((person + by) % layout.n for person in people), number))


def same_form(layout: Layout, clues: Iterable[Clue], question: Clue) -> tuple:
    """What two puzzles that are the same have in common: clues and question, of a ring up to its rotations."""
    clues = list(clues)
    turns = range(layout.n) if layout.ring else (0,)
    return layout.n, *min((tuple(sorted(turned(layout, clue, by) for clue in clues)), turned(layout, question, by))
                          for by in turns)  # fmt: skip


class State:
    """What is known so far: the masks of everybody's possible places, and the places taken."""

    def __init__(self, layout: Layout) -> None:
        self.layout, self.taken = layout, 0
        self.masks = [(1 << layout.n) - 1] * layout.n
        if layout.ring:
            self.apply([(0, 1)])

    def placed(self, person: int) -> bool:
        mask = self.masks[person]
        return bool(mask & self.taken) and not mask & (mask - 1)

    def free(self, person: int) -> int:
        """The person's places that are not taken by others."""
        return self.masks[person] if self.placed(person) else self.masks[person] & ~self.taken

    def by_clue(self, clue: Clue) -> Changes:
        """What the clue narrows now.

        A place that is the last one left for somebody may be used only once that was seen, as a step of its own.
        """
        form, people, number = clue
        if len(people) == 1:
            left = self.free(people[0]) & _alone(self.layout.n, form, number)
            return [] if left == self.free(people[0]) else [(people[0], left)]
        masks, taken, new = self.masks, self.taken, {}
        for first, second, there, back in _narrows(self.layout, clue):
            a, b = new.get(first) or masks[first], new.get(second) or masks[second]
            free_a, free_b = a & ~taken, b & ~taken
            fixed_a, fixed_b = not free_a and not a & (a - 1), not free_b and not b & (b - 1)
            if free_a & (free_a - 1):
                a = free_a
            if free_b & (free_b - 1):
                b = free_b
            if not fixed_b and (left := b & there[a] & ~taken) != free_b:
                b = new[second] = left
            if not fixed_a and (left := a & back[b] & ~taken) != free_a:
                new[first] = left
        return list(new.items())

    def singles(self) -> list[tuple[Step, Changes]]:
        """People with one place left, and places with one person left."""
        taken = self.taken
        unplaced = [(person, mask & ~taken) for person, mask in enumerate(self.masks)
                    if mask & (mask - 1) or not mask & taken]  # fmt: skip
        steps: list[tuple[Step, Changes]] = [(("left", person), [(person, mask)]) for person, mask in unplaced
                                             if not mask & (mask - 1)]  # fmt: skip
        once = twice = 0
        for _, mask in unplaced:
            twice |= once & mask
            once |= mask
        once &= ~twice
        steps += [(("only", person), [(person, 1 << person)]) for person, mask in unplaced
                  if mask & once and mask & (mask - 1)]  # fmt: skip
        return steps

    def by(self, step: Step) -> Changes:
        """What the step narrows now; nothing where it does not hold yet."""
        kind, what = step
        return self.by_clue(what) if kind == "clue" else next((new for one, new in self.singles() if one == step), [])

    def apply(self, changes: Changes) -> None:
        for person, mask in changes:
            self.masks[person] = mask
            if not mask & (mask - 1):
                self.taken |= mask

    def settle(self, clues: Sequence[Clue]) -> bool:
        """Narrow as far as the clues go; whether everybody is placed then."""
        everyone = (1 << self.layout.n) - 1
        moving = True
        while moving and self.taken != everyone:
            moving = False
            for clue in clues:
                if changes := self.by_clue(clue):
                    self.apply(changes)
                    moving = True
            for step, _ in self.singles():
                if changes := self.by(step):
                    self.apply(changes)
                    moving = True
        return self.taken == everyone


def choose_clues(rng: Random, layout: Layout, weights: Mapping[str, float]) -> list[Clue] | None:
    """True clues that place everybody, none of which can be spared; None where this draw got nowhere."""
    pool = true_clues(layout)
    forms = [form for form in weights if form in pool]
    state, clues = State(layout), []
    for form in rng.choices(forms, [weights[form] for form in forms], k=8 * layout.n):
        clue = rng.choice(pool[form])
        if changes := state.by_clue(clue):
            state.apply(changes)
            clues.append(clue)
            if state.settle(clues):
                return _spared(layout, clues)
    return None


def _spared(layout: Layout, clues: list[Clue]) -> list[Clue]:
    for one in list(clues):
        rest = [other for other in clues if other is not one]
        if State(layout).settle(rest):
            clues = rest
    return clues


def trace(layout: Layout, clues: Sequence[Clue]) -> list[Step]:
    """Steps that place everybody: each time the one that settles most."""
    state, steps, everyone = State(layout), [], (1 << layout.n) - 1
    while state.taken != everyone:
        options = state.singles()[:1] or [(("clue", clue), changes) for clue in clues
                                          if (changes := state.by_clue(clue))]  # fmt: skip
        step, changes = max(options, key=lambda option: _worth(state, option[1]))
        state.apply(changes)
        steps.append(step)
    return steps


def _worth(state: State, changes: Changes) -> tuple[int, int]:
    """People placed, places ruled out."""
    return (sum(not mask & (mask - 1) for _, mask in changes),
            sum(state.free(person).bit_count() - mask.bit_count() for person, mask in changes))  # fmt: skip


def needed(layout: Layout, steps: Sequence[Step], goal: Collection[int]) -> list[tuple[Step, Changes]]:
    """Those steps of a trace that place everybody of `goal`, none of which can be spared, with what each narrows."""
    kept = _replay(layout, steps, goal)
    for i in reversed(range(len(kept) - 1)):
        shorter = _replay(layout, [step for at, (step, _) in enumerate(kept) if at != i], goal)
        if shorter is not None:
            kept = shorter
    return kept


def _replay(layout: Layout, steps: Iterable[Step], goal: Collection[int]) -> list[tuple[Step, Changes]] | None:
    """The steps that narrow something, up to where all of `goal` are placed; None where they never are."""
    state, told = State(layout), []
    wanted = sum(1 << person for person in goal)
    for step in steps:
        if state.taken & wanted == wanted:
            return told
        if changes := state.by(step):
            state.apply(changes)
            told.append((step, changes))
    return told if state.taken & wanted == wanted else None

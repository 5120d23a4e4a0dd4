"""Truth-tellers and liars: who always lies, or who did it, judged from what everybody says.

Worlds are tuples of 0/1 (1: truth-teller). A statement is (type, *people and numbers); people are numbered by the
order in which they speak.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations, product
from random import Random

from .base import Draft, Kind
from .words import Person, capital, listing, number_word, people

Statement = tuple
World = tuple

# people by level
_SIZE = {1: (2, 2, 3), 2: (2, 3), 3: (3,), 4: (3,), 5: (3, 4), 6: (4,), 7: (4,), 8: (4, 5), 9: (5,), 10: (5,)}
_SCENES = (
    "On an island, truth-tellers always tell the truth and liars always lie. You meet {who}.",
    "Each of {who} is either a truth-teller, who always tells the truth, or a liar, who always lies.",
    "{who} each either always tell the truth or always lie.",
)


def holds(statement: Statement, world: World) -> bool:
    """Whether what is said is true in this world (1: truth-teller, 0: liar)."""
    kind, *args = statement
    if kind == "lies":
        return world[args[0]] == 0
    if kind == "true":
        return world[args[0]] == 1
    if kind == "same":
        return world[args[0]] == world[args[1]]
    if kind == "different":
        return world[args[0]] != world[args[1]]
    if kind == "both_lie":
        return world[args[0]] == world[args[1]] == 0
    if kind == "one_lies":
        return world[args[0]] == 0 or world[args[1]] == 0
    if kind == "liars":
        return world.count(0) == args[0]
    raise ValueError(f"unknown statement {kind!r}")


def worlds(statements: list[Statement]) -> list[World]:
    """Every world in which truth-tellers' statements are true and liars' are false; speaker i says statement i."""
    n = len(statements)
    return [
        w
        for w in product((0, 1), repeat=n)
        if all(holds(s, w) == bool(w[i]) for i, s in enumerate(statements))
    ]


def _statement(rng: Random, speaker: int, n: int, level: int) -> Statement:
    others = [i for i in range(n) if i != speaker]
    kinds = ["lies", "lies", "true", "same", "different"]
    if level >= 2:
        kinds += ["both_lie", "one_lies"]
    if level >= 4:
        kinds += ["liars", "liars"]
    kind = rng.choice(kinds)
    if kind == "liars":
        return (kind, rng.randrange(1, n))
    if kind in ("lies", "true"):
        return (kind, rng.choice(others))
    if kind in ("both_lie", "one_lies") and (n == 2 or rng.random() < 0.4):
        return (kind, *sorted((speaker, rng.choice(others))))
    pair = rng.sample(others, 2) if n > 2 and rng.random() < 0.6 else [speaker, rng.choice(others)]
    return (kind, *sorted(pair))


def _says(rng: Random, speaker: int, statement: Statement, who: list[Person]) -> str:
    kind, *args = statement
    if kind == "liars":
        said = rng.choice(
            [f"Exactly {number_word(args[0])} of us {'is a liar' if args[0] == 1 else 'are liars'}"]
        )
    elif kind in ("lies", "true"):
        name = who[args[0]].name
        said = rng.choice([f"{name} is a liar", f"{name} always lies"] if kind == "lies"
                          else [f"{name} is a truth-teller", f"{name} always tells the truth"])  # fmt: skip
    else:
        mine = speaker in args
        other = [who[a].name for a in args if a != speaker]
        both = f"{other[0]} and I" if mine else listing([who[a].name for a in args])
        either = f"{other[0]} and me" if mine else both
        said = {"same": f"{both} are of the same kind", "different": f"{both} are of different kinds",
                "both_lie": f"{both} are both liars", "one_lies": f"At least one of {either} is a "
                                                                  f"liar"}[kind]  # fmt: skip
    name = who[speaker].name
    return rng.choice([f'{name} says: "{said}."', f'{name}: "{said}."'])


class _Contradiction(Exception):
    """Nobody can be given a type that agrees with a statement."""


def _spread(statements: list[Statement], known: dict[int, int], who: list[Person]) -> tuple[list[str], bool]:
    """Give types that follow from the known ones, statement by statement; (what was concluded, whether it clashed)."""
    told: list[str] = []
    while True:
        try:
            step = _next_step(statements, known)
        except _Contradiction as clash:
            speaker = clash.args[0]
            told.append(f"{who[speaker].name}'s words cannot fit")
            return told, True
        if step is None:
            return told, False
        person, value = step
        known[person] = value
        told.append(f"{who[person].name} {'is truthful' if value else 'lies'}")


def _next_step(statements: list[Statement], known: dict[int, int]) -> tuple[int, int] | None:
    for speaker, statement in enumerate(statements):
        involved = _people_in(statement, len(statements)) | {speaker}
        free = sorted(involved - known.keys())
        if (
            not free
            and statement[0] != "liars"
            and holds(statement, _world(known, len(statements))) == bool(known[speaker])
        ):
            continue
        fits = []
        for values in product((0, 1), repeat=len(free)):
            world = _world({**known, **dict(zip(free, values, strict=True))}, len(statements))
            if holds(statement, world) == bool(world[speaker]):
                fits.append(values)
        if not fits:
            raise _Contradiction(speaker)
        for at, person in enumerate(free):
            if len({values[at] for values in fits}) == 1:
                return person, fits[0][at]
    return None


def _people_in(statement: Statement, n: int) -> set[int]:
    return set(range(n)) if statement[0] == "liars" else set(statement[1:])


def _world(known: Mapping[int, int], n: int) -> World:
    return tuple(known.get(i, -1) for i in range(n))


def _explain(statements: list[Statement], truth: World, who: list[Person]) -> str | None:
    """The shortest argument that needs one assumption: suppose the opposite of the truth, meet a clash, go on."""
    best: list[str] | None = None
    for person in range(len(truth)):
        wrong = {person: 1 - truth[person]}
        clash_steps, clashed = _spread(statements, wrong, who)
        if not clashed:
            continue
        right = {person: truth[person]}
        steps, _ = _spread(statements, right, who)
        if len(right) < len(truth):
            continue
        name = who[person].name
        parts = [f"Suppose {name} {'is truthful' if not truth[person] else 'lies'}: "
                 f"{', '.join(clash_steps)}.",
                 f"So {name} "
                 f"{'is truthful' if truth[person] else 'lies'}{''.join(f', {s}' for s in steps)}."]  # fmt: skip
        if best is None or sum(map(len, parts)) < sum(map(len, best)):
            best = parts
    return None if best is None else " ".join(best)


def _group(world: World, who: list[Person], value: int, size: int) -> str:
    chosen = [who[i].name for i in range(size) if world[i] == value]
    if not chosen:
        return "None of them" if size > 2 else "Neither of them"
    if len(chosen) == size:
        return "All of them" if size > 2 else "Both of them"
    return f"Only {chosen[0]}" if len(chosen) == 1 else listing(chosen)


def _canonical(statements: list[Statement], tail: tuple) -> tuple:
    """The least form over all renamings of the speakers: who speaks first does not matter."""
    n, forms = len(statements), []
    for order in permutations(range(n)):
        renamed: list[Statement] = [()] * n
        for speaker, (kind, *args) in enumerate(statements):
            renamed[order[speaker]] = (kind, *(args if kind == "liars" else sorted(order[a] for a in args)))
        forms.append(tuple(renamed))
    return (min(forms), *tail)


def _islanders(rng: Random, level: int) -> Draft | None:
    n = rng.choice(_SIZE[level])
    statements = [_statement(rng, i, n, level) for i in range(n)]
    found = worlds(statements)
    if len(found) != 1:
        return None
    truth, who = found[0], people(rng, n)
    argument = _explain(statements, truth, who)
    if argument is None:
        return None
    scene = rng.choice(_SCENES).format(who=listing([p.name for p in who]))
    told = " ".join(_says(rng, i, s, who) for i, s in enumerate(statements))
    if n > 2 and rng.random() < 0.25:
        liars = truth.count(0)
        key, tail, ask = str(liars), ("count",), "How many of them are liars?"
        mistakes = [str(m) for m in (n - liars, liars + 1, liars - 1, *range(n + 1)) if 0 <= m <= n]
        argument += f" Liars: {liars}."
    else:
        value = int(rng.random() < 0.6)
        noun = "truth-teller" if value else "liar"
        ask = rng.choice(
            [f"Who of them is a {noun}?", f"Which of them are {noun}s?" if n > 2 else f"Who is a {noun}?"]
        )
        key, tail = _group(truth, who, value, n), ("who", value)
        mistakes = [_group(w, who, value, n) for w in _near_worlds(rng, statements, truth)]
        argument += f" {capital(noun)}s: {key[5:] if key.startswith('Only ') else key}."
    return Draft(f"{scene} {told} {ask}", key, mistakes, argument, ("island", *_canonical(statements, tail)))


def _near_worlds(rng: Random, statements: list[Statement], truth: World) -> list[World]:
    """Wrong worlds, first those that break the fewest statements (an unfinished check takes them for right)."""
    others = [w for w in product((0, 1), repeat=len(truth)) if w != truth]
    rng.shuffle(others)
    opposite = tuple(1 - v for v in truth)
    others.sort(
        key=lambda w: sum(holds(s, w) != bool(w[i]) for i, s in enumerate(statements)) - (w == opposite)
    )
    return others


# -- who did it: one culprit, and so many of the statements are true ------------------------------------------------

_DEEDS = ("broke the vase", "ate the last cake", "hid the key", "took the pen", "left the gate open",
          "spilled the paint",
          "sent the card", "won the prize", "rang the bell", "lost the ticket")  # fmt: skip


def _blame(rng: Random, speaker: int, n: int) -> Statement:
    others = [i for i in range(n) if i != speaker]
    kind = rng.choice(("did", "did", "not", "self_not", "either"))
    if kind == "self_not":
        return ("not", speaker)
    if kind == "either":
        return ("either", *sorted(rng.sample(others, 2)))
    return (kind, rng.choice(others))


def _blame_true(statement: Statement, culprit: int) -> bool:
    return (culprit in statement[1:]) == (statement[0] != "not")


def _culprit(rng: Random, level: int) -> Draft | None:
    n = 4 if level < 7 else 5
    speakers = {1: 2, 2: 3, 3: 3, 4: 3, 5: 4, 6: 4}.get(level, 5)
    statements = [_blame(rng, i, n) for i in range(speakers)]
    true_count = rng.randrange(0, speakers)
    fitting = [c for c in range(n) if sum(_blame_true(s, c) for s in statements) == true_count]
    if len(fitting) != 1 or len(set(statements)) < speakers:
        return None
    culprit, who, deed = fitting[0], people(rng, n), rng.choice(_DEEDS)
    told = []
    for i, (kind, *args) in enumerate(statements):
        suspects = [who[x].name for x in args]
        said = "It was not me" if args == [i] else {
            "did": f"It was {suspects[0]}", "not": f"It was not {suspects[0]}",
            "either": f"It was {listing(suspects, 'or')}"}[kind]  # fmt: skip
        told.append(f'{who[i].name}: "{said}."')
    none = "Neither" if speakers == 2 else "None"
    amount = none if true_count == 0 else f"Exactly {number_word(true_count)}"
    scene = rng.choice(["One of {who} {deed}.", "Exactly one of {who} {deed}."])
    scene = scene.format(who=listing([p.name for p in rng.sample(who, n)]), deed=deed)
    count = f"{amount} of the {number_word(speakers)} statements {'is' if true_count < 2 else 'are'} true."
    tries = []
    for c in range(n):
        marks = "".join("T" if _blame_true(s, c) else "F" for s in statements)
        tries.append(f"{who[c].name}: {marks}, {marks.count('T')} true.")
    steps = f"Try each; {true_count} must be true. {' '.join(tries)} Only {who[culprit].name} fits."
    claims = [who[x].name for kind, *args in statements if kind != "not" for x in args]
    rest = [p.name for p in who]
    rng.shuffle(rest)
    form = ("culprit", n, true_count, _blame_form(statements, n))
    return Draft(
        f"{scene} {' '.join(told)} {count} Who {deed}?", who[culprit].name, claims + rest, steps, form
    )


def _blame_form(statements: list[Statement], n: int) -> tuple:
    def renamed(order: tuple) -> tuple:
        return tuple(
            sorted(
                (order[i], kind, *sorted(order[a] for a in args))
                for i, (kind, *args) in enumerate(statements)
            )
        )

    return min(map(renamed, permutations(range(n))))


def make(rng: Random, level: int) -> Draft | None:
    return _culprit(rng, level) if rng.random() < 0.4 else _islanders(rng, level)


KIND = Kind(
    "truth_tellers",
    "Truth-tellers and liars",
    ("Truth-teller and liar problems", "Who did it"),
    "Logical Reasoning",
    make,
    short_level=4,
)

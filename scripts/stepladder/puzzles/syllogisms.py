"""Syllogisms and sets: which conclusion must be true, and how many belong to which sets.

A statement is ("all" | "no" | "some" | "some_not", x, y) over groups numbered from 0. A region is one combination of
memberships, as bits; "all" and "no" empty regions, "some" and "some_not" say that one of a set of regions is filled.
"""

from __future__ import annotations

from itertools import permutations, product
from random import Random

from .base import Draft, Kind, near
from .words import capital

Statement = tuple[str, int, int]
_NOUNS = """
painters runners singers gardeners teachers bakers climbers swimmers dancers drivers readers poets
sailors farmers cooks pilots cyclists nurses potters archers bloops wugs daxes zorps mivs toves feps
blickets drums lamps stones kites
"""
_GROUPS = tuple(_NOUNS.split())
_TERMS = {1: 3, 2: 3, 3: 3, 4: 4, 5: 4, 6: 4, 7: 5, 8: 5, 9: 6, 10: 6}
_FORMS = ("all", "no", "some", "some_not")


def regions(statement: Statement, n: int) -> frozenset[int]:
    """The regions a statement speaks of: emptied by "all" and "no", one of them filled by "some" and "some_not"."""
    form, x, y = statement
    with_y = form in ("no", "some")
    return frozenset(r for r in range(2**n) if r >> x & 1 and bool(r >> y & 1) == with_y)


def follows(conclusion: Statement, premises: list[Statement], n: int, filled: bool = False) -> bool:
    """Whether the conclusion holds in every model; with `filled`, only models without empty groups count."""
    open_regions = set(range(2**n))
    for premise in premises:
        if premise[0] in ("all", "no"):
            open_regions -= regions(premise, n)
    meant = regions(conclusion, n)
    if conclusion[0] in ("all", "no"):
        return not meant & open_regions
    witnesses = [regions(p, n) & open_regions for p in premises if p[0] in ("some", "some_not")]
    if filled:
        witnesses += [{r for r in open_regions if r >> x & 1} for x in range(n)]
    return any(witness <= meant for witness in witnesses)


def possible(premises: list[Statement], n: int) -> bool:
    """Whether there is a model without empty groups."""
    open_regions = set(range(2**n))
    for premise in premises:
        if premise[0] in ("all", "no"):
            open_regions -= regions(premise, n)
    wanted = [regions(p, n) for p in premises if p[0] in ("some", "some_not")]
    return all(w & open_regions for w in wanted) and all(
        any(r >> x & 1 for r in open_regions) for x in range(n)
    )


def combine(first: Statement, second: Statement) -> Statement | None:
    """What the classic syllogisms make of two statements, in this order."""
    (f, x, y), (g, u, v) = first, second
    if f == "all" and g in ("all", "no") and y == u and x != v:
        return (g, x, v)
    if f == "some" and g in ("all", "no") and y == u and x != v:
        return ("some" if g == "all" else "some_not", x, v)
    if f == "some_not" and g == "all" and y == v and x != u:
        return ("some_not", x, u)
    if f == "all" and g == "some_not" and x == u and y != v:
        return ("some_not", y, v)
    return None


def turn(statement: Statement) -> Statement:
    """ "no" and "some" read the same the other way round; as a normal form the smaller group comes first."""
    form, x, y = statement
    return (form, y, x) if form in ("no", "some") and x > y else statement


def derive(premises: list[Statement]) -> dict[Statement, tuple[Statement, Statement] | None]:
    """All that syllogisms derive from the premises, each with the two it came from."""
    known: dict[Statement, tuple[Statement, Statement] | None] = {turn(p): None for p in premises}
    grown = True
    while grown:
        grown = False
        for a, b in permutations(list(known), 2):
            for first, second in product(_ways(a), _ways(b)):
                made = combine(first, second)
                if made and turn(made) not in known:
                    known[turn(made)] = (first, second)
                    grown = True
    return known


def _ways(s: Statement) -> tuple[Statement, ...]:
    return (s, (s[0], s[2], s[1])) if s[0] in ("no", "some") else (s,)


def _path(goal: Statement, known: dict) -> list[tuple[Statement, Statement, Statement]]:
    """The derivation of a statement, as steps (one, other, what they give)."""
    source = known[turn(goal)]
    if source is None:
        return []
    return [*_path(source[0], known), *_path(source[1], known), (*source, goal)]


def say(statement: Statement, group: list[str]) -> str:
    form, x, y = statement
    return f"{form.removesuffix('_not')} {group[x]} are {'not ' if form == 'some_not' else ''}{group[y]}"


def _premises(rng: Random, n: int) -> list[Statement]:
    """A tree over all groups, mostly a chain, each link of a random form and direction."""
    order = rng.sample(range(n), n)
    out: list[Statement] = []
    for i in range(1, n):
        x, y = order[i - 1] if i < 2 or rng.random() < 0.8 else rng.choice(order[: i - 1]), order[i]
        form = rng.choices(_FORMS, (4, 1.3, 1.3, 0.7))[0]
        out.append((form, x, y) if rng.random() < 0.75 else (form, y, x))
    return out


def _conclusion(rng: Random, level: int) -> Draft | None:
    n = _TERMS[level]
    premises = _premises(rng, n)
    if sum(p[0] in ("no", "some", "some_not") for p in premises) > 2 or not possible(premises, n):
        return None
    known = derive(premises)
    paths = {goal: _path(goal, known) for goal in known}
    longest = max(len(path) for path in paths.values())
    if longest < (1 if n == 3 else n - 3):
        return None
    key = rng.choice([goal for goal, path in paths.items() if len(path) == longest])
    if not follows(key, premises, n):
        return None
    group = rng.sample(_GROUPS, n)
    wrong = [s for s in _tempting(rng, key, premises, n) if not follows(s, premises, n, filled=True)]
    told = rng.sample(premises, len(premises)) if level > 1 else premises
    facts = " ".join(capital(say(p, group)) + "." for p in told)
    ask = rng.choice(
        ["Which conclusion must be true?", "What follows for certain?", "Which statement must then be true?"]
    )
    steps = " ".join(f"{capital(say(a, group))}, {say(b, group)}: {say(c, group)}." for a, b, c in paths[key])
    return Draft(f"{facts} {ask}", capital(say(key, group)), [capital(say(s, group)) for s in wrong], steps,
                 ("conclusion", *_canonical(premises, key)))  # fmt: skip


def _tempting(rng: Random, key: Statement, premises: list[Statement], n: int) -> list[Statement]:
    """Wrong conclusions: the converse, too strong, denied, and others between the same groups."""
    _, x, y = key
    near_key = [
        ("all", y, x),
        ("all", x, y),
        ("no", x, y),
        ("some_not", x, y),
        ("some_not", y, x),
        ("some", x, y),
    ]
    rng.shuffle(near_key)
    ends = rng.sample(range(n), 2)
    others = [(p[0], p[2], p[1]) for p in premises if p[0] in ("all", "some_not")] + [
        ("all", *ends),
        ("no", *ends),
    ]
    return [s for s in near_key[:4] + others + near_key[4:] if turn(s) != turn(key)]


def _canonical(premises: list[Statement], key: Statement) -> tuple:
    """The premises as a tree seen from the conclusion's group, without numbers: the same under any renaming."""
    links: dict[int, list[tuple[str, int]]] = {}
    for form, x, y in premises:
        forward, back = (form, form) if form in ("no", "some") else (f"{form}>", f"<{form}")
        links.setdefault(x, []).append((forward, y))
        links.setdefault(y, []).append((back, x))

    def tree(node: int, parent: int | None, goal: int) -> tuple:
        return (node == goal, *sorted((link, tree(z, node, goal)) for link, z in links[node] if z != parent))

    form, x, y = key
    seen = [tree(x, None, y)] + ([tree(y, None, x)] if form in ("no", "some") else [])
    return (form, min(seen))


# -- how many belong to which sets -----------------------------------------------------------------------------------

# where, who, what they do, three things they do it with
_CLUBS = (("club", "members", "play", "chess", "tennis", "the piano"),
          ("class", "pupils", "take", "art", "music", "drama"),
          ("village", "families", "own", "a dog", "a cat", "a car"),
          ("firm", "people", "speak", "French", "Hindi", "Thai"),
          ("street", "neighbours", "like", "tea", "coffee", "cocoa"),
          ("town", "readers", "buy", "books", "comics", "maps"))  # fmt: skip


def _two_sets(rng: Random, level: int) -> Draft:
    where, members, do, *things = rng.choice(_CLUBS)
    first, second = rng.sample(things, 2)
    scale = 3 + 2 * level
    only_a, only_b, both, neither = (rng.randint(2, scale) for _ in range(4))
    total, a, b = only_a + only_b + both + neither, only_a + both, only_b + both
    union = total - neither
    goal = rng.choice(("neither", "both", "one", "only") if level > 2 else ("neither", "only"))
    known = f"Of {total} {members} in a {where}, {a} {do} {first} and {b} {do} {second}; "
    known += f"{neither} {do} neither." if goal == "both" else f"{both} {do} both."
    at_least = f"{a} + {b} - {both} = {union} {do} at least one."
    key, ask, steps, wrong = {
        "neither": (neither, f"How many {do} neither?", f"{at_least} {total} - {union} = {neither}.",
                    [total - a - b, total - both, union, a + b]),
        "one": (only_a + only_b, f"How many {do} exactly one of the two?", f"{at_least} {union} - "
                                                                           f"{both} = {only_a + only_b}.",
                [union, total - both, a + b, only_a]),
        "both": (both, f"How many {do} both?", f"{total} - {neither} = {union} {do} at least one. {a} + "
                                               f"{b} - {union} = {both}.",
                 [total - a, a + b - total, abs(a - b), union - a]),
        "only": (only_a, f"How many {do} {first} but not {second}?", f"{a} - {both} = {only_a}.",
                 [a, only_b, union, total - b]),
    }[goal]  # fmt: skip
    mistakes = [str(w) for w in wrong if w >= 0] + near(rng, key)
    return Draft(f"{known} {ask}", str(key), mistakes, steps, ("two sets", goal, total, a, b, both))


def _three_sets(rng: Random, level: int) -> Draft:
    """Inclusion and exclusion over three sets."""
    where, members, do, *things = rng.choice(_CLUBS)
    x, y, z = rng.sample(things, 3)
    cells = {bits: rng.randint(1, 2 + level) for bits in product((0, 1), repeat=3)}
    total = sum(cells.values())
    singles = [sum(v for bits, v in cells.items() if bits[i]) for i in range(3)]
    pairs = [sum(v for bits, v in cells.items() if bits[i] and bits[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    triple, none = cells[1, 1, 1], cells[0, 0, 0]
    union = total - none
    question = (f"Of {total} {members} in a {where}, {singles[0]} {do} {x}, {singles[1]} {do} {y} and "
                f"{singles[2]} {do} {z}. "
                f"{pairs[0]} {do} {x} and {y}, {pairs[1]} {x} and {z}, {pairs[2]} {y} and {z}, and "
                f"{triple} {do} all three. "
                f"How many {do} none of them?")  # fmt: skip
    steps = (f"{' + '.join(map(str, singles))} = {sum(singles)}. {' + '.join(map(str, pairs))} = "
             f"{sum(pairs)}. "
             f"{sum(singles)} - {sum(pairs)} + {triple} = {union}. {total} - {union} = {none}.")  # fmt: skip
    wrong = [none + triple, none + 2 * triple, abs(total - sum(singles)), union, none + 1]
    return Draft(question, str(none), [str(w) for w in wrong] + near(rng, none), steps,
                 ("three sets", total, tuple(singles), tuple(pairs), triple))  # fmt: skip


def make(rng: Random, level: int) -> Draft | None:
    if rng.random() < 0.35:
        return _three_sets(rng, level) if level >= 7 else _two_sets(rng, level)
    return _conclusion(rng, level)


KIND = Kind(
    "syllogisms",
    "Syllogisms and sets",
    ("What must be true", "Counting members"),
    "Logical Reasoning",
    make,
    short_level=6,
)

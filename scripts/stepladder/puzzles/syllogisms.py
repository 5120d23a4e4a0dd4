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
_GROUPS = ("painters", "runners", "singers", "gardeners", "teachers", "bakers", "climbers", "swimmers", "dancers", "drivers",
           "readers", "poets", "sailors", "farmers", "cooks", "pilots", "cyclists", "nurses", "potters", "archers", "bloops",
           "wugs", "daxes", "zorps", "mivs", "toves", "feps", "blickets", "drums", "lamps", "stones", "kites")  # fmt: skip
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
    return all(w & open_regions for w in wanted) and all(any(r >> x & 1 for r in open_regions) for x in range(n))


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
    start = {"all": "all", "no": "no", "some": "some", "some_not": "some"}[form]
    return f"{start} {group[x]} are {'not ' if form == 'some_not' else ''}{group[y]}"


def _premises(rng: Random, n: int) -> list[Statement]:
    """A chain over all groups, each link in a random form and, where it matters, direction."""
    order = rng.sample(range(n), n)
    out: list[Statement] = []
    for x, y in zip(order, order[1:], strict=False):
        form = rng.choices(_FORMS, (5, 1.2, 1.2, 0.5))[0]
        out.append((form, x, y) if rng.random() < 0.8 else (form, y, x))
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
    ask = rng.choice(["Which conclusion must be true?", "What follows for certain?", "Which statement must then be true?"])
    steps = " ".join(f"{capital(say(a, group))}, {say(b, group)}: {say(c, group)}." for a, b, c in paths[key])
    return Draft(f"{facts} {ask}", capital(say(key, group)), [capital(say(s, group)) for s in wrong], steps,
                 ("conclusion", *_canonical(premises, key)))  # fmt: skip


def _tempting(rng: Random, key: Statement, premises: list[Statement], n: int) -> list[Statement]:
    """Wrong conclusions: the converse, too strong, denied, and others between the same groups."""
    form, x, y = key
    near_key = [("all", y, x), ("all", x, y), ("no", x, y), ("some_not", x, y), ("some_not", y, x), ("some", x, y)]
    rng.shuffle(near_key)
    ends = rng.sample(range(n), 2)
    others = [(p[0], p[2], p[1]) for p in premises if p[0] in ("all", "some_not")] + [("all", *ends), ("no", *ends)]
    return [s for s in near_key[:4] + others + near_key[4:] if turn(s) != turn(key)]


def _canonical(premises: list[Statement], key: Statement) -> tuple:
    """Groups renumbered along the chain, from its end that gives the lesser form."""
    degree: dict[int, list[int]] = {}
    for _, x, y in premises:
        degree.setdefault(x, []).append(y)
        degree.setdefault(y, []).append(x)
    forms = []
    for end in sorted(x for x, near_by in degree.items() if len(near_by) == 1):
        order, last = [end], None
        while len(order) < len(degree):
            step = next(z for z in degree[order[-1]] if z != last)
            last = order[-1]
            order.append(step)
        at = {x: i for i, x in enumerate(order)}
        renamed = tuple(sorted(turn((f, at[x], at[y])) for f, x, y in premises))
        forms.append((renamed, turn((key[0], at[key[1]], at[key[2]]))))
    return min(forms)


# -- how many belong to which sets -----------------------------------------------------------------------------------

_PAIRS = (("club", "members", "play chess", "play tennis", "play the piano"), ("class", "pupils", "take art", "take music", "take drama"),
          ("village", "families", "own a dog", "own a cat", "own a car"), ("firm", "people", "speak French", "speak Hindi", "speak Thai"),
          ("camp", "children", "can swim", "can ski", "can ride"))  # fmt: skip


def _two_sets(rng: Random, level: int) -> Draft:
    where, members, first, second, _ = rng.choice(_PAIRS)
    scale = 3 + 2 * level
    only_a, only_b, both, neither = (rng.randint(2, scale) for _ in range(4))
    total, a, b = only_a + only_b + both + neither, only_a + both, only_b + both
    goal = rng.choice(("neither", "both", "one", "only") if level > 2 else ("neither", "only"))
    known = f"Of {total} {members} in a {where}, {a} {first} and {b} {second}"
    union = total - neither
    if goal in ("neither", "one"):
        told = f"{known}; {both} do both."
        key = neither if goal == "neither" else only_a + only_b
        ask = "How many do neither?" if goal == "neither" else "How many do exactly one of the two?"
        steps = f"{a} + {b} - {both} = {union} do at least one. " + (f"{total} - {union} = {key}." if goal == "neither" else f"{union} - {both} = {key}.")
        wrong = [total - a - b, total - both, union, a + b, key + both]
    elif goal == "both":
        told, key = f"{known}; {neither} do neither.", both
        ask = "How many do both?"
        steps = f"{total} - {neither} = {union} do at least one. {a} + {b} - {union} = {both}."
        wrong = [total - a, a + b - total, abs(a - b), union - a, union]
    else:
        told, key = f"{known}; {both} do both.", only_a
        ask = f"How many {first} but do not {second.removeprefix('can ')}?" if not first.startswith("can") else f"How many {first} but cannot {second[4:]}?"
        steps = f"{a} - {both} = {key}."
        wrong = [a, only_b, a + b - both, total - b, key + neither]
    form = ("two sets", goal, total, a, b, both)
    return Draft(f"{told} {ask}", str(key), [str(w) for w in wrong if w >= 0] + near(rng, key), steps, form)


def _three_sets(rng: Random, level: int) -> Draft:
    """Inclusion and exclusion over three sets."""
    where, members, *acts = rng.choice(_PAIRS)
    cells = {bits: rng.randint(1, 2 + level) for bits in product((0, 1), repeat=3)}
    total = sum(cells.values())
    singles = [sum(v for bits, v in cells.items() if bits[i]) for i in range(3)]
    pairs = [sum(v for bits, v in cells.items() if bits[i] and bits[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    triple, none = cells[1, 1, 1], cells[0, 0, 0]
    union = total - none
    question = (f"Of {total} {members} in a {where}, {singles[0]} {acts[0]}, {singles[1]} {acts[1]} and {singles[2]} {acts[2]}. "
                f"{pairs[0]} do the first and second, {pairs[1]} the first and third, {pairs[2]} the second and third, and {triple} do all three. "
                f"How many do none of the three?")  # fmt: skip
    steps = (f"{' + '.join(map(str, singles))} = {sum(singles)}. {' + '.join(map(str, pairs))} = {sum(pairs)}. "
             f"{sum(singles)} - {sum(pairs)} + {triple} = {union}. {total} - {union} = {none}.")  # fmt: skip
    wrong = [none + triple, none + 2 * triple, abs(total - sum(singles)), union, none + 1]
    return Draft(question, str(none), [str(w) for w in wrong] + near(rng, none), steps,
                 ("three sets", total, tuple(singles), tuple(pairs), triple))  # fmt: skip


def make(rng: Random, level: int) -> Draft | None:
    if rng.random() < 0.35:
        return _three_sets(rng, level) if level >= 7 else _two_sets(rng, level)
    return _conclusion(rng, level)


KIND = Kind("syllogisms", "Syllogisms and sets", ("What must be true", "Counting members"), "Logical Reasoning", make, short_level=6)

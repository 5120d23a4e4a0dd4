"""Syllogisms in words: what must, cannot, could and need not be true, given what all, no and some members are.

The four statements come first: two slips are crossed (another quantifier, subject and predicate turned, another
subject, another predicate). Then premises are derived backwards from the one that is to be right, and loose premises
bring in the other classes, so that exactly this one of the four is right whether or not classes may be empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

from .base import Kind, Template, Told, World
from .canonical import canonical
from .categorical import FORMS, SYMMETRIC, Derivation, Statement, Theory, contradict, converse, derive, same
from .set_counts import THREE_SETS, TWO_SETS
from .words import a, capital, names, plural

_PEOPLE = ("painter", "runner", "singer", "gardener", "teacher", "baker", "climber", "swimmer", "dancer", "driver",
           "poet", "sailor", "farmer", "cook", "pilot", "cyclist", "nurse", "potter", "archer", "actor", "weaver")
_THINGS = ("gift", "antique", "toy", "prize", "souvenir", "bargain", "import", "exhibit", "sample", "trophy", "tool",
           "ornament", "copy", "novelty")
_MADE_UP = ("bloop", "wug", "dax", "zorp", "miv", "tove", "fep", "blicket", "glim", "quorp", "narl", "vint", "plim",
            "snark")
_X, _Z, _Y, _W = range(4)  # the subject, the predicate, and the other subject and predicate of the four statements
_MOST = 13  # classes in a puzzle
_TRIES = 60
_WORDS = 80  # of the steps; with the options this makes about 110
# syllogisms in the chain, by level
_MUST = {1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4, 7: 4, 8: 5, 9: 5, 10: 6}
_CANNOT = {1: 1, 2: 1, 3: 2, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4, 9: 5, 10: 5}
_THREE = {4: (1, 1, 0), 5: (1, 1, 0), 6: (1, 1, 1), 7: (2, 1, 1), 8: (2, 1, 1), 9: (2, 2, 1), 10: (2, 2, 2)}


# -- the four statements ---------------------------------------------------------------------------------------------

_FORM_PAIRS = (("all", "no"), ("some", "some not"), ("all", "some not"), ("no", "some"))


def _grid(forms: Sequence[str], subjects: Sequence[int], predicates: Sequence[int]) -> list[Statement]:
    return list(product(forms, subjects, predicates))


def _both_ways(forms: Sequence[str], predicates: Sequence[int]) -> list[Statement]:
    ways = _grid(forms, (_X,), predicates)
    return ways + [converse(one) for one in ways]


def _one_follows(rng: Random) -> list[Statement]:
    """Four statements of which any one can follow without the others."""
    slips = rng.choice(("form, turn", "form, predicate", "form, subject", "turn, predicate", "subject, predicate"))
    if slips == "form, turn":
        return _both_ways(("all", "some not"), (_Z,))
    if slips == "form, predicate":
        return _grid(rng.choice(_FORM_PAIRS), (_X,), (_Z, _W))
    if slips == "form, subject":
        return _grid(rng.choice(_FORM_PAIRS), (_X, _Y), (_Z,))
    if slips == "turn, predicate":
        return _both_ways((rng.choice(("all", "some not")),), (_Z, _W))
    return _grid((rng.choice(FORMS),), (_X, _Y), (_Z, _W))


def _three_follow(rng: Random) -> list[Statement]:
    """Four statements of which any three can follow without the fourth."""
    slips = rng.choice(("form, predicate", "turn, predicate", "subject, predicate", "subject, predicate"))
    if slips == "form, predicate":
        return _grid(("some", "some not"), (_X,), (_Z, _W))
    if slips == "turn, predicate":
        return _both_ways(("some not",), (_Z, _W))
    return _grid((rng.choice(FORMS),), (_X, _Y), (_Z, _W))


# -- in words --------------------------------------------------------------------------------------------------------


class _Classes:
    """What the classes are called; individuals (`singles`) have names."""

    def __init__(self, rng: Random, count: int, singles: Sequence[int]) -> None:
        pool = _PEOPLE if singles else rng.choice((_PEOPLE, _THINGS, _MADE_UP))
        self._nothing = "Nobody" if pool is _PEOPLE else "Nothing"
        self._one = rng.sample(pool, count)
        self._names = dict(zip(singles, names(rng, len(singles)), strict=True))

    def name(self, single: int) -> str:
        return self._names[single]

    def plain(self, statement: Statement) -> str:
        """The statement as the options have it, without a capital."""
        form, x, y = statement
        if x in self._names:
            return f"{self._names[x]} is {'not ' if form == 'no' else ''}{a(self._one[y])}"
        quantifier, link = ("some", "are not") if form == "some not" else (form, "are")
        return f"{quantifier} {plural(self._one[x])} {link} {plural(self._one[y])}"

    def sentence(self, rng: Random, statement: Statement, easy: bool) -> str:
        """A premise, in one of several wordings, or two easy ones."""
        form, x, y = statement
        if x in self._names or rng.random() < 0.5:
            return capital(self.plain(statement)) + "."
        one, other = self._one[x], self._one[y]
        wordings = {
            "all": [f"Every {one} is {a(other)}.", f"Only {plural(other)} are {plural(one)}."],
            "no": [f"No {one} is {a(other)}.", f"{self._nothing} is both {a(one)} and {a(other)}."],
            "some": [f"At least one {one} is {a(other)}.", f"There are {plural(one)} that are {plural(other)}."],
            "some not": [f"Not all {plural(one)} are {plural(other)}.", f"At least one {one} is not {a(other)}."],
        }[form]
        return wordings[0] if easy else rng.choice(wordings)


def _told(rng: Random, classes: _Classes, premises: Sequence[Statement], options: Sequence[Statement], easy: bool
          ) -> str:
    told = [classes.sentence(rng, premise, easy) for premise in rng.sample(premises, len(premises))]
    if any("some" in text.lower().split() for text in (*told, *map(classes.plain, options))):
        told.append('Here "some" means "at least one".')
    return " ".join(told)


def _steps(classes: _Classes, derivation: Derivation) -> list[str]:
    """A sentence a syllogism; what the one before arrived at is not repeated."""
    if not derivation.inferences:
        return [f"It is given that {classes.plain(derivation.premises[0])}."]
    steps, known = [], None
    for inference in derivation.inferences:
        new = [one for one in (inference.first, inference.second) if one != known]
        steps.append(f"As {' and '.join(map(classes.plain, new))}, {classes.plain(inference.conclusion)}.")
        known = inference.conclusion
    return steps


def _structure(premises: Sequence[Statement], goal: Statement, count: int, singles: Sequence[int]) -> tuple:
    """The premises and what is concluded, whatever the classes are called."""
    facts = [(form, ((x,), (y,))) for form, x, y in premises]
    asked = ((goal[1], goal[2]),) if goal[0] in SYMMETRIC else ((goal[1],), (goal[2],))
    marks = [("individual", ((one,),)) for one in singles]
    return canonical(count, [*facts, (f"{goal[0]} is asked", asked), *marks])


# -- premises --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Case:
    """The four statements that can be asked about, the one that is to be right, and which classes are individuals.

    The classes of the statements are numbered from 0 without gaps.
    """

    statements: tuple[Statement, ...]
    goal: Statement
    singles: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        return 1 + max(x for statement in self.statements for x in statement[1:])


def _loose(rng: Random, case: _Case, premises: Sequence[Statement], extra: int) -> tuple[list[Statement], int]:
    """The premises, with loose ones for the statements' other classes and for `extra` new ones; how many classes.

    About individuals the loose ones are as those needed, so that their form tells nothing: no "some", a second person
    introduced as the first is, and where the statements say both "is" and "is not", one "no" among all premises.
    """
    premises = list(premises)
    used = sorted({x for premise in premises for x in premise[1:]})
    fresh = max(*used, case.count - 1) + 1
    loose = [x for x in range(fresh) if x not in used] + list(range(fresh, fresh + extra))
    new = [x for x in loose if x not in case.singles]
    forms = [rng.choice(FORMS[:2] if case.singles else FORMS) for _ in new]
    if len(case.singles) == 1:
        forms = ["all"] * len(new)
        if not any(form == "no" for form, *_ in premises):
            forms[-1] = "no"
    for x, form in zip(new, forms, strict=True):
        other = rng.choice([one for one in used if one not in case.singles])
        premises.append((form, other, x) if rng.random() < 0.5 else (form, x, other))
        used.append(x)
    introduced = [form for form, x, y in premises if {x, y} & set(case.singles)]
    premises += [(introduced[0], x, rng.choice(new)) for x in loose if x in case.singles]
    return premises, fresh + extra


def _one_chain(rng: Random, case: _Case, length: int) -> tuple[list[Statement], list[Derivation], int] | None:
    """Premises from which the goal alone follows, by a chain of so many syllogisms, none of them needless."""
    derivation = derive(rng, case.goal, range(case.count, case.count + length), case.singles)
    if len(case.singles) == 1 and any(form == "no" and x in case.singles for form, x, _ in derivation.premises):
        return None  # nothing but "is not" follows from what somebody is not
    missing = case.count - len(set(case.goal[1:]))
    extra = max(bool(case.singles), 1 - missing) + ((length == 1 or bool(case.singles)) and rng.random() < 0.5)
    premises, count = _loose(rng, case, derivation.premises, extra)
    theory = Theory(premises, count)
    if not theory.consistent() or any(theory.might_entail(one) for one in case.statements if one != case.goal):
        return None
    for needed in derivation.premises:
        if Theory([one for one in premises if one != needed], count).entails(case.goal):
            return None
    return premises, [derivation], count


def _three_chains(rng: Random, case: _Case, lengths: Sequence[int]
                  ) -> tuple[list[Statement], list[Derivation], int] | None:
    """Premises from which the three others follow, by chains that may share classes, and the goal does not."""
    others = [one for one in case.statements if one != case.goal]
    premises: list[Statement] = []
    derivations, count = [], case.count
    for statement, length in zip(others, rng.sample(lengths, len(others)), strict=True):
        middles = []
        for _ in range(length):
            shared = [x for x in range(case.count, count) if x not in middles]
            middles.append(rng.choice(shared) if shared and rng.random() < 0.6 else count)
            count = max(count, middles[-1] + 1)
        derivations.append(derive(rng, statement, middles))
        premises += [one for one in derivations[-1].premises if not any(same(one, known) for known in premises)]
    theory = Theory(premises, count)
    if not theory.consistent() or theory.might_entail(case.goal):
        return None
    concluded = [one.conclusion for derivation in derivations for one in derivation.inferences]
    if any(same(one, known) for i, one in enumerate(concluded) for known in (*premises, *concluded[:i])):
        return None  # concluded twice, or given anyhow
    return premises, derivations, count


# -- templates -------------------------------------------------------------------------------------------------------

_Pick = Callable[[Random], list[Statement]]


def _draw(pick: _Pick, opposite: bool, singles: Sequence[int] = ()) -> Callable[[Random, int], list[World]]:
    """Four statements as worlds; with `opposite` the options are what contradicts them.

    Facts: the case and what its classes are called.
    """
    def draw(rng: Random, level: int) -> list[World]:
        statements = pick(rng)
        order = {x: i for i, x in enumerate(sorted({x for one in statements for x in one[1:]}))}
        alone = tuple(order[x] for x in singles if x in order)
        statements = tuple((form, order[x], order[y]) for form, x, y in statements)
        classes = _Classes(rng, _MOST, alone)
        shown = [contradict(one) if opposite else one for one in statements]
        return [World(capital(classes.plain(one)), (_Case(statements, statement, alone), classes))
                for one, statement in zip(shown, statements, strict=True)]

    return draw


def _tell(asks: Sequence[str], premises_of: Callable, lengths: dict, end: str = "", opposite: bool = False) -> Callable:
    """Premises of the case's world in words. `end` is the last step, about the goal as the options have it."""
    def tell(rng: Random, level: int, world: World) -> Told | None:
        case, classes = world.facts
        case_premises = next(filter(None, (premises_of(rng, case, lengths[level]) for _ in range(_TRIES))), None)
        if case_premises is None:
            return None
        premises, derivations, count = case_premises
        options = [contradict(one) if opposite else one for one in case.statements]
        goal = contradict(case.goal) if opposite else case.goal
        ask = rng.choice(asks).format(*(classes.name(x) for x in case.singles))
        steps = [step for derivation in derivations for step in _steps(classes, derivation)]
        if end:
            steps.append(end.format(classes.plain(goal)))
        if sum(len(step.split()) for step in steps) > _WORDS:
            return None
        question = f"{_told(rng, classes, premises, options, level <= 2)} {ask}"
        return Told(question, steps, _structure(premises, case.goal, count, case.singles))

    return tell


def _about_one(rng: Random) -> list[Statement]:
    return _grid(("all", "no"), (_X,), (_Z, _W))


def _about_two(rng: Random) -> list[Statement]:
    return _grid((rng.choice(("all", "no")),), (_X, _Y), (_Z, _W))


_MUST_ASKS = ("Which conclusion must be true?", "What follows for certain?", "Which of these statements must be true?")
_CANNOT_ASKS = ("Which of these statements cannot be true?", "Which statement is impossible?",
                "Which of these statements must be false?")
_NEED_NOT_ASKS = ("Which conclusion does not follow?", "Which of these statements need not be true?",
                  "Three of these statements must be true. Which one need not be true?")
_COULD_ASKS = ("Which of these statements could be true?", "Only one of these statements is possible. Which one?",
               "Three of these statements must be false. Which one can be true?")

KIND = Kind(
    "syllogisms",
    "Syllogisms and sets",
    ("What must be true", "What cannot be true", "What could be or need not be true", "One person", "Counting members"),
    "Logical Reasoning",
    (
        Template("must", _draw(_one_follows, False), _tell(_MUST_ASKS, _one_chain, _MUST)),
        Template("cannot", _draw(_one_follows, True),
                 _tell(_CANNOT_ASKS, _one_chain, _CANNOT, "So it cannot be that {}.", True)),
        Template("one person", _draw(_about_one, False, (_X,)),
                 _tell(("What must be true of {}?", "What follows about {}?"), _one_chain, _MUST)),
        Template("two people", _draw(_about_two, False, (_X, _Y)),
                 _tell(("Which conclusion about {} or {} must be true?",), _one_chain, _MUST)),
        Template("need not", _draw(_three_follow, False),
                 _tell(_NEED_NOT_ASKS, _three_chains, _THREE, "Nothing makes it certain that {}."), range(4, 11)),
        Template("could", _draw(_three_follow, True),
                 _tell(_COULD_ASKS, _three_chains, _THREE, "Nothing rules out that {}.", True), range(4, 11)),
        TWO_SETS,
        THREE_SETS,
    ),
    short_level=10,
)

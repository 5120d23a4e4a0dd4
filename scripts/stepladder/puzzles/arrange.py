"""Arrangements of people over places, as puzzles: the templates that rows, rings and orders share, and their words.

A kind is a vocabulary: its sizes, how often each form of clue comes, and the words for clues and questions. Options
are four people of the cast, four neighbouring numbers, or four orders. People are drawn before what is said of them,
so each of four could as well be the one asked for; a number is picked first and the people asked about fit it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from .base import LETTERS, Template, Told, World, in_a_row
from .deduction import (
    SYMMETRIC,
    Changes,
    Clue,
    Layout,
    Step,
    choose_clues,
    needed,
    places,
    same_form,
    trace,
)
from .words import ORDINALS, capital, listing, names, number_word

# Deductions by level, the fewest and the most.
DEDUCTIONS = {1: (2, 2), 2: (2, 3), 3: (3, 4), 4: (3, 5), 5: (4, 5), 6: (4, 6), 7: (5, 7), 8: (6, 7), 9: (6, 8),
              10: (7, 9)}  # fmt: skip
_EASY_WORDS, _WORDS, _ORDER = 52, 100, 12  # of a solution: up to level 3, above, and less where options are orders
_SETS, _QUESTIONS = 60, 4  # tries: sets of clues, questions of each set


@dataclass(frozen=True)
class Theme:
    """The words of one arrangement.

    scenes: with {who}, {count} and {n}. clues, questions: wordings by form, with {x}, {y}, {z} for people, {number} for
    how many are between them, with {people}, {sit} and {are} to agree, {ordinal} for how far they are apart. reasons: a
    clue in short, {number} being how far. last: the step from places to the answer {value}. place(p, n): what is said
    of who has place p of n, "sits in seat 2". spot: what a place is called.
    """

    scenes: Sequence[str]
    clues: Mapping[str, Sequence[str]]
    reasons: Mapping[str, str]
    questions: Mapping[str, Sequence[str]]
    last: Mapping[str, str]
    place: Callable[[int, int], Sequence[str]]
    spot: str


@dataclass(frozen=True)
class Vocabulary:
    """sizes: how many people by level. weights(level): how often each form of clue comes."""

    themes: Sequence[Theme]
    sizes: Mapping[int, Sequence[int]]
    weights: Callable[[int], Mapping[str, float]]
    ring: bool = False


@dataclass(frozen=True)
class _Problem:
    layout: Layout
    clues: Sequence[Clue]
    question: Clue
    deductions: Sequence[tuple[Step, Changes]]


# -- what can be asked -----------------------------------------------------------------------------------------------


def _questions(layout: Layout, form: str) -> list[Clue]:
    """Every question of a form, written as a clue."""
    n, people = layout.n, range(layout.n)
    if form == "who":
        return [(form, (), place) for place in people]
    if form == "beside" and layout.ring:
        return [(form, (i,), d) for i in people for far in range(1, (n + 1) // 2) for d in (far, -far)]
    if form == "beside":
        return [(form, (i,), d) for i in people for d in (1, -1) if 0 <= i + d < n]
    if form == "across":
        return [(form, (i,), 0) for i in people] if n % 2 == 0 else []
    if form == "amid":
        return [(form, ((i - 1) % n, (i + 1) % n), 0) for i in people]
    if form == "count":
        return [(form, (i, j), 0) for i in people for j in people if (i != j if layout.ring else i < j)]
    if form == "order" and not layout.ring:
        return [(form, (), 0)]
    return [(form, (i,), 0) for i in people]  # "seat", "more", "less", and the order from somebody on


def _person(layout: Layout, question: Clue) -> int:
    """Who is asked for."""
    form, people, number = question
    if form == "who":
        return number
    step = {"across": layout.n // 2, "amid": 1}.get(form, number)
    return (people[0] + step) % layout.n


def _number(layout: Layout, question: Clue) -> int:
    """The number asked for."""
    form, people, _ = question
    if form == "count":
        return (people[1] - people[0]) % layout.n - 1
    return {"seat": people[0] + 1, "more": people[0], "less": layout.n - 1 - people[0]}[form]


def _numbers(layout: Layout, form: str) -> range:
    """The numbers that such a question can have for an answer."""
    return range(layout.n - 1) if form == "count" else range(1, layout.n + 1) if form == "seat" else range(layout.n)


def _goal(layout: Layout, question: Clue) -> set[int]:
    """Whose places answer the question."""
    form, people, _ = question
    if form == "order":
        return set(range(layout.n))
    return {*people, _person(layout, question)} if form in ("who", "beside", "across", "amid") else set(people)


def _outright(layout: Layout, clues: Sequence[Clue], question: Clue) -> bool:
    """Whether one clue alone says what is asked."""
    form, goal = question[0], _goal(layout, question)
    if len(goal) == 1:
        return any(clue[0] == "at" and set(clue[1]) == goal for clue in clues)
    if form == "amid":
        return any(clue[0] == "between" and set(clue[1]) == goal for clue in clues)
    exact = ("step", "steps", "opposite", "gap", "next")
    return form != "order" and any(clue[0] in exact and set(clue[1]) == goal for clue in clues)


def _find(rng: Random, layout: Layout, level: int, weights: Mapping[str, float], questions: Sequence[Clue]
          ) -> _Problem | None:  # fmt: skip
    """Clues and one of these questions, which takes as many deductions as the level asks for."""
    fewest, most = DEDUCTIONS[level]
    for _ in range(_SETS):
        clues = choose_clues(rng, layout, weights)
        if clues is None:
            continue
        steps = trace(layout, clues)
        if len(steps) < fewest:
            continue
        for question in rng.sample(questions, min(_QUESTIONS, len(questions))):
            deductions = needed(layout, steps, _goal(layout, question))
            if fewest <= len(deductions) <= most and not _outright(layout, clues, question):
                return _Problem(layout, clues, question, deductions)
    return None


# -- English ---------------------------------------------------------------------------------------------------------


def _clue_text(rng: Random, theme: Theme, layout: Layout, clue: Clue, who: Sequence[str]) -> str:
    """A clue in full English, one of several wordings."""
    form, people, number = clue
    if form == "at":
        return f"{who[people[0]]} {rng.choice(theme.place(number, layout.n))}."
    called = [who[person] for person in people]
    if form in SYMMETRIC:
        called = rng.sample(called, len(called))
    elif form == "between":
        called[1:] = rng.sample(called[1:], 2)
    return _worded(rng, theme.clues[form], called, number)


def _question_text(rng: Random, theme: Theme, layout: Layout, question: Clue, who: Sequence[str]) -> str:
    form, people, number = question
    if form == "who":
        return f"Who {rng.choice(theme.place(number, layout.n))}?"
    called = [who[person] for person in people]
    if form == "amid" or (form == "count" and not layout.ring):
        called = rng.sample(called, len(called))
    if form == "beside":
        form = ("after" if number > 0 else "before") + ("" if abs(number) == 1 else " far")
    return _worded(rng, theme.questions[form], called, number)


def _worded(rng: Random, wordings: Sequence[str], called: Sequence[str], number: int) -> str:
    between = abs(number) - 1
    person, sits, there_is = ("person", "sits", "is") if between == 1 else ("people", "sit", "are")
    return rng.choice(wordings).format(
        **dict(zip("xyz", called, strict=False)), number=number_word(between), ordinal=ORDINALS[between],
        people=person, sit=sits, are=there_is)  # fmt: skip


def _spots(theme: Theme, name: str, mask: int) -> str:
    """ "Mei seat 2 or 4", "Mei seat 2 to 4"."""
    spots = [place + 1 for place in places(mask)]
    if len(spots) > 2 and spots[-1] - spots[0] == len(spots) - 1:
        return f"{name} {theme.spot} {spots[0]} to {spots[-1]}"
    return f"{name} {theme.spot} {listing([str(spot) for spot in spots], 'or')}"


def _because(theme: Theme, step: Step, changes: Changes, who: Sequence[str]) -> str:
    """One deduction: "Mei next to Omar: Mei seat 2 or 4."."""
    kind, what = step
    if kind == "left":
        return f"Only {theme.spot} {what + 1} is left for {who[what]}."
    if kind == "only":
        return f"Only {who[what]} is left for {theme.spot} {what + 1}."
    form, people, number = what
    settled = ", ".join(_spots(theme, who[person], mask) for person, mask in changes)
    if form == "at":
        return f"{settled}."
    reason = theme.reasons[form].format(**dict(zip("xyz", (who[i] for i in people), strict=False)), number=number)
    return f"{reason}: {settled}."


def _steps(theme: Theme, problem: _Problem, who: Sequence[str]) -> list[str]:
    layout, (form, people, number) = problem.layout, problem.question
    n = layout.n
    steps = [_because(theme, step, changes, who) for step, changes in problem.deductions]
    if layout.ring:
        steps.insert(0, f"Clockwise from {who[0]} in seat 1.")
    if form == "order":
        start = people[0] + 1 if people else 0
        steps.append(f"Order: {', '.join(who[(start + i) % n] for i in range(len(LETTERS)))}.")
    elif form not in ("who", "seat"):  # these are answered as soon as the last one is placed
        key = form if form != "beside" else "after" if number > 0 else "before"
        if form in ("beside", "across", "amid"):
            end = _person(layout, problem.question)
            value = who[end]
        else:
            end, value = people[-1], _number(layout, problem.question)
        steps.append(theme.last[key].format(value=value, start=people[0] + 1, place=end + 1, k=abs(number), n=n))
    return steps


def _tell(rng: Random, level: int, theme: Theme, problem: _Problem, who: Sequence[str]) -> Told | None:
    n = problem.layout.n
    steps = _steps(theme, problem, who)
    words = (_EASY_WORDS if level <= 3 else _WORDS) - (_ORDER if problem.question[0] == "order" else 0)
    if sum(len(step.split()) for step in steps) > words:
        return None
    scene = rng.choice(theme.scenes).format(who=listing(rng.sample(who, n)), count=capital(number_word(n)), n=n)
    clues = [_clue_text(rng, theme, problem.layout, clue, who)
             for clue in rng.sample(problem.clues, len(problem.clues))]  # fmt: skip
    question = " ".join([scene, *clues, _question_text(rng, theme, problem.layout, problem.question, who)])
    return Told(question, steps, same_form(problem.layout, problem.clues, problem.question))


# -- templates -------------------------------------------------------------------------------------------------------


def asks_for_person(words: Vocabulary, name: str, forms: Sequence[str], levels: Sequence[int]) -> Template:
    """Four of the cast are the options; whoever a question names is none of them."""

    def draw(rng: Random, level: int) -> list[World]:
        cast = names(rng, rng.choice(words.sizes[level]))
        options, others = cast[: len(LETTERS)], cast[len(LETTERS):]
        return [World(option, (tuple(one for one in options if one != option), tuple(others))) for option in options]

    def tell(rng: Random, level: int, world: World) -> Told | None:
        wrong, others = world.facts
        layout = Layout(1 + len(wrong) + len(others), words.ring)
        asked = [every for form in forms if (every := _questions(layout, form)) and len(every[0][1]) <= len(others)]
        problem = _find(rng, layout, level, words.weights(level), rng.choice(asked))
        if problem is None:
            return None
        seated = dict(zip(problem.question[1], rng.sample(others, len(others)), strict=False))
        seated[_person(layout, problem.question)] = world.option
        rest = [one for one in (*wrong, *others) if one not in seated.values()]
        rest = iter(rng.sample(rest, len(rest)))
        who = [seated[i] if i in seated else next(rest) for i in range(layout.n)]
        return _tell(rng, level, rng.choice(words.themes), problem, who)

    return Template(name, draw, tell, levels)


def asks_for_number(words: Vocabulary, name: str, forms: Sequence[str], levels: Sequence[int]) -> Template:
    """The options are four neighbouring numbers."""

    def draw(rng: Random, level: int) -> list[World]:
        layout, form = Layout(rng.choice(words.sizes[level]), words.ring), rng.choice(forms)
        possible = _numbers(layout, form)
        first = rng.choice(possible[: len(possible) - len(LETTERS) + 1])
        return [World(str(number), (layout, form, number)) for number in in_a_row(first, 1)]

    def tell(rng: Random, level: int, world: World) -> Told | None:
        layout, form, number = world.facts
        questions = [one for one in _questions(layout, form) if _number(layout, one) == number]
        problem = _find(rng, layout, level, words.weights(level), questions)
        return problem and _tell(rng, level, rng.choice(words.themes), problem, names(rng, layout.n))

    return Template(name, draw, tell, levels)


def asks_for_order(words: Vocabulary, name: str, levels: Sequence[int]) -> Template:
    """Four people in order: turned round, two of them exchanged, both or neither.

    In a ring they are the others, clockwise from somebody who is named.
    """

    def draw(rng: Random, level: int) -> list[World]:
        cast = names(rng, len(LETTERS) + words.ring)
        start, order = cast[len(LETTERS):], cast[: len(LETTERS)]
        one, other = rng.sample(order, 2)
        exchanged = [{one: other, other: one}.get(name, name) for name in order]
        orders = (order, order[::-1], exchanged, exchanged[::-1])
        return [World(", ".join(people), (*start, *people)) for people in orders]

    def tell(rng: Random, level: int, world: World) -> Told | None:
        layout = Layout(len(world.facts), words.ring)
        problem = _find(rng, layout, level, words.weights(level), _questions(layout, "order"))
        if problem is None:
            return None
        turn = problem.question[1][0] if words.ring else 0
        who = [world.facts[(i - turn) % layout.n] for i in range(layout.n)]
        return _tell(rng, level, rng.choice(words.themes), problem, who)

    return Template(name, draw, tell, levels)

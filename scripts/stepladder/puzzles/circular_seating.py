"""Circular seating: people round a table, all facing its centre, so that the left hand points clockwise."""

from __future__ import annotations

from random import Random

from .arrange import Clue, choose_clues, ring_form, space, tell
from .base import Kind, Template, Told, World, in_a_row
from .words import ORDINALS, capital, listing, names, number_word

_SIZE = {1: 5, 2: 5, 3: 5, 4: 6, 5: 6, 6: 6, 7: 7, 8: 7, 9: 8, 10: 8}
_CLUES = {1: (2, 3), 2: (3,), 3: (3, 4), 4: (4,), 5: (4, 5), 6: (4, 5), 7: (5,), 8: (5, 6), 9: (5, 6), 10: (6, 7)}
_SCENES = (
    "{who} sit around a round table, all facing the centre.",
    "{count} friends sit around a circular table, facing the centre: {who}.",
    "{count} people ({who}) sit in a circle, facing inwards.",
    "{who} sit evenly spaced around a round table and face its centre.",
)


def _weights(level: int) -> dict[str, float]:
    return {"left": 5, "opposite": 2.5, "between": 0.6 + 0.15 * level, "next": 0.8 + 0.12 * level,
            "apart": 0.6 + 0.1 * level}  # fmt: skip


def _spot(places: int, side: str) -> str:
    """ "immediately to the left of", "third to the right of"."""
    return f"{'immediately' if places == 1 else ORDINALS[places - 1]} to the {side} of"


def _clue(rng: Random, clue: Clue, people: list[str]) -> str:
    """A clue in full English, one of several wordings."""
    form, i, j = clue[0], people[clue[1]], people[clue[2]]
    x, y = rng.sample([i, j], 2)
    if form == "left":
        return rng.choice([f"{i} sits {_spot(clue[3], 'left')} {j}.", f"{j} sits {_spot(clue[3], 'right')} {i}."])
    if form == "between":
        y, z = rng.sample([j, people[clue[3]]], 2)
        return rng.choice([f"{i} sits between {y} and {z}, next to both.",
                           f"The two neighbours of {i} are {y} and {z}."])  # fmt: skip
    if form == "opposite":
        return rng.choice([f"{x} sits directly opposite {y}.", f"{x} and {y} face each other across the table."])
    beside = form == "next"
    return rng.choice([f"{x} {'sits' if beside else 'does not sit'} next to {y}.",
                       f"{x} and {y} are {'' if beside else 'not '}neighbours."])  # fmt: skip


def _short(clue: Clue, people: list[str]) -> str:
    """A clue as the solution says it."""
    form, i, j = clue[0], people[clue[1]], people[clue[2]]
    if form == "left":
        return f"{i} {clue[3]} left of {j}"
    if form == "between":
        return f"{i} between {j} and {people[clue[3]]}"
    return f"{i} {dict(apart='not next to', next='next to', opposite='opposite')[form]} {j}"


# -- the questions ---------------------------------------------------------------------------------------------------


def _draw_people(rng: Random, level: int) -> list[World]:
    """Four of those who are not named in the question. Facts: the named one, all others, the one to be right."""
    named, *others = names(rng, _SIZE[level])
    return [World(person, (named, others, person)) for person in rng.sample(others, 4)]


def _around(rng: Random, world: World, places: int) -> list[str]:
    """People clockwise from the named one, the right one so many places on."""
    named, others, right = world.facts
    rest = rng.sample([person for person in others if person != right], len(others) - 1)
    return [named, *rest[:places - 1], right, *rest[places - 1:]]


def _tell_side(rng: Random, level: int, world: World) -> Told | None:
    n, side = _SIZE[level], rng.choice(("left", "right"))
    places = rng.randint(1, (n - 1) // 2)
    other = places if side == "left" else n - places
    people = _around(rng, world, other)
    turn = "Left is clockwise" if side == "left" else "Right is anticlockwise"
    return _puzzle(rng, level, people, (side, other), f"Who sits {_spot(places, side)} {people[0]}?",
                   f"{turn}: {places} from {people[0]} is {world.option}.")  # fmt: skip


def _tell_opposite(rng: Random, level: int, world: World) -> Told | None:
    half = _SIZE[level] // 2
    people = _around(rng, world, half)
    ask = rng.choice([f"Who sits opposite {people[0]}?", f"Who faces {people[0]} across the table?"])
    return _puzzle(rng, level, people, ("opposite", half), ask, f"Opposite is {half} places on: {world.option}.")


def _draw_count(rng: Random, level: int) -> list[World]:
    return [World(str(count), count) for count in in_a_row(rng.randint(0, _SIZE[level] - 5), 1)]


def _tell_count(rng: Random, level: int, world: World) -> Told | None:
    people, way = names(rng, _SIZE[level]), rng.choice(("clockwise", "anticlockwise"))
    last = world.facts + 1 if way == "clockwise" else len(people) - world.facts - 1
    between = people[1:last] if way == "clockwise" else people[:last:-1]
    ask = f"Going {way} from {people[0]} to {people[last]}, how many people sit between them?"
    step = f"{capital(way)} from {people[0]}: {', '.join([*between, people[last]])}. So {world.option} between."
    return _puzzle(rng, level, people, (way, last), ask, step)


def _puzzle(rng: Random, level: int, people: list[str], asked: tuple[str, int], ask: str, last: str) -> Told | None:
    """Clues that seat these people and do not say what is asked; None where this try found none.

    people: clockwise from the one named in the question. asked: the form, and the place of the other one it is about.
    """
    n, (form, other) = len(people), asked
    clues = choose_clues(rng, n, _weights(level), ring=True)
    turn = rng.randrange(n)  # the named one's place in the numbering that the clues know
    pair = (turn, (turn + other) % n)
    if clues is None or len(clues) not in _CLUES[level] or _told_outright(clues, form, pair, n):
        return None
    seated = people[n - turn:] + people[:n - turn]
    told = rng.sample(clues, len(clues))
    scene = rng.choice(_SCENES).format(count=number_word(n).capitalize(), who=listing(rng.sample(people, n)))
    question = " ".join([scene, *(_clue(rng, clue, seated) for clue in told), ask])
    steps = [f"Number seats clockwise, {seated[0]} in 1.",
             *tell(space(n, ring=True), told, lambda clue: _short(clue, seated), lambda i: f"seat {i + 1} {seated[i]}"),
             f"Clockwise: {', '.join(seated)}.", last]  # fmt: skip
    return Told(question, steps, (n, *ring_form(n, clues, (form, *pair))))


def _told_outright(clues: list[Clue], form: str, pair: tuple[int, int], n: int) -> bool:
    """Whether a clue says by itself how these two sit to one another, as far as it is asked."""
    if form in ("left", "right"):
        low, high = pair if form == "left" else pair[::-1]
        return ("left", high, low, (high - low) % n) in clues
    forms = ("left", "opposite") if form == "opposite" else ("left", "opposite", "next")
    return any(clue[0] in forms and sorted(clue[1:3]) == sorted(pair) for clue in clues)


_EVEN = tuple(level for level, n in _SIZE.items() if n % 2 == 0)

KIND = Kind(
    "circular_seating",
    "Circular seating arrangements",
    ("Facing the centre", "Left, right and opposite"),
    "Puzzles",
    (
        Template("side", _draw_people, _tell_side),
        Template("opposite", _draw_people, _tell_opposite, _EVEN),
        Template("count", _draw_count, _tell_count),
    ),
    short_level=5,
)

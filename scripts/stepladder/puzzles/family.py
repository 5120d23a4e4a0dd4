"""Blood relations: a chain of "is the mother of", told as facts or as words about a photo; how are its ends related?

Four relations of one gender that chains of this length can lead to come first, then a chain that leads to one of them.
Conventions, as these puzzles have them: brothers and sisters share both parents, husband and wife are a man and a
woman and share their children, different names are different people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from random import Random

from .base import LETTERS, Kind, Template, Told, World
from .words import Person, capital, people, someone

STEPS = ("parent", "child", "sibling", "spouse")
BACK = {"parent": "child", "child": "parent", "sibling": "sibling", "spouse": "spouse"}
# the word for a man, for a woman
WORDS = {
    "parent": ("father", "mother"), "child": ("son", "daughter"), "sibling": ("brother", "sister"),
    "spouse": ("husband", "wife"), "grandparent": ("grandfather", "grandmother"),
    "grandchild": ("grandson", "granddaughter"), "aunt": ("uncle", "aunt"), "niece": ("nephew", "niece"),
    "cousin": ("cousin", "cousin"), "great-grandparent": ("great-grandfather", "great-grandmother"),
    "great-grandchild": ("great-grandson", "great-granddaughter"),
    "parent-in-law": ("father-in-law", "mother-in-law"), "child-in-law": ("son-in-law", "daughter-in-law"),
    "sibling-in-law": ("brother-in-law", "sister-in-law"), "great-aunt": ("great-uncle", "great-aunt"),
    "great-niece": ("great-nephew", "great-niece"),
}  # fmt: skip
_BLOOD = {
    (1, 0): "parent", (2, 0): "grandparent", (3, 0): "great-grandparent", (0, 1): "child", (0, 2): "grandchild",
    (0, 3): "great-grandchild", (1, 1): "sibling", (2, 1): "aunt", (1, 2): "niece", (2, 2): "cousin",
    (3, 1): "great-aunt", (1, 3): "great-niece",
}  # fmt: skip
_IN_LAW = {
    (True, 0, 0, False): "spouse", (True, 1, 0, False): "parent-in-law", (False, 0, 1, True): "child-in-law",
    (True, 1, 1, False): "sibling-in-law", (False, 1, 1, True): "sibling-in-law", (True, 1, 1, True): "sibling-in-law",
    (False, 2, 1, True): "aunt", (True, 1, 2, False): "niece",
}  # fmt: skip
# Relations that are taken for each other: elders, the young, and those in between.
_ALIKE = (
    ("parent", "grandparent", "great-grandparent", "aunt", "great-aunt", "parent-in-law"),
    ("child", "grandchild", "great-grandchild", "niece", "great-niece", "child-in-law"),
    ("sibling", "cousin", "sibling-in-law", "spouse", "aunt", "niece"),
)
# Steps after each other that lead elsewhere where there are stepmothers or half-brothers.
_PLAIN = (("parent", "spouse"), ("parent", "child"), ("spouse", "child"), ("child", "sibling"), ("sibling", "parent"),
          ("sibling", "sibling"))
_NOTE = "There are no step or half relations. "
# Steps after each other that lead elsewhere where there are stepmothers or half-brothers.
_PLAIN = (("parent", "spouse"), ("parent", "child"), ("spouse", "child"), ("child", "sibling"), ("sibling", "parent"),
          ("sibling", "sibling"))
_NOTE = "There are no step or half relations. "
_LINKS = {1: 2, 2: 2, 3: 3, 4: 3, 5: 4, 6: 4, 7: 5, 8: 5, 9: 6, 10: 7}
_PHOTO_LINKS = {1: 2, 2: 3, 3: 3, 4: 4, 5: 4, 6: 5}


@dataclass(frozen=True)
class Kinship:
    """Where somebody stands: over one's spouse or not, `up` generations, `down` again, and then a spouse or not."""

    first_spouse: bool = False
    up: int = 0
    down: int = 0
    last_spouse: bool = False

    @property
    def relation(self) -> str | None:
        """The English relation, None where there is no one word."""
        if self.first_spouse or self.last_spouse:
            return _IN_LAW.get((self.first_spouse, self.up, self.down, self.last_spouse))
        return _BLOOD.get((self.up, self.down))

    def step(self, step: str, came_by: str | None, named: bool) -> Kinship | None:
        """Who stands one step on; None where that would be, or might be, somebody met already.

        `named`: all on the way bear different names, so "my father's son" cannot be myself.
        """
        up, down = self.up, self.down
        if step == "parent":
            if self.last_spouse or down > 1 or (down == 1 and came_by != "sibling") or (down and not up):
                return None
            return replace(self, down=0, up=up) if down else replace(self, up=up + 1)
        if step == "child":
            if down == 0 and up and not named:
                return None
            if self == Kinship(first_spouse=True):
                return Kinship(down=1)
            return replace(self, down=down + 1, last_spouse=False)
        if self.last_spouse:
            return None
        if step == "sibling":
            if down == 0:
                return replace(self, up=up + 1, down=1)
            return self if named or up == 0 or down > 1 else None
        if self == Kinship():
            return Kinship(first_spouse=True)
        if self == Kinship(first_spouse=True):
            return None
        return self if down == 0 else replace(self, last_spouse=True)


Way = tuple[tuple[str, Kinship], ...]  # each step, and where it leads


@cache
def ways(links: int, named: bool) -> dict[str, list[Way]]:
    """All ways of so many steps through a family whose end has an English word, by that relation."""
    by_relation: dict[str, list[Way]] = {}
    for way in _walk((), Kinship(), {Kinship(): 1}, links, named):
        relation = way[-1][1].relation
        if relation:
            by_relation.setdefault(relation, []).append(way)
    return dict(sorted(by_relation.items()))


def _walk(way: Way, here: Kinship, places: dict[Kinship, int], links: int, named: bool) -> Iterator[Way]:
    if not links:
        yield way
        return
    siblings = [step for step, _ in way[-2:]] == ["sibling", "sibling"]
    for step in STEPS:
        there = here.step(step, way[-1][0] if way else None, named)
        if there is None or _met_before(step, there, places) or (step == "sibling" and siblings):
            continue  # a third brother's brother in a row would only say the same again
        seen = {**places, there: places.get(there, 0) + 1}
        yield from _walk((*way, (step, there)), there, seen, links - 1, named)


def _met_before(step: str, there: Kinship, places: dict[Kinship, int]) -> bool:
    """Ancestors come in couples: a parent where one is known, or a third of them, would be the same person again."""
    if there.down or there.last_spouse or there == Kinship(first_spouse=True):
        return False
    return places.get(there, 0) >= (2 if step == "spouse" else 1)


def _genders(rng: Random, way: Way, last: bool) -> list[bool]:
    """Who is a woman, from the start to the end, whose gender is given: free, but for husbands and wives."""
    women = [last]
    for step, _ in reversed(way):
        women.insert(0, not women[0] if step == "spouse" else rng.random() < 0.5)
    return women


def _labels(way: Way, women: Sequence[bool]) -> list[str]:
    """What each on the way is to the start: "aunt", or where there is no word "wife's aunt's son"."""
    labels: list[str] = []
    for (step, where), woman in zip(way, women[1:], strict=True):
        plain = WORDS[step][woman]
        labels.append(WORDS[where.relation][woman] if where.relation else f"{labels[-1]}'s {plain}")
    return labels


def _note(way: Way) -> str:
    """What must be said for the way to have one reading."""
    steps = [step for step, _ in way]
    return _NOTE if any(pair in _PLAIN for pair in pairwise(steps)) else ""


def _draw_relations(rng: Random, links: int, named: bool) -> list[World]:
    """Four relations of one gender as worlds. Facts: the relation, and whether it is a woman's."""
    reachable = list(ways(links, named))
    alike = [one for one in rng.choice(_ALIKE) if one in reachable]
    pool = alike if len(alike) >= len(LETTERS) and rng.random() < 0.6 else reachable
    woman = rng.random() < 0.5
    return [World(WORDS[one][woman], (one, woman)) for one in rng.sample(pool, len(LETTERS))]


# -- facts about named people ----------------------------------------------------------------------------------------


@dataclass
class _Story:
    """A way through a family from the first of the people to the last, and others beside it: (who, step, of whom)."""

    way: Way
    people: list[Person]
    beside: list[tuple[Person, str, int]]

    def kin_beside(self, step: str, at: int) -> Kinship | None:
        """What somebody beside the way is to the start."""
        here, came_by = (self.way[at - 1][1], self.way[at - 1][0]) if at else (Kinship(), None)
        return here.step(step, came_by, True)

    def tell(self, rng: Random, shuffle: bool) -> tuple[list[str], tuple]:
        """The facts in words, and without names."""
        links = []
        for i, (step, _) in enumerate(self.way):
            # The last one's gender must be told, so the last fact is about the last one.
            forward = i == len(self.way) - 1 or rng.random() < 0.5
            about, of = (i + 1, i) if forward else (i, i + 1)
            links.append((about, WORDS[step if forward else BACK[step]][self.people[about].female], of))
        told = [_fact(rng, self.people[x].name, word, self.people[y].name) for x, word, y in links]
        others = [(person.name, WORDS[step][person.female], at) for person, step, at in self.beside]
        told += [_fact(rng, name, word, self.people[at].name) for name, word, at in others]
        facts = (tuple(links), tuple(sorted((word, at) for _, word, at in others)))
        return (rng.sample(told, len(told)) if shuffle else told), facts

    def steps(self) -> list[str]:
        names = [person.name for person in self.people]
        labels = _labels(self.way, [person.female for person in self.people])
        steps = [f"{names[0]}'s {labels[0]} is {names[1]}."]
        for i in range(1, len(self.way)):
            link = WORDS[self.way[i][0]][self.people[i + 1].female]
            steps.append(f"{names[i]}'s {link} is {names[i + 1]}: {names[0]}'s {labels[i]}.")
        return steps


def _fact(rng: Random, x: str, word: str, y: str) -> str:
    forms = [f"{x} is the {word} of {y}.", f"{x} is {y}'s {word}."]
    if word in WORDS["sibling"] + WORDS["child"]:
        forms = [f"{x} is a {word} of {y}.", forms[1], f"{y} has a {word}, {x}."]
    return rng.choice(forms)


def _newcomer(rng: Random, female: bool, others: Sequence[Person]) -> Person:
    """Somebody whose name does not begin like another's."""
    taken = {person.name[:2] for person in others}
    while (person := someone(rng, female)).name[:2] in taken:
        pass
    return person


def _beside(rng: Random, story: _Story, person: Person) -> None:
    """Put somebody beside the way, as a brother, sister, son or daughter of somebody on it."""
    at = rng.randrange(len(story.people))
    story.beside.append((person, rng.choice(("sibling", "child")), at))


def _add_others(rng: Random, level: int, story: _Story) -> None:
    for _ in range(rng.randint(1, 2)):
        known = [*story.people, *(person for person, _, _ in story.beside)]
        _beside(rng, story, _newcomer(rng, rng.random() < 0.5, known))


def _draw_how(rng: Random, level: int) -> list[World]:
    return _draw_relations(rng, _LINKS[level], True)


def _tell_how(rng: Random, level: int, world: World) -> Told:
    relation, woman = world.facts
    way = rng.choice(ways(_LINKS[level], True)[relation])
    cast: list[Person] = []
    for female in _genders(rng, way, woman):
        cast.append(_newcomer(rng, female, cast))
    story = _Story(way, cast, [])
    _add_others(rng, level, story)
    told, facts = story.tell(rng, level > 2)
    end, start = cast[-1].name, cast[0].name
    ask = rng.choice((f"How is {end} related to {start}?", f"What is {end} to {start}?", f"{end} is {start}'s ..."))
    return Told(f"{' '.join(told)} {_note(way)}{ask}", story.steps(), facts)


# -- who is it -------------------------------------------------------------------------------------------------------


def _draw_who(rng: Random, level: int) -> list[World]:
    """Facts: the four people among whom the one is, and which."""
    four = people(rng, len(LETTERS))
    return [World(person.name, (four, person)) for person in four]


def _tell_who(rng: Random, level: int, world: World) -> Told | None:
    four, wanted = world.facts
    by_relation = ways(_LINKS[level], True)
    relation = rng.choice(list(by_relation))
    way = rng.choice(by_relation[relation])
    story = _cast_among(rng, way, wanted, [person for person in four if person != wanted])
    if story is None:
        return None
    if len(story.beside) < 2:
        _add_others(rng, level, story)
    kin = [where for _, where in way[:-1]] + [story.kin_beside(step, at) for _, step, at in story.beside]
    # Not everybody's gender is told, so an uncle among them could be taken for an aunt.
    if any(one is not None and one.relation == relation for one in kin):
        return None
    told, facts = story.tell(rng, level > 2)
    start = story.people[0].name
    ask = rng.choice((f"Who is {start}'s {WORDS[relation][wanted.female]}?",
                      f"Who is the {WORDS[relation][wanted.female]} of {start}?"))
    return Told(f"{' '.join(told)} {_note(way)}{ask}", story.steps(), facts)


def _cast_among(rng: Random, way: Way, wanted: Person, others: list[Person]) -> _Story | None:
    """The way with the wanted one at its end and the others on it or beside it; None where genders do not fit."""
    inner = rng.sample(range(1, len(way)), min(len(way) - 1, rng.randint(1, len(others))))
    on_way = dict(zip(inner, rng.sample(others, len(inner)), strict=True))
    women = _genders(rng, way, wanted.female)
    if any(women[i] != person.female for i, person in on_way.items()):
        return None
    cast: list[Person] = []
    for i, female in enumerate(women[:-1]):
        cast.append(on_way[i] if i in on_way else _newcomer(rng, female, [*cast, wanted, *others]))
    story = _Story(way, [*cast, wanted], [])
    for person in others:
        if person not in on_way.values():
            _beside(rng, story, person)
    return story


# -- words about a photo ---------------------------------------------------------------------------------------------


def _draw_photo(rng: Random, level: int) -> list[World]:
    return _draw_relations(rng, _PHOTO_LINKS[level], False)


def _tell_photo(rng: Random, level: int, world: World) -> Told:
    relation, woman = world.facts
    way = rng.choice(ways(_PHOTO_LINKS[level], False)[relation])
    women = _genders(rng, way, woman)
    speaker = someone(rng, women[0])
    shown, she = ("woman", "She") if woman else ("man", "He")
    chain = [WORDS[step][female] for (step, _), female in zip(way, women[1:], strict=True)]
    owner = "my " + "'s ".join(chain[:-1])
    said = rng.choice((f"{she} is the {chain[-1]} of {owner}", f"{she} is {owner}'s {chain[-1]}",
                       f"{she} is the {' of the '.join(chain[:0:-1])} of my {chain[0]}"))
    opening = rng.choice((f"Pointing to a {shown} in a photo, {speaker.name} says",
                          f"{speaker.name} shows a photo of a {shown} and says",
                          f"Meeting a {shown} at a wedding, {speaker.name} says"))
    ask = rng.choice((f"How is the {shown} related to {speaker.name}?", f"What is the {shown} to {speaker.name}?"))
    labels = _labels(way, women)
    steps = [f"{capital(prior)}'s {link} = {label}."
             for prior, link, label in zip(labels, chain[1:], labels[1:], strict=False)]
    structure = tuple(zip((step for step, _ in way), women[1:], strict=True))
    return Told(f'{opening}: "{said}." {_note(way)}{ask}', steps, structure)


KIND = Kind(
    "family",
    "Blood relations and family trees",
    ("Chains of relations", "Who is whose uncle", "Pointing to a photo"),
    "Puzzles",
    (
        Template("how", _draw_how, _tell_how),
        Template("who", _draw_who, _tell_who),
        Template("photo", _draw_photo, _tell_photo, range(1, 7)),
    ),
    short_level=10,
)

"""Blood relations: a chain of "is the mother of", told as facts or as words about a photo; how are its ends related?

Conventions, as these puzzles have them: brothers and sisters share both parents, husband and wife are a man and a
woman and share their children, different names are different people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from .base import Draft, Kind
from .words import Person, capital, someone

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
# What people answer by mistake: a generation off, the wrong side, the wrong way round.
_CONFUSED = {
    "parent": ("grandparent", "aunt", "parent-in-law"), "child": ("grandchild", "niece", "child-in-law"),
    "sibling": ("cousin", "sibling-in-law", "aunt"), "spouse": ("sibling", "sibling-in-law", "cousin"),
    "grandparent": ("parent", "great-grandparent", "aunt"), "grandchild": ("child", "niece", "great-grandchild"),
    "aunt": ("niece", "cousin", "grandparent"), "niece": ("aunt", "cousin", "grandchild"),
    "cousin": ("sibling", "niece", "aunt"), "great-grandparent": ("grandparent", "great-aunt", "parent"),
    "great-grandchild": ("grandchild", "great-niece", "child"), "parent-in-law": ("parent", "child-in-law", "aunt"),
    "child-in-law": ("child", "parent-in-law", "niece"), "sibling-in-law": ("sibling", "cousin", "child-in-law"),
    "great-aunt": ("aunt", "grandparent", "great-niece"), "great-niece": ("niece", "grandchild", "great-aunt"),
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
_LINKS = {
    1: (2, 2),
    2: (2, 2),
    3: (3, 3),
    4: (3, 3),
    5: (3, 4),
    6: (4, 4),
    7: (4, 5),
    8: (5, 5),
    9: (5, 6),
    10: (6, 6),
}


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


def walk(rng: Random, links: int, named: bool) -> list[tuple[str, Kinship]] | None:
    """A random way through a family: each step and where it leads; its end has an English word."""
    here, way, came_by = Kinship(), [], None
    places = {here: 1}
    for _ in range(links):
        ways = [(step, there) for step in STEPS if (there := here.step(step, came_by, named)) is not None
                and not _met_before(step, there, places)]  # fmt: skip
        if not ways:
            return None
        came_by, here = rng.choice(ways)
        places[here] = places.get(here, 0) + 1
        way.append((came_by, here))
    return way if here.relation else None


def _met_before(step: str, there: Kinship, places: dict[Kinship, int]) -> bool:
    """Ancestors come in couples: a parent where one is known, or a third of them, would be the same person again."""
    if there.down or there.last_spouse or there == Kinship(first_spouse=True):
        return False
    return places.get(there, 0) >= (2 if step == "spouse" else 1)


def genders(rng: Random, way: list[tuple[str, Kinship]]) -> list[bool]:
    """Who is a woman, the start included: free, but for husbands and wives."""
    found = [rng.random() < 0.5]
    for step, _ in way:
        found.append(not found[-1] if step == "spouse" else rng.random() < 0.5)
    return found


def _labels(way: list[tuple[str, Kinship]], female: list[bool]) -> list[str]:
    """What each on the way is to the start: "aunt", or where there is no word "wife's aunt's son"."""
    labels: list[str] = []
    for (step, where), woman in zip(way, female[1:], strict=True):
        plain = WORDS[step][woman]
        labels.append(WORDS[where.relation][woman] if where.relation else f"{labels[-1]}'s {plain}")
    return labels


def _mistakes(rng: Random, way: list[tuple[str, Kinship]], female: list[bool]) -> list[str]:
    """Wrong gender, a step forgotten, the wrong way round, a near relation."""
    relation, woman = way[-1][1].relation, female[-1]
    found = [WORDS[relation][not woman]]
    before = way[-2][1].relation
    if before:
        found.append(WORDS[before][woman])
    found += [WORDS[r][woman] for r in _CONFUSED[relation]]
    tail = found[1:]
    rng.shuffle(tail)
    return [found[0], *tail] if rng.random() < 0.6 else [*tail, found[0]]


def _facts(rng: Random, level: int, way: list[tuple[str, Kinship]], female: list[bool]) -> Draft | None:
    who = _cast(rng, female)
    names = [p.name for p in who]
    links = []
    for i, (step, _) in enumerate(way):
        # The last one's gender must be told, so the last fact is about them.
        forward = i == len(way) - 1 or rng.random() < 0.5
        links.append(
            (i + 1, WORDS[step][female[i + 1]], i) if forward else (i, WORDS[BACK[step]][female[i]], i + 1)
        )
    extra = _extra(rng, level, who)
    told = [_fact(rng, names[x], word, names[y]) for x, word, y in links]
    told += [_fact(rng, person.name, word, names[y]) for person, word, y in extra]
    if level > 2:
        rng.shuffle(told)
    labels = _labels(way, female)
    key, end, start = labels[-1], names[-1], names[0]
    steps = [f"{start}'s {labels[0]} is {names[1]}."]
    for i in range(1, len(way)):
        link = WORDS[way[i][0]][female[i + 1]]
        steps.append(f"{names[i]}'s {link} is {names[i + 1]}: {start}'s {labels[i]}.")
    form = ("facts", female[-1], tuple(links), tuple((word, y) for _, word, y in extra))
    # Not all genders are told, so an uncle among the options could be read as an aunt.
    alone = sum(where.relation == way[-1][1].relation for _, where in way) == 1
    if len(way) > 2 and alone and rng.random() < 0.3:
        ask = f"Who is {start}'s {key}?"
        # People beside the way may be the same to the start as its end: they are no options.
        rest = rng.sample(names[1:-1], len(names) - 2)
        return Draft(f"{' '.join(told)} {ask}", end, [*rest, start], " ".join(steps), (*form, "who"))
    ask = rng.choice([f"How is {end} related to {start}?", f"What is {end} to {start}?"])
    return Draft(f"{' '.join(told)} {ask}", key, _mistakes(rng, way, female), " ".join(steps), (*form, "how"))


def _extra(rng: Random, level: int, who: list[Person]) -> list[tuple[Person, str, int]]:
    """Facts about people beside the way, which do not help."""
    found = []
    for _ in range(rng.randint(0, 1) if level < 5 else rng.randint(1, 2)):
        at, woman = rng.randrange(len(who)), rng.random() < 0.5
        taken = {p.name[:2] for p in who} | {p.name[:2] for p, *_ in found}
        person = _new(rng, woman, taken)
        found.append((person, WORDS[rng.choice(("sibling", "child"))][woman], at))
    return found


def _fact(rng: Random, x: str, word: str, y: str) -> str:
    return rng.choice([f"{x} is the {word} of {y}.", f"{x} is {y}'s {word}."])


def _cast(rng: Random, female: list[bool]) -> list[Person]:
    cast: list[Person] = []
    for woman in female:
        cast.append(_new(rng, woman, {p.name[:2] for p in cast}))
    return cast


def _new(rng: Random, female: bool, taken: set[str]) -> Person:
    while (person := someone(rng, female)).name[:2] in taken:
        pass
    return person


def _photo(rng: Random, way: list[tuple[str, Kinship]], female: list[bool]) -> Draft:
    speaker = someone(rng, female[0])
    woman = female[-1]
    shown, she = ("woman", "She") if woman else ("man", "He")
    chain = [WORDS[step][g] for (step, _), g in zip(way, female[1:], strict=True)]
    owner = "my " + "'s ".join(chain[:-1])
    said = rng.choice([f"{she} is the {chain[-1]} of {owner}", f"{she} is {owner}'s {chain[-1]}"])
    opening = rng.choice([f"Pointing to a {shown} in a photo, {speaker.name} says", f"{speaker.name} "
                                                                                    f"shows a photo of "
                                                                                    f"a {shown} and says",
                          f"Meeting a {shown} at a wedding, {speaker.name} says"])  # fmt: skip
    ask = rng.choice(
        [f"How is the {shown} related to {speaker.name}?", f"What is the {shown} to {speaker.name}?"]
    )
    labels = _labels(way, female)
    steps = [
        f"{capital(prior)}'s {link} = {label}."
        for prior, link, label in zip(labels, chain[1:], labels[1:], strict=False)
    ]
    form = ("photo", tuple(zip((step for step, _ in way), female[1:], strict=True)))
    return Draft(
        f'{opening}: "{said}." {ask}', labels[-1], _mistakes(rng, way, female), " ".join(steps), form
    )


def make(rng: Random, level: int) -> Draft | None:
    links = rng.randint(*_LINKS[level])
    photo = links < 5 and rng.random() < 0.4
    way = walk(rng, links, named=not photo)
    if way is None:
        return None
    female = genders(rng, way)
    return _photo(rng, way, female) if photo else _facts(rng, level, way, female)


KIND = Kind(
    "family",
    "Blood relations and family trees",
    ("Chains of relations", "Pointing to a photo"),
    "Logical Reasoning",
    make,
    short_level=5,
)

"""Names and small grammar: people of many cultures, articles, plurals, possessives, ordinals, lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

# Names that read as one gender wherever they are common; none is the start of another.
WOMEN = (
    "Aisha", "Amara", "Anna", "Carla", "Chloe", "Elena", "Emma", "Fatima", "Freya", "Grace", "Hana", "Ines", "Ingrid",
    "Julia", "Keiko", "Laila", "Leila", "Lucia", "Maria", "Meera", "Mei", "Nadia", "Naomi", "Nina", "Olga", "Paula",
    "Priya", "Rosa", "Sara", "Sofia", "Sunita", "Tara", "Vera", "Yara", "Yuki", "Zainab", "Zoe",
)  # fmt: skip
MEN = (
    "Adam", "Ahmed", "Anton", "Arjun", "Boris", "Bruno", "Carlos", "Chen", "David", "Diego", "Emeka", "Felix", "Hassan",
    "Hugo", "Ivan", "Jack", "Jorge", "Karim", "Kenji", "Kofi", "Lars", "Leo", "Luca", "Marco", "Mateo", "Miguel",
    "Musa", "Nikhil", "Omar", "Oscar", "Pablo", "Peter", "Rahul", "Ravi", "Samir", "Sven", "Tariq", "Tomas", "Victor",
    "Yusuf",
)  # fmt: skip
NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


@dataclass(frozen=True)
class Person:
    name: str
    female: bool

    @property
    def he(self) -> str:
        return "she" if self.female else "he"

    @property
    def his(self) -> str:
        return "her" if self.female else "his"

    @property
    def him(self) -> str:
        return "her" if self.female else "him"


def people(rng: Random, count: int) -> list[Person]:
    """`count` different people, women and men mixed, no two names with the same first two letters."""
    chosen: dict[str, Person] = {}
    while len(chosen) < count:
        person = someone(rng, rng.random() < 0.5)
        chosen.setdefault(person.name[:2], person)
    return list(chosen.values())


def names(rng: Random, count: int) -> list[str]:
    return [person.name for person in people(rng, count)]


def someone(rng: Random, female: bool) -> Person:
    return Person(rng.choice(WOMEN if female else MEN), female)


def number_word(number: int) -> str:
    """Small numbers in words, others in digits."""
    return NUMBER_WORDS[number] if 0 <= number < len(NUMBER_WORDS) else str(number)


def a(noun: str) -> str:
    """The noun with its indefinite article."""
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def count_of(number: int, noun: str) -> str:
    """A number with its noun in the right form: "1 apple", "3 boxes", "2 cherries"."""
    return f"{number} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """The regular plural, of the noun itself in "box of pens"."""
    head, of, rest = noun.partition(" of ")
    if head.endswith(("s", "x", "ch", "sh")):
        head += "es"
    elif head.endswith("y") and head[-2] not in "aeiou":
        head = head[:-1] + "ies"
    else:
        head += "s"
    return head + of + rest


def listing(items: Sequence[str], word: str = "and") -> str:
    """ "Mei, Omar and Zoe"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {word} {items[-1]}"


def capital(text: str) -> str:
    return text[0].upper() + text[1:]


def possessive(name: str) -> str:
    return f"{name}'s"
